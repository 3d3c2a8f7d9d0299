"""A recording that another machine writes, read from a private copy. Imports no torch.

SQLite's log has an index in memory that all who use the file share (https://www.sqlite.org/wal.html, section 6), which
no two machines do. What can be seen from another one are the file and its log. Batches are appended to the log, each
with a checksum, and copied from there to the file at times; then the log is begun anew, with another header. So a file
that was copied before its log, both while the log's header stayed the same, is with it all that had been written by
then: whatever the file has of a batch stands in the log, too.
"""

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

from sim.experiment.errors import ConfigError
from sim.experiment.words import shown_path

_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "9p", "afs", "ceph", "lustre"),
    *("beegfs", "gpfs", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.ceph", "fuse.rclone"),
}
"""The kinds of file systems that lie on another machine; Windows has a word of its own for all of them."""

_HEADER = 32  # bytes of a log
_TRIES = 20
_REST = 4  # times as long as a copy took nothing is copied


def has_to_be_copied(path: Path) -> bool:
    """Whether a recording has a log whose index cannot be shared with whoever writes it."""
    return _log_of(path).exists() and (on_network(path) or not _shares_memory(path))


def on_network(path: Path) -> bool:
    """Whether a file lies on another machine, as far as this one knows."""
    there = path.resolve()
    mounts = (one for one in psutil.disk_partitions(all=True) if there.is_relative_to(one.mountpoint))
    nearest = max(mounts, key=lambda one: len(one.mountpoint), default=None)
    return nearest is not None and (nearest.fstype in _NETWORK or "remote" in nearest.opts.split(","))


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
        self._folder = tempfile.TemporaryDirectory(prefix="gdsim-")
        self.file = Path(self._folder.name, path.name)
        self._header: bytes | None = None  # of the log that was copied with the file
        self._seen: tuple[object, ...] = ()
        self._due = 0.0
        for _ in range(_TRIES):
            if self.renew():
                return
        self.remove()
        shown = shown_path(path)
        raise ConfigError(f"{shown} is being written too fast to be followed from another machine; try again later.")

    @property
    def stale(self) -> bool:
        """Whether more was written since, and it is time to look at it."""
        return time.monotonic() >= self._due and self._look() != self._seen

    def renew(self) -> bool:
        """Copy what was written since; whether that is a whole again, else the copy is what it was. Nobody has it open.

        Raises:
            ConfigError: where it cannot be copied.
        """
        began, seen = time.monotonic(), self._look()
        try:
            there = self._copy()
        except OSError as error:
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
        new, new_log = (self.file.with_name(f"new{self.file.name}{end}") for end in ("", "-wal"))
        if not header or header != self._header:  # else the log still has all that the file may have got since
            shutil.copyfile(self._path, new)
        if header:
            shutil.copyfile(self._log, new_log)
        if _header_of(self._log) != header or not (header or _stamp(self._path) == before):
            return False
        self._header = header
        for end in ("-wal", "-shm"):
            self.file.with_name(self.file.name + end).unlink(missing_ok=True)
        for one in (new, new_log):
            if one.exists():
                one.replace(one.with_name(one.name.removeprefix("new")))
        return True

    @property
    def _log(self) -> Path:
        return _log_of(self._path)

    def _look(self) -> tuple[object, ...]:
        """What is another one whenever more was written."""
        return _stamp(self._path), _stamp(self._log), _header_of(self._log)


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
