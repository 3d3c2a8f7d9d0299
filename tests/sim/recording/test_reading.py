"""Recordings as they are read: one of each schema version, and whatever else a file of that name may be."""

import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.experiment.errors import ConfigError
from sim.experiment.journal import ClockChange, Fork, RunChange
from sim.recording.reader import Recording, State
from tests.tui.rights import as_anybody

HERE = Path(__file__).parent
VERSIONS = [HERE / "version-1.gdsim", HERE / "version-2.gdsim"]
NEWEST, LOOP = VERSIONS[-1], HERE / "version-2-loop.gdsim"
_LAST = 2**62  # beyond all updates


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A recording that a test may spoil."""
    return Path(shutil.copy(NEWEST, tmp_path / "race.gdsim"))


def read_all(path: Path) -> None:
    """Read everything that there is."""
    recording = Recording(path)
    try:
        assert recording.state in get_args(State)
        _ = recording.news(), recording.journal, recording.landscape, recording.landscapes, recording.resume
        _ = recording.looks.newest(), recording.looks.cloud(0, _LAST), recording.looks.report(0, _LAST)
    finally:
        recording.close()


def complaint(path: Path) -> str:
    """The sentence about a file that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        read_all(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def check_damaged(content: bytes) -> None:
    """What is damaged is read as far as it is not, or refused; it stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "race.gdsim")
        path.write_bytes(content)
        with suppress(ConfigError):
            read_all(path)
        assert path.read_bytes() == content
        assert [one.name for one in path.parent.iterdir()] == ["race.gdsim"]


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_recording_of_each_version(path: Path) -> None:
    recording = Recording(path)
    assert recording.asked.problem.name == "sine"  # type: ignore[union-attr]
    assert [run.batch_size for run in recording.opened.experiment.runs] == [200, 32, 1]
    assert recording.opened.experiment.runs[0].full_batch
    clock, change, fork = recording.journal
    assert clock == ClockChange(4, "examples")
    assert change == RunChange(8, "batch", {"lr": 0.05})
    assert fork == Fork(14, "mini-batch", 3, {"name": "small", "batch_size": 8})
    news = recording.news()
    assert [one.newest.name for one in news.lineages] == ["batch", "mini-batch", "stochastic", "small"]
    assert news.lineages[0].after(12).run.lr == 0.05
    assert [int(news.rows["update"][news.rows["run"] == run].max()) for run in range(4)] == [12, 12, 12, 12]
    assert not len(recording.news().rows)


def test_a_recording_of_a_loop_with_possible_steps() -> None:
    recording = Recording(LOOP)
    assert recording.opened.experiment.runs[0].batch_size == 8
    found, report = recording.looks.cloud(0, _LAST), recording.looks.report(0, _LAST)
    assert found is not None
    assert found.cloud is not None
    assert report is not None
    assert (found.update, found.cloud.sampled, found.cloud.total, report.update) == (12, 40, 40, 12)
    trail = recording.news().plane.trails[0]
    ends = np.array(found.origin) + found.cloud.own
    np.testing.assert_allclose([found.origin, ends], trail.xy[[11, 12]], atol=1e-6)
    assert recording.landscape is not None


@settings(max_examples=150)
@given(
    st.sampled_from([NEWEST, LOOP]),
    st.lists(st.tuples(st.integers(0, NEWEST.stat().st_size - 1), st.integers(1, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes_are_read_or_refused(path: Path, flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(path.read_bytes())
    for position, bits in flips:
        damaged[position % len(damaged)] ^= bits
    check_damaged(bytes(damaged))


@settings(max_examples=40)
@given(st.integers(0, NEWEST.stat().st_size - 1))
def test_truncated_ones_are_refused(size: int) -> None:
    check_damaged(NEWEST.read_bytes()[:size])


def test_what_is_no_recording(tmp_path: Path) -> None:
    text, other = tmp_path / "text.gdsim", tmp_path / "other.gdsim"
    text.write_text("run,update,loss\n" * 100)
    assert complaint(text) == f"{text} is no recording."
    sqlite3.connect(other).execute("CREATE TABLE trace (run INTEGER)")
    assert complaint(other) == f"{other} is no recording."
    assert complaint(tmp_path) == f"{tmp_path} is no recording."
    assert complaint(tmp_path / "gone.gdsim") == f"There is no recording {tmp_path / 'gone.gdsim'}."


def test_one_of_a_newer_version(copy: Path) -> None:
    sqlite3.connect(copy).execute("PRAGMA user_version=3")
    assert complaint(copy) == f"{copy} was written by a newer gdsim; install that one to read it."


def test_columns_of_a_later_gdsim_do_no_harm(copy: Path) -> None:
    with sqlite3.connect(copy) as database:
        database.execute("ALTER TABLE trace ADD COLUMN sharpness REAL")
        database.execute("ALTER TABLE trace DROP COLUMN grad_norm")
    rows = Recording(copy).news().rows
    assert len(rows)
    assert all(rows["grad_norm"] != rows["grad_norm"])


def test_a_locked_one(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.recording.file.LOCK_PATIENCE", 0.0)
    other = sqlite3.connect(copy, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked by another program" in complaint(copy)
    other.execute("ROLLBACK")
    read_all(copy)


def test_rights() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(NEWEST, folder))
        path.chmod(0o444)
        path.parent.chmod(0o555)
        with as_anybody():
            read_all(path)  # nothing has to be written beside it
            assert [one.name for one in path.parent.iterdir()] == [path.name]
        path.chmod(0)
        with as_anybody():
            assert "cannot be read" in complaint(path)
        path.parent.chmod(0o700)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE trace SET run = 7",
        "UPDATE trace SET clock = 3",
        "UPDATE trace SET position = NULL",
        "UPDATE trace SET \"update\" = 'many' WHERE rowid = 9",
        'UPDATE trace SET "update" = 1e15 WHERE rowid = (SELECT max(rowid) FROM trace)',
        "DELETE FROM trace WHERE rowid < 3",
        "DELETE FROM stages WHERE run = 3",
        'DELETE FROM points WHERE "update" = 0',
        "DELETE FROM plane",
        "UPDATE plane SET kind = 'inclined'",
        "UPDATE runs SET parent = 3 WHERE run = 3",
        "UPDATE recording SET asked = '[1]'",
        "UPDATE recording SET resolved = '{\"problem\": 3}'",
        "UPDATE changes SET change = '{\"moment\": 3}'",
        "DROP TABLE troubles",
        "DELETE FROM states WHERE run = 1",
        "UPDATE tensors SET content = zeroblob(length(content)) WHERE part = 'random'",
        "UPDATE states SET \"values\" = '[]'",
        "UPDATE checkpoints SET clock = 5",
        'UPDATE states SET "update" = 1e15',
        "UPDATE states SET epoch = 1e15",
    ],
)
def test_tables_that_make_no_sense(copy: Path, damage: str) -> None:
    with sqlite3.connect(copy) as database:
        database.execute(damage)
    before = copy.read_bytes()
    assert "damaged" in (sentence := complaint(copy)) or "cannot be read" in sentence
    assert copy.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE clouds SET sampled = 99",
        "UPDATE clouds SET steps = x'00'",
        "UPDATE clouds SET steps = 'many'",
        "UPDATE clouds SET used = NULL",
        "UPDATE clouds SET count = -1",
        "UPDATE clouds SET own_x = 'far'",
        "UPDATE clouds SET batch_size = 0",
        "UPDATE reports SET examples = '{}'",
        "UPDATE reports SET measures = '[]'",
        'UPDATE reports SET measures = \'{"angle": "wide"}\'',
        "DROP TABLE reports",
    ],
)
def test_looks_that_make_no_sense(tmp_path: Path, damage: str) -> None:
    path = Path(shutil.copy(LOOP, tmp_path / "mine.gdsim"))
    with sqlite3.connect(path) as database:
        database.execute(damage)
    sentence = complaint(path)
    assert "damaged" in sentence or "cannot be read" in sentence
