"""Recordings as they are written: what any SQLite tool finds in them, and what ends them."""

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Window
from sim.experiment.problem import ProblemConfig
from sim.protocol.answers import Advanced, Answer, Changed, Opened, PlaneNews, Trail, Trouble, Worked
from sim.protocol.commands import Advance, Command, Open, SetClock, SetPlane, Survey, Work
from sim.protocol.results import Surveyed
from sim.recording import writer as writing
from sim.recording.reader import Recording
from sim.recording.writer import Writer, check
from tests.patience import PATIENCE
from tests.tui.rights import as_anybody
from tests.tui.traces import ReplayLink, make_experiment, make_race

ASKED = make_experiment()
WINDOW = Window(-1.0, 1.0, -2.0, 2.0)
GO_ON = Advance(20, np.inf, 60.0)


class Engine:
    """Answers from a race made by hand, all of which are recorded."""

    def __init__(self, path: Path, until: float = 60) -> None:
        self.writer = Writer(path)
        self._link = ReplayLink(make_race(ASKED, until))

    def answer(self, command: Command) -> Answer:
        return self._link._answer(command)

    def ask(self, command: Command) -> None:
        self.writer.take(command, self.answer(command))

    def write(self) -> None:
        """Have written what was answered so far."""
        until_written(self.writer)


def until_written(writer: Writer) -> None:
    with writer._changed:
        assert writer._changed.wait_for(lambda: not writer._rows and not writer._waiting, timeout=PATIENCE)


def recorded(path: Path) -> Engine:
    engine = Engine(path)
    engine.ask(Open(ASKED))
    engine.ask(GO_ON)
    return engine


def test_every_row_is_plain_columns(tmp_path: Path) -> None:
    path = tmp_path / "race.gdsim"
    recorded(path).writer.close()
    race = make_race(ASKED, 60)
    rows = race.rows[race.rows["moment"] <= 20]
    names = ", ".join(f'"{name}"' for name in rows.dtype.names or ())
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(f"SELECT {names} FROM trace").fetchall()
        points = database.execute('SELECT "update", x, y FROM points WHERE run = 1 ORDER BY "update"').fetchall()
        words = database.execute("SELECT name FROM statuses JOIN trace USING (status) GROUP BY name").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for column, name in zip(zip(*found, strict=True), rows.dtype.names or (), strict=True):
        np.testing.assert_array_equal(np.array(column, dtype=rows.dtype[name]), rows[name])
    np.testing.assert_array_equal(np.array(points), np.column_stack([np.arange(21), race.points[1][:21]]))
    assert words == [("running",)]
    assert [one.name for one in tmp_path.iterdir()] == ["race.gdsim"]


def test_arrays_are_bytes_with_their_shape_beside_them(tmp_path: Path) -> None:
    path, values = tmp_path / "race.gdsim", np.arange(6.0).reshape(2, 3)
    engine = recorded(path)
    jobs = (Survey(WINDOW, 3, 2),)
    for progress in (0.3, 1.0):
        landscape = Surveyed(WINDOW, progress * values, progress, examples=61)
        engine.writer.take(Work(jobs, 0.1), Worked(((jobs[0], landscape),), ()))
    engine.writer.close()
    with closing(sqlite3.connect(path)) as database:
        columns = 'rows, columns, type, "values", "left", "top"'
        ((rows, across, kind, content, left, top),) = database.execute(f"SELECT {columns} FROM landscapes")
    np.testing.assert_array_equal(np.frombuffer(content, kind).reshape(rows, across), values)
    assert (left, top) == (WINDOW.left, WINDOW.top)
    recording = Recording(path)
    assert recording.landscape is not None
    assert recording.landscape.window == WINDOW
    np.testing.assert_array_equal(recording.landscape.values, values)


def test_what_comes_later_is_found_by_who_reads_already(tmp_path: Path) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    recording = Recording(path)
    assert recording.state == "being written"
    assert recording.news().rows["moment"].max() == 20
    engine.ask(GO_ON)
    change = Changed(ASKED.changes, make_race(ASKED, 1).experiment.lineages)
    engine.writer.take(SetClock("examples"), change)
    engine.write()
    news = recording.news()
    assert (news.rows["moment"].min(), news.rows["moment"].max()) == (21, 40)
    assert news.plane.trails[0].updates.tolist() == list(range(21, 41))
    engine.writer.close()
    assert recording.state == "complete"
    assert not len(recording.news().rows)


def test_another_plane_replaces_all_points(tmp_path: Path) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    recording = Recording(path)
    recording.news()
    trail = Trail(np.array([0, 8]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2), (5.0, 6.0), 0.5)
    plane = PlaneNews(3, "pca", "PCA of the trails so far", 0.9, True, (trail,) * 3)
    engine.writer.take(SetPlane("pca"), plane)
    engine.writer.close()
    found = recording.news().plane
    assert (found.whole, found.number, found.kind, found.explained) == (True, 3, "pca", 0.9)
    np.testing.assert_array_equal(found.trails[2].xy, trail.xy)
    assert (found.trails[2].head, found.trails[2].head_distance) == ((5.0, 6.0), 0.5)


def test_why_a_run_failed(tmp_path: Path) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    trouble = Trouble(1, "No room left.", "a traceback", {"loss": float("inf")})
    answer = engine.answer(GO_ON)
    assert isinstance(answer, Advanced)
    engine.writer.take(GO_ON, replace(answer, troubles=(trouble,)))
    engine.writer.close()
    assert Recording(path).news().troubles == (trouble,)


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such names")
def test_a_problem_of_files_with_any_name(tmp_path: Path) -> None:
    own, data = tmp_path / os.fsdecode(b"m\xffne.py"), tmp_path / "\N{SNOWMAN}, 'it is'\n\"mine\".csv"
    own.write_text("1")
    data.write_text("2")
    path, asked = tmp_path / "race.gdsim", replace(ASKED, problem=ProblemConfig(str(own), data=str(data)))
    engine = Engine(path)
    engine.writer.take(Open(asked), engine.answer(Open(ASKED)))
    engine.writer.close()
    assert engine.writer.sentences() == []
    assert Recording(path).files == {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in (own, data)}
    assert Recording(path).asked == asked


def test_another_experiment_has_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "race-2.gdsim").write_text("somebody's own")
    engine = recorded(tmp_path / "race.gdsim")
    engine.ask(Open(replace(ASKED, seed=5)))
    engine.writer.close()
    assert engine.writer.sentences() == [f"This experiment is recorded in {tmp_path / 'race-3.gdsim'}."]
    first, second = Recording(tmp_path / "race.gdsim"), Recording(tmp_path / "race-3.gdsim")
    assert (first.asked.seed, second.asked.seed, first.state, second.state) == (0, 5, "complete", "complete")
    assert (tmp_path / "race-2.gdsim").read_text() == "somebody's own"


def trouble_of(engine: Engine) -> str:
    """What is said when a recording ends early; the runs go on."""
    thread = engine.writer._thread
    assert isinstance(thread, threading.Thread)
    engine.ask(GO_ON)
    thread.join(timeout=PATIENCE)
    engine.ask(GO_ON)
    engine.writer.close()
    (sentence,) = engine.writer.sentences()
    return sentence


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "race.gdsim"
    write_answer = writing.write_answer

    def on_a_small_disk(database: sqlite3.Connection, answer: Answer) -> None:
        database.execute("PRAGMA max_page_count=1")  # as many as there are
        write_answer(
            database, replace(answer, rows=np.tile(answer.rows, 100)) if isinstance(answer, Advanced) else answer
        )

    monkeypatch.setattr(writing, "write_answer", on_a_small_disk)
    assert trouble_of(recorded(path)).endswith("ended early, the runs did not: database or disk is full.")
    assert not len(Recording(path).news().rows)


def test_a_disk_that_was_full_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is free again."""
    path, write_start = tmp_path / "race.gdsim", writing.write_start

    def on_a_full_disk(database: sqlite3.Connection, asked: Experiment, opened: Opened) -> None:
        database.execute("PRAGMA max_page_count=1")
        write_start(database, asked, replace(opened, rows=np.tile(opened.rows, 1000)))

    monkeypatch.setattr(writing, "write_start", on_a_full_disk)
    assert trouble_of(recorded(path)).endswith("ended early, the runs did not: database or disk is full.")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    engine = recorded(folder / "race.gdsim")
    engine.write()
    shutil.rmtree(folder)
    path = folder / "race.gdsim"
    assert trouble_of(engine) == f"The recording {path} ended early, the runs did not: no such file or directory."
    assert not folder.exists()


def test_a_number_that_no_column_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised in the thread that writes is said."""
    engine = recorded(tmp_path / "race.gdsim")
    monkeypatch.setattr(writing, "write_answer", lambda database, _answer: database.execute("SELECT ?", (2**64,)))
    assert trouble_of(engine).endswith(
        "ended early, the runs did not: python int too large to convert to SQLite INTEGER."
    )


def test_a_second_writer_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.recording.file.LOCK_PATIENCE", 0.0)
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    with pytest.raises(ConfigError, match=r"race\.gdsim is being written by another program\.$"):
        Writer(path, resumed=True)
    engine.ask(GO_ON)
    engine.writer.close()
    assert not engine.writer.sentences()
    assert Recording(path).news().rows["moment"].max() == 40
    Writer(path, resumed=True).close()
    assert [one.name for one in tmp_path.iterdir()] == ["race.gdsim"]


def test_one_that_cannot_be_written_to() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "race.gdsim"
        recorded(path).writer.close()
        path.chmod(0o444)
        path.parent.chmod(0o777)
        with as_anybody(), pytest.raises(ConfigError, match="cannot be written to: attempt to write a readonly"):
            Writer(path, resumed=True)
        assert [one.name for one in path.parent.iterdir()] == ["race.gdsim"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("there.gdsim", "is there already"),
        ("race.csv", "ends in .gdsim"),
        ("gone/race.gdsim", "is no folder"),
        ("there.gdsim/race.gdsim", "is no folder"),
    ],
)
def test_names_that_are_refused_before_anything_begins(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "there.gdsim").write_text("somebody's own")
    with pytest.raises(ConfigError, match=words):
        check(tmp_path / name)
    assert (tmp_path / "there.gdsim").read_text() == "somebody's own"
