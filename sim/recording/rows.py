"""All rows of a recording: run by run, in blocks, and how many they are. Imports no torch."""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sim.experiment.resolved import Lineage
from sim.protocol.trace import Rows
from sim.recording.file import trace_of
from sim.recording.values import checked, owners

_AT_ONCE = 100_000  # rows

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def pieces(database: sqlite3.Connection, lineages: Sequence[Lineage]) -> Iterator[tuple[Rows, Floats]]:
    """The rows, and where the runs were after these updates, as `Recording.pieces` has them."""
    for run in range(len(lineages)):
        points = _Points(database, run)
        for owner, until in owners(run, lineages):
            for rows in _rows_of(database, owner, until):
                checked(rows, len(lineages))["run"] = run
                yield rows, points.of(rows["update"])


def _rows_of(database: sqlite3.Connection, run: int, until: int) -> Iterator[Rows]:
    """What stands in the file as a run's, up to an update."""
    where, newest = 'WHERE run = ? AND rowid > ? AND "update" <= ? ORDER BY rowid LIMIT ?', 0
    while True:
        rows, newest = trace_of(database, where, run, newest, until, _AT_ONCE)
        if not len(rows):
            return
        yield rows


def count_rows(database: sqlite3.Connection, lineages: Sequence[Lineage]) -> int:
    """How many `pieces` gives."""
    ((count,),) = database.execute("SELECT count(*) FROM trace")
    for owner, until in chain.from_iterable(owners(run, lineages)[:-1] for run in range(len(lineages))):
        where = 'WHERE run = ? AND "update" <= ?'
        ((shared,),) = database.execute(f"SELECT count(*) FROM trace {where}", (owner, until))
        count += shared
    return int(count)


class _Points:
    """Where a run was on the newest plane, read on as it is asked for.

    Args:
        database: of a recording.
        run: which one.
    """

    def __init__(self, database: sqlite3.Connection, run: int) -> None:
        columns = '"update", x, y, distance'
        self._found = database.cursor()
        self._found.row_factory = None
        self._found.execute(f'SELECT {columns} FROM points WHERE run = ? ORDER BY "update"', (run,))
        self._ahead = np.empty((0, 4))

    def of(self, updates: Indices) -> Floats:
        """x, y and distance after updates beyond those of the last time, increasing: shape (n, 3), NaN if unknown."""
        while not len(self._ahead) or self._ahead[-1, 0] < updates[-1]:
            more = np.array(self._found.fetchmany(len(updates)), dtype=np.float64).reshape(-1, 4)
            if not len(more):
                break
            self._ahead = np.concatenate([self._ahead, more])
        points = np.full((len(updates), 3), math.nan)
        _, at, there = np.intersect1d(updates, self._ahead[:, 0], return_indices=True)
        points[at] = self._ahead[there, 1:]
        self._ahead = self._ahead[self._ahead[:, 0] > updates[-1]]
        return points
