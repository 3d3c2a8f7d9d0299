"""A recording that another machine writes, as a network's file system may show it: its files as of different times."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.experiment.errors import ConfigError
from sim.protocol.commands import Advance, Open
from sim.protocol.trace import Rows
from sim.recording import parts, private_copy, writer
from sim.recording.reader import Recording
from tests.sim.recording.test_writing import ASKED, Engine

_BATCHES = 25
_PAGE = 4096  # bytes
NAME = "race.gdsim"


class Files(NamedTuple):
    """What a recording's file and its log have at some time; a log that is not there has None."""

    file: bytes
    log: bytes | None


class Seen(NamedTuple):
    """What is seen of them.

    Attributes:
        time: of the file.
        late: how many batches later the log is seen.
        how: what is wrong with them besides.
        share: how much of that is there.
    """

    time: int
    late: int
    how: str
    share: float


@dataclass
class Written:
    """A recording at the times after its batches, the last one complete, and all rows after its start."""

    times: list[Files]
    rows: Rows


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Written so that the log is begun anew every few batches."""
    path = tmp_path_factory.mktemp("there") / NAME
    with pytest.MonkeyPatch.context() as patch:

        def begin_log(database: sqlite3.Connection) -> None:
            database.execute("PRAGMA wal_autocheckpoint=20")
            begin(database)

        begin = writer.begin_log
        patch.setattr(writer, "begin_log", begin_log)
        patch.setattr(writer, "_EVERY", 0.003)
        patch.setattr(parts, "_ROWS", 100)
        engine, times = Engine(path, until=_BATCHES * 60), []
        engine.ask(Open(ASKED))
        for batch in range(_BATCHES):
            engine.ask(Advance(1 + batch * 7 % 60, np.inf, 60.0))
            engine.write()
            times.append(_found(path))
        engine.writer.close()
    with closing(Recording(path)) as recording:
        rows = recording.news().rows
    return Written([*times, _found(path)], rows)


def _found(path: Path) -> Files:
    log = path.with_name(f"{path.name}-wal")
    return Files(path.read_bytes(), log.read_bytes() if log.exists() else None)


def show(folder: Path, files: Files) -> None:
    """Have a folder show these files."""
    folder.joinpath(NAME).write_bytes(files.file)
    log = folder.joinpath(f"{NAME}-wal")
    log.unlink(missing_ok=True)
    if files.log is not None:
        log.write_bytes(files.log)


def files_of(written: Written, seen: Seen) -> Files:
    """The two files as they are seen."""
    last = len(written.times) - 1
    file, log = written.times[seen.time].file, written.times[min(max(0, seen.time + seen.late), last)].log
    match seen.how:
        case "short file":
            file = file[: round(seen.share * len(file))]
        case "short log":
            log = None if log is None else log[: round(seen.share * len(log))]
        case "no log":
            log = None
        case "copied in part":
            after = written.times[min(last - 1, seen.time + 1)]
            begun = round(seen.share * len(after.file) / _PAGE) * _PAGE
            file, log = after.file[:begun] + file[begun:], after.log
    return Files(file, log)


@contextmanager
def unless_on_its_way() -> Iterator[None]:
    """Within, a recording may not be seen whole; it is never said to be damaged."""
    try:
        yield
    except ConfigError as error:
        if "cannot be seen whole from this machine just now" not in str(error):
            raise


HOW = ("nothing", "nothing", "short file", "short log", "no log", "copied in part")
LATE = (0, 0, 1, 2, 7, -1, -2, -7)
seen = st.builds(Seen, st.integers(0, _BATCHES - 1), st.sampled_from(LATE), st.sampled_from(HOW), st.floats(0, 1))


def test_it_is_as_it_was_or_as_it_is(
    written: Written, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"on_network": lambda _: True, "_REST": 0.0, "_TRIES": 1, "_BETWEEN": 0.0}.items():
        monkeypatch.setattr(private_copy, name, value)

    @settings(max_examples=20)
    @given(st.lists(seen, min_size=1, max_size=6))
    def follow(times: list[Seen]) -> None:
        folder = tmp_path_factory.mktemp("seen")
        recording = None
        rows = written.rows[:0]
        for files in (*(files_of(written, one) for one in times), written.times[-1]):
            show(folder, files)
            if recording is None:
                with unless_on_its_way():
                    recording = Recording(folder / NAME)
            if recording is None:
                continue
            assert recording.state in ("being written", "complete", "broken off")
            rows = np.concatenate([rows, recording.news().rows])
            assert rows.tobytes() == written.rows[: len(rows)].tobytes()
            if len(recording.part_ends):
                assert len(recording.part(len(recording.part_ends) // 2).rows)
        assert recording is not None
        assert recording.state == "complete"
        assert len(rows) == len(written.rows)
        recording.close()

    follow()
