"""`gdsim run --resume`: a recording goes on as if it had never ended."""

import math
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sim.experiment.config import Experiment
from sim.experiment.problem import ProblemConfig
from sim.protocol.answers import Answer
from sim.protocol.commands import Advance, Command, ForkRun, Open, RemoveRun
from sim.protocol.trace import Rows
from sim.recording import parts
from sim.recording.reader import Recording
from sim.recording.writer import Writer
from tests.tui.killed import EXPERIMENTS, KILLED, which
from tests.tui.test_recordings import RACES, ROOT, VERSION_1, VERSION_2
from tui import cli
from tui.headless import descend
from tui.recorded_runs import recorded, resumed
from tui.session.link import InlineLink
from tui.session.past import Past
from tui.session.resuming import take_up
from tui.spool import Spool

LIMITS = {"problem": (52, 80), "diverging": (4, 60), "model": (65, 80)}


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)


def rows_of(path: str) -> pl.DataFrame:
    """All that is exported but what a clock measured, and where the curves were evaluated because a run ended."""
    return pl.read_csv(path).drop("seconds")


@pytest.mark.parametrize("race", RACES)
def test_the_end_is_that_of_an_unbroken_run(race: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_ROWS", 20)
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


def outcome_of(experiment: Experiment, ask: Callable[[Command], Answer], past: Past | None = None) -> Rows:
    """All rows of a run, those of each run in their order, without what a clock measured."""
    rows = np.concatenate(list(descend(experiment, ask, Spool(Path.cwd()), past=past).pieces()))
    rows["seconds"] = 0.0
    return rows[np.lexsort((rows["update"], rows["run"]))]


def test_fifty_that_were_killed_come_to_the_same_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.tui.killed", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    ask = InlineLink().ask
    unbroken = [outcome_of(experiment, ask).tobytes() for experiment in EXPERIMENTS]
    for number in range(KILLED):
        path = tmp_path / f"{number}.gdsim"
        before = Recording(path).news().rows
        resumption, writer = take_up(path, None, limited=True)
        rows = outcome_of(resumption.asked, recorded(resumed(ask, resumption), writer), resumption.past)
        assert resumption.past is not None
        resumption.past.close()
        writer.close()
        assert rows.tobytes() == unbroken[which(number)], number
        recording = Recording(path)
        assert recording.state == "complete"
        assert len(recording.news().rows) > len(before)


def test_a_fork_that_was_removed_at_once_is_summed_up_as_its_parent_was(capsys: pytest.CaptureFixture[str]) -> None:
    writer = Writer(Path("race.gdsim"))
    ask = recorded(InlineLink().ask, writer)
    for command in (
        Open(Experiment(ProblemConfig("sine"))),
        Advance(9, math.inf, 60.0),
        ForkRun("batch", 5, {"name": "brief"}),
        RemoveRun("brief"),
    ):
        ask(command)
    writer.close()
    assert cli.main(["run", "--resume", "race.gdsim", "--updates=12"]) == 0
    (brief,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("brief"))
    assert brief[4:6] == ["5", "5.000"]  # updates and, as it reads all in each, epochs


def test_of_an_end_that_was_passed_it_is_not_said_that_the_runs_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--updates=9", "--record", "race.gdsim"]) == 0
    assert "each run for 9 updates" in capsys.readouterr().out
    for command in (["run", "--resume", "race.gdsim", "--updates=2"], ["info", "race.gdsim"]):
        assert cli.main(command) == 0
        out = capsys.readouterr().out
        assert "each run for at least 2 updates" in out
        updates = [line.split()[4] for line in out.splitlines() if line.endswith("running")]
        assert updates == ["9"] * 3


def test_a_recording_of_version_2_goes_on() -> None:
    shutil.copy(VERSION_2, "race.gdsim")
    assert cli.main(["run", "--resume", "race.gdsim", "--updates=20", "--export", "race.csv"]) == 0
    rows, before = pl.read_csv("race.csv"), pl.read_csv(VERSION_2.with_suffix(".csv"))
    assert rows.filter(pl.col("update") <= 12).equals(before)
    assert rows.group_by("run").agg(pl.col("update").max())["update"].to_list() == [20] * 4


MODEL = """
import torch
class Counting(torch.nn.Linear):  # in a type that few buffers have, from its first training on
    def __init__(self):
        super().__init__(2, 1)
        self.register_buffer("count", None)
    def forward(self, x):
        if self.training:
            count = 1 if self.count is None else self.count.item() + 1
            self.count = torch.tensor(count, dtype=torch.uint16)
        return super().forward(x)
def model():
    return Counting()
def data():
    return torch.linspace(-1, 1, 40).reshape(20, 2), torch.linspace(0, 1, 20)[:, None]
"""


def content(path: str) -> list[str]:
    """All that is in the tables of a recording, as statements."""
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def complaint(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The sentence about a recording that cannot go on."""
    before = content("race.gdsim")
    capsys.readouterr()
    assert cli.main(["run", "--resume", "race.gdsim", "--updates=9", *more]) == 2
    assert content("race.gdsim") == before
    assert sorted(one.name for one in Path.cwd().glob("race*")) == ["race.gdsim"]
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_model_that_has_changed_or_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    mine = Path("mine.py")
    mine.write_text(MODEL)
    assert cli.main(["run", "--model", "mine.py", "--updates=4", "--record", "race.gdsim"]) == 0
    mine.write_text(f"{MODEL}\nraise SystemExit\n")  # which is never run
    assert complaint(capsys) == "gdsim: mine.py has changed since it was recorded; the runs would be others."
    mine.unlink()
    assert complaint(capsys) == "gdsim: mine.py, of which the recorded problem is made, is not there any more."
    assert cli.main(["info", "race.gdsim"]) == 0
    mine.write_text(MODEL)
    assert cli.main(["run", "--resume", "race.gdsim", "--updates=9"]) == 0
    with closing(Recording(Path("race.gdsim"))) as recording:
        counts = {run.tensors["buffers", "count"].content for run in recording.resume.checkpoints[-1].runs}
    assert counts == {b"\x09\x00"}


def test_data_that_have_changed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("points.csv").write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(9)))
    data = ("--data", "points.csv", "--features", "x", "--target", "y")
    assert cli.main(["run", *data, "--updates=4", "--record", "race.gdsim"]) == 0
    Path("points.csv").write_text("x,y\n" + "".join(f"{i},{i + i}\n" for i in range(9)))
    assert "points.csv has changed since it was recorded" in complaint(capsys)
    with closing(sqlite3.connect("race.gdsim")) as database, database:
        database.execute("DELETE FROM files")  # so that the loss alone says so
    assert "The loss at the start is not the one that was recorded" in complaint(capsys)


BAD_OPTIONS = {
    "another rate": (["--lr", "3"], "says all about its runs; leave out --lr."),
    "another file": (["--record", "other.gdsim"], "leave out --record."),
    "a problem": (["sine"], "says all about its runs; leave out the problem."),
    "two ends": (["--seconds", "3"], "end in one way only"),
}


def test_what_cannot_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["run", "--updates=4", "--record", "race.gdsim"]) == 0
    for options, words in BAD_OPTIONS.values():
        assert words in complaint(capsys, *options)
    monkeypatch.setattr("sim.recording.file.LOCK_PATIENCE", 0.0)
    writer = Writer(Path("race.gdsim"), resumed=True)
    assert cli.main(["run", "--resume", "race.gdsim", "--updates=9"]) == 2
    assert capsys.readouterr().err == "gdsim: race.gdsim is being written by another program.\n"
    writer.close()
    shutil.copy(VERSION_1, "race.gdsim")
    assert "written by an older gdsim, and can only be replayed" in complaint(capsys)


DAMAGES = (
    "DELETE FROM tensors WHERE part = 'order'",
    "UPDATE tensors SET content = zeroblob(16), crc32 = 3970306085 WHERE part = 'order'",
    "UPDATE tensors SET shape = '[3]' WHERE part = 'vector'",
    "UPDATE tensors SET type = 'object' WHERE part = 'vector'",
    "UPDATE states SET \"values\" = '{}'",
    "UPDATE states SET status = 7",
)


def test_checkpoints_that_make_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--updates=4", "--record", "whole.gdsim"]) == 0
    for damage in DAMAGES:
        shutil.copy("whole.gdsim", "race.gdsim")
        with closing(sqlite3.connect("race.gdsim")) as database, database:
            database.execute(damage)
        sentence = complaint(capsys)
        assert sentence.startswith("gdsim: race.gdsim is damaged") or "cannot be resumed" in sentence, damage
