"""What the README says to type is real."""

import re
import shlex
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.keys import format_key

from sim.problems import registry
from tui import cli
from tui.keys import KEYS
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
    svg = ElementTree.parse(ROOT / picture).getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_picture_moves_and_asks_for_nothing_that_a_web_page_would_refuse() -> None:
    path = ROOT / "docs/screen.svg"
    svg = path.read_text(encoding="utf-8")
    assert svg.count("@keyframes") >= 40
    assert "prefers-reduced-motion" in svg
    assert not re.search(r"<script|@import|url\(|href", svg)
    assert path.stat().st_size < 2_000_000


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
    assert table("Problems") == list(registry()), "README.md ## Problems has a row for each, in the registry's order"


def test_every_key_is_listed() -> None:
    section = README.split("\n## Keys\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\|([^|]+)\|", section, flags=re.MULTILINE))))
    names = {"⌫": "backspace", "⏎": "enter"}
    keys = {key.display or format_key(key.key.split(",")[0]) for key in KEYS if key.key}
    keys = {names.get(key, key) for key in keys}
    shifted = {"⇧→", "⇧←"}  # "with shift"
    assert listed == keys - shifted | {"1", "9", "tab", "ctrl+p"}, "README.md ## Keys names each of KEYS"


def test_every_exported_column_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "race.csv"
    assert cli.main(["run", "--updates", "1", "--export", str(path)]) == 0
    columns = path.read_text().splitlines()[0].split(",")
    assert sorted(table("Without a screen")) == sorted(columns), "README.md ## Without a screen explains each column"
