"""A recording that another machine writes, read from a private copy. Imports no torch.

SQLite's log has an index in memory that all who use the file share (https://www.sqlite.org/wal.html, section 6), which
no two machines do. What can be seen from another one are the file and its log. Batches are appended to the log, each
with a checksum, and copied from there to the file at times; then the log is begun anew, with another header. So a file
that was copied before its log, both while the log's header stayed the same, is with it all that had been written by
then: whatever the file has of a batch stands in the log, too.

A file system may show one of the two as it was some seconds ago, or shorter than it is, or not at all for a while. So a
copy counts only where SQLite finds nothing wrong with it, where it was written no earlier than the file without its log
says, and than the copy before, and where it has as many pages as the file says after all: a recording only grows, and
what says so is what comes from the log first. What is not whole is on its way, and the copy before stays.
"""

import errno
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from sim.experiment.errors import ConfigError
from sim.experiment.words import shown_path
from sim.recording.file import connect

_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "9p", "afs", "ceph", "lustre"),
    *("beegfs", "gpfs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.ceph", "fuse.rclone"),
}
"""The kinds of file systems that lie on another machine; Windows has a word of its own for all of them."""

_HEADER = 32  # bytes of a log
_TRIES, _BETWEEN = 20, 0.05  # seconds
_WRITTEN = "SELECT written FROM recording"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_REST = 4  # times as long as a copy took nothing is copied


def has_to_be_copied(path: Path) -> bool:
    """Whether a recording has a log whose index cannot be shared with whoever writes it."""
    there = _log_of(path).exists()
    return (there or _has_log(path)) if on_network(path) else (there and not _shares_memory(path))


def on_network(path: Path) -> bool:
    """Whether a file lies on another machine, as far as this one knows."""
    there = path.resolve()
    mounts = (one for one in psutil.disk_partitions(all=True) if there.is_relative_to(one.mountpoint))
    nearest = max(mounts, key=lambda one: len(one.mountpoint), default=None)
    return nearest is not None and (nearest.fstype in _NETWORK or "remote" in nearest.opts.split(","))


def _has_log(path: Path) -> bool:
    """Whether a file says that it has a log, which may not be seen yet."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(20)[18:] == b"\2\2"
    return False


def _shares_memory(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        return "unable to open" not in str(error)
    except sqlite3.DatabaseError:
        pass  # whatever it is, it is not for want of memory
    return True


class PrivateCopy:
    """A copy of a recording and its log.

    Attributes:
        file: of the copy.

    Raises:
        ConfigError: where no whole copy can be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="gdsim-")
        except OSError as error:
            raise ConfigError(f"{shown_path(path)} has to be copied to be read: {error.strerror}.") from None
        self.file = Path(self._folder.name, path.name)
        self._header: bytes | None = None  # of the log that was copied with the file
        self._written = 0.0
        self._seen: tuple[object, ...] = ()
        self._due = 0.0
        for _ in range(_TRIES):
            if self.renew():
                return
            time.sleep(_BETWEEN)
        self.remove()
        shown = shown_path(path)
        raise ConfigError(f"{shown} cannot be seen whole from this machine just now; try again later.")

    @property
    def behind(self) -> bool:
        """Whether more was written since."""
        return self._look() != self._seen

    @property
    def stale(self) -> bool:
        """Whether it is time to look at that."""
        return time.monotonic() >= self._due and self.behind

    def renew(self) -> bool:
        """Copy what was written since; whether that is a whole again, else the copy is what it was. Nobody has it open.

        Where the other machine cannot be reached, the copy is what it was, too.

        Raises:
            ConfigError: where there is no room for a copy, or there was none yet.
        """
        began, seen = time.monotonic(), self._look()
        try:
            there = self._copy()
        except OSError as error:
            if self._written and error.errno not in _NO_ROOM:
                return False
            why = error.strerror or str(error)
            raise ConfigError(f"{shown_path(self._path)} cannot be copied to {self._folder.name}: {why}.") from None
        now = time.monotonic()
        self._due = now + _REST * (now - began)
        if there:
            self._seen = seen
        return there

    def remove(self) -> None:
        """Leave nothing of it."""
        self._folder.cleanup()

    def _copy(self) -> bool:
        header, before = _header_of(self._log), _stamp(self._path)
        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            new = Path(folder, self.file.name)
            if header and header == self._header:  # the log still has all that the file may have got since
                os.link(self.file, new)
            else:
                shutil.copyfile(self._path, new)
            if header:
                shutil.copyfile(self._log, _log_of(new))
            if _header_of(self._log) != header or not (header or _stamp(self._path) == before):
                return False
            written, pages = _state_of(new)
            if not written or written < self._written or pages < _pages_said(self._path):
                return False
            self._header, self._written = header, written
            for end in ("-wal", "-shm"):
                self.file.with_name(self.file.name + end).unlink(missing_ok=True)
            for one in filter(Path.exists, (new, _log_of(new))):
                one.replace(self.file.with_name(one.name))
        return True

    @property
    def _log(self) -> Path:
        return _log_of(self._path)

    def _look(self) -> tuple[object, ...]:
        """What is another one whenever more was written; what was seen last where nothing can be seen just now."""
        try:
            return _stamp(self._path), _stamp(self._log), _header_of(self._log)
        except OSError:
            return self._seen


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _header_of(log: Path) -> bytes:
    """The header of a log, which is another one whenever it is begun anew; nothing where there is none."""
    try:
        with log.open("rb") as file:
            return file.read(_HEADER)
    except FileNotFoundError:
        return b""


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _state_of(copy: Path) -> tuple[float, int]:
    """When a copy was last written to, and how many pages it had then; 0 where file and log are not of one time."""
    try:
        with closing(connect(copy)) as database:
            ((written,),) = database.execute(_WRITTEN)
            ((pages,),) = database.execute("PRAGMA page_count")
            ((size,),) = database.execute("PRAGMA page_size")
            whole = database.execute("PRAGMA quick_check(1)").fetchall()[0][0] == "ok"
    except sqlite3.DatabaseError:
        return 0.0, 0
    whole = whole and copy.stat().st_size % size == 0 and written >= _written_alone(copy)
    return (float(written), int(pages)) if whole else (0.0, 0)


def _written_alone(copy: Path) -> float:
    """When a file was last written to, its log left out; 0 where it does not say that, being copied from the log."""
    uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(uri, uri=True)) as database:
        return float(database.execute(_WRITTEN).fetchone()[0])
    return 0.0


def _pages_said(path: Path) -> int:
    """How many pages a file says that it has (https://www.sqlite.org/fileformat2.html, section 1.3)."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(32)[28:])
