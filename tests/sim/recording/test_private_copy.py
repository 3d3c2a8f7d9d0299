"""Recordings that another machine writes: what is copied is always whole, and is followed like any other."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.experiment.errors import ConfigError
from sim.recording import private_copy, tables
from sim.recording.private_copy import PrivateCopy
from sim.recording.reader import Recording
from tests.patience import PATIENCE
from tests.sim.recording.test_writing import GO_ON, recorded
from tests.tui.rights import as_anybody

WRITER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("journal_mode=WAL", "synchronous=OFF", "wal_autocheckpoint=100"):
    database.execute("PRAGMA " + statement).fetchall()
number = 0
while sys.stdin.read(1):
    for _ in range(50):
        number += 1
        database.execute("BEGIN")
        database.execute("INSERT INTO one VALUES (?, zeroblob(500))", (number,))
        database.execute("UPDATE one SET value = value + 1 WHERE rowid = ?", (1 + number * 7919 % number,))
        database.execute("UPDATE total SET value = (SELECT value FROM total) + ? + 1", (number,))
        database.execute("UPDATE recording SET written = ?", (number,))
        database.execute("COMMIT")
"""
"""Pages all over the file change with each batch; the log is begun anew twice for each letter that it gets."""


def test_what_is_copied_while_it_is_written_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.gdsim"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE one (value INTEGER, filler BLOB)")
        database.execute("CREATE TABLE total (value INTEGER)")
        database.execute("INSERT INTO total VALUES (0)")
        database.execute("CREATE TABLE recording AS SELECT 0.5 AS written")
    headers, totals, deadline = set[bytes](), list[int](), time.monotonic() + PATIENCE
    copy = PrivateCopy(path)
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE)
    try:
        while len(headers) < 20:
            assert process.stdin is not None
            process.stdin.write(b".")
            process.stdin.flush()
            while not copy.renew():
                pass
            assert time.monotonic() < deadline, "waited in vain"
            headers.add(copy._header or b"")
            with closing(sqlite3.connect(f"{copy.file.as_uri()}?mode=ro", uri=True)) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                ((total,),) = database.execute("SELECT value FROM total")
                assert database.execute("SELECT coalesce(sum(value), 0) FROM one").fetchall() == [(total,)]
            totals.append(total)
    finally:
        process.kill()
        process.wait()
    assert totals == sorted(totals)
    copy.remove()


def test_a_copy_between_which_the_log_was_begun_anew_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.gdsim"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE one (value INTEGER)")
        database.execute("CREATE TABLE recording AS SELECT 1.0 AS written")
        copy = PrivateCopy(path)
        before = copy.file.read_bytes(), copy.file.with_name(copy.file.name + "-wal").read_bytes()

        copyfile = shutil.copyfile

        def begin_anew(here: Path, there: Path) -> None:
            copyfile(here, there)
            database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            database.execute("INSERT INTO one VALUES (1)")

        monkeypatch.setattr(private_copy.shutil, "copyfile", begin_anew)
        assert not copy.renew()
        assert (copy.file.read_bytes(), copy.file.with_name(copy.file.name + "-wal").read_bytes()) == before
        copy.remove()


@contextmanager
def from_afar(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """A recording as read on another machine."""
    monkeypatch.setattr(private_copy, "_REST", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(private_copy, "on_network", lambda _: True)
        recording = Recording(path)
    with closing(recording):
        yield recording


def test_it_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    with from_afar(path, monkeypatch) as copied:
        folder = copied._copy.file.parent  # type: ignore[union-attr]
        with closing(Recording(path)) as here:
            for recording in (copied, here):
                assert recording.news().rows["moment"].max() == 20
            engine.ask(GO_ON)
            engine.write()
            assert copied.news().rows.tobytes() == here.news().rows.tobytes()
            assert copied.state == "being written"
            engine.writer.close()
            assert copied.state == "complete"
    assert not folder.exists()


def test_a_clock_that_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    with from_afar(path, monkeypatch) as copied:
        monkeypatch.setattr(tables, "time", SimpleNamespace(time=lambda: 0.0))
        engine.ask(GO_ON)
        engine.write()
        assert copied.news().rows["moment"].max() == 40
        assert copied.state == "being written"
        engine.writer.close()
        assert copied.state == "complete"


def test_a_machine_that_is_out_of_reach_for_a_while_and_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "race.gdsim"
    engine = recorded(path)
    engine.write()
    copy = PrivateCopy(path)
    monkeypatch.setattr(private_copy, "_REST", 0.0)
    engine.ask(GO_ON)
    engine.write()

    def fail(number: int) -> None:
        raise OSError(number, os.strerror(number))

    for name in ("_stamp", "_header_of"):
        with monkeypatch.context() as patch:
            patch.setattr(private_copy, name, lambda _: fail(errno.ESTALE))
            assert not copy.stale
            assert not copy.renew()
    with monkeypatch.context() as patch:
        patch.setattr(private_copy.shutil, "copyfile", lambda *_: fail(errno.ENOSPC))
        with pytest.raises(ConfigError, match="No space left on device"):
            copy.renew()
    assert copy.stale
    assert copy.renew()
    engine.writer.close()
    copy.remove()


def test_a_machine_without_room_for_what_is_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"race\.gdsim has to be copied to be read: No such file or directory\."):
        PrivateCopy(tmp_path / "race.gdsim")


def test_where_nothing_can_be_written_beside_it() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "shared")
        folder.mkdir()
        engine = recorded(Path(name, "race.gdsim"))
        engine.write()
        for file in ("race.gdsim", "race.gdsim-wal"):  # as another machine sees it
            shutil.copy(Path(name, file), folder)
            folder.joinpath(file).chmod(0o444)
        engine.writer.close()
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        with as_anybody(), closing(Recording(folder / "race.gdsim")) as recording:
            assert recording.copied
            assert recording.news().rows["moment"].max() == 20
            assert sorted(one.name for one in folder.iterdir()) == ["race.gdsim", "race.gdsim-wal"]
        folder.chmod(0o755)


def test_one_that_another_user_writes_is_read_where_it_is() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "race.gdsim")
        engine = recorded(path)
        engine.write()
        path.chmod(0o444)
        Path(name).chmod(0o777)
        with as_anybody(), closing(Recording(path)) as recording:
            assert not recording.copied
            assert recording.state == "being written"
        engine.writer.close()
