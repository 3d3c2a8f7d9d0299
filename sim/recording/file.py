"""A recording's file: opening it, and taking values out of it, which may be anything. Imports no torch."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.errors import ConfigError
from sim.experiment.words import first_line, shown_path
from sim.protocol.trace import ROW, Rows
from sim.recording.schema import APPLICATION, TRACE, VERSION

_AT_ONCE = 50_000  # rows

LOCK_PATIENCE = 1.0
"""Seconds for another program that holds the file."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within, whatever is wrong with the file is one sentence.

    Raises:
        ConfigError: with it.
    """
    shown = shown_path(path)
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ConfigError(f"{shown} is locked by another program; try again when that is done.") from None
        raise ConfigError(f"{shown} cannot be read: {first_line(error)}.") from None
    except sqlite3.DatabaseError as error:
        sentence = "is no recording" if "not a database" in str(error) else f"is damaged: {first_line(error)}"
        raise ConfigError(f"{shown} {sentence}.") from None
    except ConfigError as error:  # of a later gdsim, say, which knows more
        raise ConfigError(f"{shown} cannot be read: {error}") from None
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        raise ConfigError(f"{shown} is damaged: what it says of the runs cannot be.") from None


def open_file(path: Path, file: Path | None = None) -> sqlite3.Connection:
    """A recording of this schema, for reading alone; `file` is a copy that is read in its stead.

    Raises:
        ConfigError: for another file, or one that cannot be read.
    """
    shown = shown_path(path)
    with reading(path):
        database = connect(file or path)
        ((application,),) = database.execute("PRAGMA application_id")
        ((schema,),) = database.execute("PRAGMA user_version")
    if application != APPLICATION:
        raise ConfigError(f"{shown} is no recording.")
    if schema > VERSION:
        raise ConfigError(f"{shown} was written by a newer gdsim; install that one to read it.")
    return database


def open_to_append(path: Path) -> sqlite3.Connection:
    """A recording that is written to from here on, by whichever thread, and by no other program.

    Raises:
        ConfigError: where another one writes it, or it cannot be written to.
    """
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=LOCK_PATIENCE, check_same_thread=False
    )
    try:
        begin_log(database)
    except sqlite3.DatabaseError as error:
        database.close()
        if "locked" in str(error):
            raise ConfigError(f"{shown_path(path)} is being written by another program.") from None
        raise ConfigError(f"{shown_path(path)} cannot be written to: {first_line(error)}.") from None
    return database


def begin_log(database: sqlite3.Connection) -> None:
    """Have batches appended to a log, which readers see at once and a killed program leaves whole; keep others out.

    Whoever writes a recording always has a transaction open: SQLite lets no second writer in then, and ends it with the
    process.

    Raises:
        sqlite3.OperationalError: where there is another writer.
    """
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("BEGIN IMMEDIATE")


def has_writer(path: Path) -> bool:
    """Whether a program writes a recording on this machine; True, too, where that cannot be seen.

    It has a transaction open, except for microseconds after each batch.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.0)) as database:
            # a write of nothing: of a file that is not to be written to, BEGIN IMMEDIATE begins to read
            database.execute("UPDATE recording SET ended = ended WHERE FALSE")
            database.rollback()
    except sqlite3.DatabaseError:
        return True
    return False


def require_file(path: Path) -> None:
    """See that there is a file.

    Raises:
        ConfigError: if not, or if it is something else.
    """
    shown = shown_path(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ConfigError(f"There is no recording {shown}.") from None
    except OSError as error:
        raise ConfigError(f"{shown} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{shown} is no recording.")


def connect(path: Path) -> sqlite3.Connection:
    """A database, for reading alone."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    # one thread at a time reads it, but not always the same one: polars asks for what it writes in one of its own
    database = sqlite3.connect(uri, uri=True, timeout=LOCK_PATIENCE, check_same_thread=False)
    try:
        database.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        database.close()
        if "unable to open" not in str(error) or path.with_name(f"{path.name}-wal").exists():
            raise
        # a folder that cannot be written to, where SQLite reads only what is sure not to change
        database = sqlite3.connect(f"{uri}&immutable=1", uri=True, check_same_thread=False)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA trusted_schema=OFF")
    return database


# -- values -----------------------------------------------------------------------------------------------------------


def all_of(database: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    """The rows of a table."""
    return database.execute(f"SELECT * FROM {table}").fetchall()


def only(database: sqlite3.Connection, table: str) -> sqlite3.Row:
    """The row of a table that has one."""
    (row,) = all_of(database, table)
    return row


def trace_of(database: sqlite3.Connection, where: str, *values: int) -> tuple[Rows, int]:
    """Rows of the trace, and the number of the last one in the file; a measure that the file does not have is NaN."""
    there = {column["name"] for column in all_of(database, "pragma_table_info('trace')")}
    columns = [f'"{name}"' if name in there else "NULL" for name in TRACE]
    found = database.cursor()
    found.row_factory = None  # tuples, as numpy wants them
    found.execute(f"SELECT {', '.join(columns)}, rowid FROM trace {where}", values)
    kinds = np.dtype([*((name, ROW[name]) for name in TRACE), ("rowid", np.dtype(np.int64))])
    table = in_blocks(found, kinds)
    rows = np.empty(len(table), dtype=ROW)
    for name in TRACE:
        rows[name] = table[name]
    return rows, int(table["rowid"][-1]) if len(table) else 0


def in_blocks(found: sqlite3.Cursor, kind: np.dtype[Any]) -> NDArray[Any]:
    """All that was found, as an array: never many rows at once as objects, which take ten times the room."""
    blocks = [np.empty(0, kind)]
    while some := found.fetchmany(_AT_ONCE):
        blocks.append(np.array(some, dtype=kind))
    return np.concatenate(blocks)
