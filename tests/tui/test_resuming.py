"""`gdsim run --resume`: a recording goes on as if it had never ended."""

from pathlib import Path

import polars as pl
import pytest

from tests.tui.test_recordings import RACES
from tui import cli

LIMITS = {"problem": (52, 80), "diverging": (4, 60), "model": (65, 80)}
COMPILED = ("linear", "--backend", "compiled", "--clock", "examples")


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)


def rows_of(path: str) -> pl.DataFrame:
    """All that is exported but what a clock measured, and where the curves were evaluated because a run ended."""
    return pl.read_csv(path).drop("seconds")


@pytest.mark.parametrize("race", RACES)
def test_the_end_is_that_of_an_unbroken_run(race: str) -> None:
    options = [option for option in RACES[race] if not option.isdigit() and option != "--updates"]
    options = [*RACES[race]]
    at = options.index("--updates")
    del options[at : at + 2]
    first, last = LIMITS[race]
    assert cli.main(["run", *options, f"--updates={first}", "--record", "race.gdsim"]) == 0
    assert cli.main(["run", "--resume", "race.gdsim", f"--updates={last}", "--export", "resumed.csv"]) == 0
    assert cli.main(["run", *options, f"--updates={last}", "--export", "unbroken.csv"]) == 0
    assert rows_of("resumed.csv").equals(rows_of("unbroken.csv"))
    assert cli.main(["export", "race.gdsim", "again.csv"]) == 0
    assert Path("again.csv").read_bytes() == Path("resumed.csv").read_bytes()
