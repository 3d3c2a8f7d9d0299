"""What the README says to type is real."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from sim.problems import registry
from tui import cli
from tui.options import config_file

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = README.splitlines()[:40]


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("gdsim ")]


def test_the_two_commands_and_the_picture_are_on_the_first_screen() -> None:
    assert "pip install . && gdsim" in FIRST_SCREEN
    assert "pip install -e '.[dev]' && pytest" in FIRST_SCREEN
    (picture,) = re.findall(r"!\[.+\]\((.+)\)", "\n".join(FIRST_SCREEN))
    assert "<svg" in (ROOT / picture).read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    _, *words = shlex.split(command)
    _, bound, unused, _ = cli.app.parse_known_args(words)
    assert bound.arguments
    assert unused == []


def test_the_toml_file_is_understood(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "lesson.toml"
    path.write_text(text)
    assert set(config_file.read(path)) == set(tomllib.loads(text))


def table(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\|([^|]+)\|", section, flags=re.MULTILINE)))


def test_every_problem_is_listed() -> None:
    assert table("Problems") == list(registry())


def test_every_exported_column_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "race.csv"
    assert cli.main(["run", "--updates", "1", "--export", str(path)]) == 0
    assert sorted(table("Without a screen")) == sorted(path.read_text().splitlines()[0].split(","))
