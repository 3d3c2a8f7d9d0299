"""Writes a recording while the runs go on: a thread of its own, in batches. Imports no torch."""

import os
import sqlite3
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.words import first_line, shown_path
from sim.protocol.answers import Advanced, Answer, Changed, Opened, PlaneNews, Saved, Worked
from sim.protocol.commands import Command, Open
from sim.recording.file import LOCK_PATIENCE, begin_log, open_to_append
from sim.recording.schema import SUFFIX, tables
from sim.recording.tables import write_answer, write_resumed, write_start, write_time

_EVERY = 0.25  # seconds between batches: what a killed program loses
_SIGN_OF_LIFE = 4  # batches, of which one is written also if it is empty
_MOST_WAITING = 500_000  # rows, some 60 MB: whoever makes more of them waits


def check_name(path: Path) -> None:
    """See that a name is one of a recording.

    Raises:
        ConfigError: if it is not.
    """
    if path.suffix != SUFFIX:
        shown = shown_path(path)
        raise ConfigError(f"A recording is a file whose name ends in {SUFFIX}, such as race{SUFFIX}; got {shown}.")


def check(path: Path) -> None:
    """Find out whether a recording of that name can be begun; nothing is touched.

    Raises:
        ConfigError: if it cannot.
    """
    shown = shown_path(path)
    check_name(path)
    folder = path.absolute().parent
    try:
        there = os.path.lexists(path)
        writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot record to {shown}: {first_line(error)}.") from None
    if there:
        raise ConfigError(f"{shown} is there already; a recording never replaces a file, so name another one.")
    if not writable:
        why = "cannot be written to" if folder.is_dir() else "is no folder"
        raise ConfigError(f"Cannot record to {shown}: {shown_path(folder)} {why}.")


class Writer:
    """Takes commands with their answers, and writes what is recorded of them within a fraction of a second.

    Each experiment that is begun has a file of its own: the second one is `race-2.gdsim`. Trouble ends the recording,
    not the runs. The file is made when the first experiment stands.

    Args:
        path: of the first experiment's recording.
        resumed: it is there already, and that experiment goes on in it.

    Attributes:
        file: what is written.

    Raises:
        ConfigError: where a recording that is there cannot be written to, or another program writes it.
    """

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        self._path = self.file = path
        self._changed = threading.Condition()
        self._waiting: list[tuple[Experiment | None, Answer]] = []
        self._rows = self._empty = 0
        self._sentences: list[str] = []
        self._over = self._closing = False
        self._thread: threading.Thread | None = None
        self._database = open_to_append(path) if resumed else None

    def take(self, command: Command, answer: Answer) -> None:
        """Have written what an answer says."""
        if self._over or not isinstance(answer, Opened | Advanced | Saved | Changed | PlaneNews | Worked):
            return
        with self._changed:
            self._waiting.append((command.experiment if isinstance(command, Open) else None, answer))
            self._rows += len(answer.rows) if isinstance(answer, Advanced) else 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="recording", daemon=True)
            self._thread.start()

    @property
    def over(self) -> bool:
        """Whether nothing more is written, by now or soon: after trouble, or once it was closed."""
        return self._over or self._closing

    @property
    def behind(self) -> bool:
        """Whether so much waits to be written that no more should be made."""
        return self._rows > _MOST_WAITING

    def wait(self) -> None:
        """Wait until it is no longer behind."""
        with self._changed:
            self._changed.wait_for(lambda: not self.behind)

    def sentences(self) -> list[str]:
        """What is to be said of the recording since it was last asked: where it goes on, or why it does not."""
        with self._changed:
            said, self._sentences = self._sentences, []
        return said

    def close(self) -> None:
        """Write what is left, and that this was the end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        elif self._database is not None:  # what was to be resumed never was
            self._database.rollback()
            self._end()

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._write_batch():
                pass
        except Exception as error:  # of a thread: nobody else would hear of it
            self._fail(error)
        finally:
            with self._changed:
                self._over, self._rows, self._waiting = True, 0, []
                self._changed.notify_all()

    def _write_batch(self) -> bool:
        """Wait for a moment and write what came; whether there is more to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, _EVERY)
            batch, self._waiting, rows, closing = self._waiting, [], self._rows, self._closing
        for asked, answer in batch:
            if isinstance(answer, Opened) and asked is not None:
                if answer.past is None:
                    self._begin(asked, answer)
                else:
                    write_resumed(self._open_database, asked, answer)
            else:
                write_answer(self._open_database, answer)
        self._empty = 0 if batch else self._empty + 1
        if closing or self._empty % _SIGN_OF_LIFE == 0:
            self._commit(ended=closing)
        with self._changed:
            self._rows -= rows
            self._changed.notify_all()
        if closing:
            self._end()
        return not closing

    @property
    def _open_database(self) -> sqlite3.Connection:
        assert self._database is not None, "an experiment is opened before it goes on"
        return self._database

    def _begin(self, asked: Experiment, opened: Opened) -> None:
        """Begin a file for an experiment; the one before is at its end."""
        if self._database is not None:
            self._commit(ended=True)
            self._end()
        self.file = _made_anew(self._path)
        if self.file != self._path:
            self._say(f"This experiment is recorded in {shown_path(self.file)}.")
        database = sqlite3.connect(self.file, timeout=LOCK_PATIENCE)
        self._database = database
        try:
            with database:  # at once, so that whoever looks finds all of it or nothing
                database.executescript(f"BEGIN; {tables()}")
                write_start(database, asked, opened)
        except sqlite3.Error:
            self.file.unlink(missing_ok=True)  # it is empty, and its name is free again
            raise
        begin_log(database)

    def _commit(self, *, ended: bool) -> None:
        """End a batch. A file that was removed could be written to without end, and nobody would ever see it."""
        self.file.stat()
        write_time(self._open_database, ended=ended)
        self._open_database.commit()
        if not ended:
            self._open_database.execute("BEGIN IMMEDIATE")

    def _end(self) -> None:
        """Close the file, as one without a log beside it where nobody reads it just now."""
        database = self._open_database
        database.execute("PRAGMA busy_timeout=0")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(sqlite3.OperationalError):  # a reader that has it open keeps the log, which is empty
            database.execute("PRAGMA journal_mode=DELETE")
        database.close()
        self._database = None

    def _fail(self, error: Exception) -> None:
        why = (error.strerror if isinstance(error, OSError) else None) or first_line(error)
        self._say(f"The recording {shown_path(self.file)} ended early, the runs did not: {why[0].lower()}{why[1:]}.")
        if self._database is not None:
            self._database.close()

    def _say(self, sentence: str) -> None:
        with self._changed:
            self._sentences.append(sentence)


def _made_anew(path: Path) -> Path:
    """A new empty file of that name, or of the first one after it that is free: race.gdsim, race-2.gdsim, ..."""
    for number in count(1):
        file = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            file.touch(exist_ok=False)
        except FileExistsError:
            continue
        return file
    raise AssertionError("there is always a next number")
