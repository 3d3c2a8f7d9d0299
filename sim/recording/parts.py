"""The parts of a recording: some thousand rows each, of which any can be read by itself. Imports no torch."""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.experiment.resolved import Lineage
from sim.protocol.answers import Advanced, PlaneNews, Trail
from sim.protocol.trace import Excerpt, Rows
from sim.recording.file import trace_of
from sim.recording.schema import insert
from sim.recording.values import NEVER, owners

_ROWS = 4096  # of a part: they are read within a frame
_SEEN_AT_FIRST = 1024  # parts: more than a screen has dots side by side

_COLUMNS = ("part", "run", "newest", "evaluated", "point")
_LAST = "SELECT part, max(newest), max(point) FROM parts WHERE part = (SELECT max(part) FROM parts) GROUP BY part"
_NEWEST_POINTS = 'SELECT run, rowid, max("update") FROM points WHERE rowid > ? GROUP BY run'
_FOUND = "max(rowid), max(CASE WHEN loss IS NOT NULL THEN rowid END)"
_NEWEST_ROWS = f"SELECT run, {_FOUND} FROM trace WHERE rowid > ? GROUP BY run"
_NEWEST_BY = f'SELECT {_FOUND} FROM trace WHERE rowid > ? AND rowid <= ? AND run = ? AND "update" <= ?'
_ENDS = """
SELECT max(newest), moment FROM parts JOIN trace ON trace.rowid = newest WHERE part >= ? GROUP BY part ORDER BY part
"""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


# -- writing ----------------------------------------------------------------------------------------------------------


def in_parts(news: Advanced) -> Iterator[tuple[Rows, PlaneNews, tuple[Lineage, ...]]]:
    """What the runs did, and what is new on the plane, in pieces that may be parts; the runs with the last one.

    A fork takes over its parent's points, so that these have to be written before it.
    """
    rows, plane = news.rows, news.plane
    while len(rows) > _ROWS:
        count = int(np.searchsorted(rows["moment"], rows["moment"][_ROWS - 1], side="right"))
        piece, rows = rows[:count], rows[count:]
        ends = [piece["update"][piece["run"] == run].max(initial=-1) for run in range(len(plane.trails))]
        cuts = [
            int(np.searchsorted(one.updates, end, side="right")) for one, end in zip(plane.trails, ends, strict=True)
        ]
        cut = [(_cut(one, slice(at)), _cut(one, slice(at, None))) for one, at in zip(plane.trails, cuts, strict=True)]
        yield piece, replace(plane, trails=tuple(before for before, _ in cut)), ()
        plane = replace(plane, whole=False, trails=tuple(after for _, after in cut))
    yield rows, plane, news.lineages


def _cut(trail: Trail, some: slice) -> Trail:
    return replace(trail, updates=trail.updates[some], xy=trail.xy[some], distances=trail.distances[some])


def end_part(database: sqlite3.Connection, *, flat: bool) -> None:
    """End a part, where there are rows enough since the last one, and all their points."""
    part, row, point = database.execute(_LAST).fetchone() or (-1, 0, 0)
    ((newest,),) = database.execute("SELECT max(rowid) FROM trace")
    if newest - row < _ROWS:
        return
    points = {run: number for run, number, _ in database.execute(_NEWEST_POINTS, (point or 0,))} if flat else {}
    ends = [(part + 1, run, *found, points.get(run)) for run, *found in database.execute(_NEWEST_ROWS, (row,))]
    database.executemany(insert("parts", _COLUMNS), ends)


# -- reading ----------------------------------------------------------------------------------------------------------


class Parts:
    """The parts of a recording, as they are found in its file.

    Attributes:
        database: of the recording.
        moments: the last one of each part, increasing.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self._last = self.moments = np.empty(0, np.int64)
        self._ends = np.zeros((0, 0, 3), np.int64)  # by part and run: newest, evaluated and point
        self._there = bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'parts'").fetchone())

    def __len__(self) -> int:
        return len(self.moments)

    @property
    def last_row(self) -> int:
        """The rowid of the last row of the trace that is in a part."""
        return int(self._last[-1]) if len(self) else 0

    @property
    def last_point(self) -> int:
        """The same in the points."""
        return int(self._ends[-1, :, 2].max()) if len(self) else 0

    def refresh(self, runs: int) -> None:
        """Find those that were ended since; there are so many runs by now."""
        if not self._there:
            return
        found = np.array(self.database.execute(_ENDS, (len(self),)).fetchall(), np.int64).reshape(-1, 2)
        ends = np.zeros((len(self) + len(found), runs, 3), np.int64)
        ends[: len(self), : self._ends.shape[1]] = self._ends
        columns = "part, run, newest, coalesce(evaluated, 0), coalesce(point, 0)"
        for part, run, *at in self.database.execute(f"SELECT {columns} FROM parts WHERE part >= ?", (len(self),)):
            ends[part, run] = at
        self._ends = np.maximum.accumulate(ends)  # where a run is not in a part, it is where it was before
        self._last = np.append(self._last, found[:, 0])
        self.moments = np.append(self.moments, found[:, 1])
        if (np.diff(self._last) <= 0).any() or (np.diff(self.moments) < 0).any() or (self._last < 0).any():
            raise ValueError("the order of the parts is not that of time")

    def overview(self) -> Excerpt:
        """Where the runs were at the ends of parts: of all, or of some in equal distances and the last one."""
        some = np.arange(len(self) - 1, -1, -max(1, len(self) // _SEEN_AT_FIRST))[::-1]
        ends = self._ends[some]
        rows = self._rows_at(ends[..., :2])
        return Excerpt(rows, _beside(rows, self._points_at(ends[..., 2])), self.moments[some])

    def read(self, part: int) -> Excerpt:
        """All of a part, and where the runs were when it began."""
        before = self._ends[part - 1] if part else np.zeros_like(self._ends[0])
        begin = self._last[part - 1] if part else 0
        where = "WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
        own, _ = trace_of(self.database, where, int(begin), int(self._last[part]))
        rows = np.concatenate([self._rows_at(before[:, :2]), own])
        begun = [int(own["update"][own["run"] == run].min(initial=NEVER)) for run in range(len(before))]
        new = " OR ".join(f'(run = {run} AND "update" >= {update})' for run, update in enumerate(begun))
        between = f"rowid > {before[:, 2].max()} AND rowid <= {self._ends[part, :, 2].max()} AND ({new})"
        points = np.concatenate([self._points_at(before[:, 2]), self._points(between)])
        moments = np.unique(own["moment"])
        return Excerpt(rows, _beside(rows, points), np.append(self.moments[part - 1 : part], moments))

    def part_of(self, run: int, update: int, lineages: Sequence[Lineage]) -> int:
        """The part in which a run, or whom it has its past from, made an update; where none has it, their number."""
        owner = next(one for one, until in owners(run, lineages) if update <= until)
        return self._first_beyond(owner, update)

    def newest(self, run: int, lineages: Sequence[Lineage]) -> Rows:
        """A run's last row, and before it the one with its last loss, where that is another one.

        Those that it has in common with its parent are its own, too.
        """
        found = np.zeros(2, np.int64)
        for owner, until in reversed(owners(run, lineages)):
            if not found.all():
                found = np.where(found, found, self._newest(owner, until))
        rows = self._rows_at(found)
        rows["run"] = run
        return rows

    def _newest(self, run: int, until: int) -> Indices:
        """The rowids of a run's last row up to an update, and of the last one with a loss; 0 for none."""
        part = self._first_beyond(run, until)
        begin, end = self._last[part - 1] if part else 0, self._last[part] if part < len(self) else NEVER
        (within,) = self.database.execute(_NEWEST_BY, (int(begin), int(end), run, until))
        found = np.array([number or 0 for number in within])
        known = part and run < self._ends.shape[1]
        return np.maximum(found, self._ends[part - 1, run, :2]) if known else found

    def _first_beyond(self, run: int, update: int) -> int:
        """The first part at whose end a run has made an update; their number where that is in none."""
        if not len(self):
            return 0
        where = 'WHERE parts.run = ? AND parts.newest = trace.rowid AND "update" >= ?'
        ((part,),) = self.database.execute(f"SELECT min(part) FROM parts, trace {where}", (run, update))
        return len(self) if part is None else int(part)

    def _rows_at(self, numbers: Indices) -> Rows:
        return trace_of(self.database, f"WHERE rowid IN {_listed(numbers)} ORDER BY rowid")[0]

    def _points_at(self, numbers: Indices) -> Floats:
        return self._points(f"rowid IN {_listed(numbers)}")

    def _points(self, where: str) -> Floats:
        """Run, update, x, y and distance, shape (n, 5)."""
        found = self.database.cursor()
        found.row_factory = None
        found.execute(f'SELECT run, "update", x, y, distance FROM points WHERE {where}')
        return np.array(found.fetchall(), dtype=np.float64).reshape(-1, 5)


def _listed(numbers: Indices) -> str:
    return f"({', '.join(map(str, np.unique(numbers).tolist()))})"


def _beside(rows: Rows, points: Floats) -> Floats:
    """The points after the updates of some rows, shape (n, 3), of points as `Parts` finds them."""
    beside = np.full((len(rows), 3), math.nan)
    for run in np.unique(rows["run"]).tolist():
        mine, own = np.flatnonzero(rows["run"] == run), points[points[:, 0] == run, 1:]
        _, at, there = np.intersect1d(rows["update"][mine], own[:, 0], return_indices=True)
        beside[mine[at]] = own[there, 1:]
    return beside
