"""`gdsim run --resume`: a recording goes on as if it had never ended."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sim.experiment.config import Experiment
from sim.protocol.answers import Answer
from sim.protocol.commands import Command
from sim.protocol.trace import Rows
from sim.recording.reader import Recording
from tests.tui.killed import EXPERIMENTS, KILLED
from tests.tui.test_recordings import RACES, ROOT
from tui import cli
from tui.headless import descend, recorded, resumed
from tui.session.link import InlineLink
from tui.session.resuming import Resumption

LIMITS = {"problem": (52, 80), "diverging": (4, 60), "model": (65, 80)}


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)


def rows_of(path: str) -> pl.DataFrame:
    """All that is exported but what a clock measured, and where the curves were evaluated because a run ended."""
    return pl.read_csv(path).drop("seconds")


@pytest.mark.parametrize("race", RACES)
def test_the_end_is_that_of_an_unbroken_run(race: str) -> None:
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


def outcome_of(experiment: Experiment, ask: Callable[[Command], Answer]) -> Rows:
    """All rows of a run, those of each run in their order, without what a clock measured."""
    rows = descend(experiment, ask).rows
    rows["seconds"] = 0.0
    return rows[np.lexsort((rows["update"], rows["run"]))]


def test_fifty_that_were_killed_come_to_the_same_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tui.killed", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=100)
    ask = InlineLink().ask
    unbroken = [outcome_of(experiment, ask).tobytes() for experiment in EXPERIMENTS]
    for number in range(KILLED):
        path = tmp_path / f"{number}.gdsim"
        before = Recording(path).news().rows
        resumption = Resumption(path, None, limited=True)
        rows = outcome_of(resumption.asked, recorded(resumed(ask, resumption), resumption.writer))
        resumption.writer.close()
        assert rows.tobytes() == unbroken[number % len(EXPERIMENTS)], number
        recording = Recording(path)
        assert recording.state == "complete"
        assert len(recording.news().rows) > len(before)
