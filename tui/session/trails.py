"""Where the runs went on the present plane. Pure data."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.experiment.geometry import Point
from sim.experiment.resolved import Lineage
from sim.protocol.answers import PlaneNews, Trail
from sim.protocol.trace import Rows
from tui.session.column import Column, thinned

Floats = NDArray[np.float64]

_NEWEST = 2048  # points of a trail that are all drawn


class _Recorded:
    """The points of one run."""

    def __init__(self) -> None:
        self._updates, self._xy, self._distances = Column(np.int64), Column(np.float64, 2), Column(np.float64)
        self.head: Floats = np.zeros(2)
        self.head_distance = 0.0

    def fork(self, update: int) -> "_Recorded":
        """The same up to an update."""
        count = int(np.searchsorted(self.updates, update, side="right"))
        forked = _Recorded()
        forked._updates.extend(self.updates[:count])
        forked._xy.extend(self.xy[:count])
        forked._distances.extend(self.distances[:count])
        forked.head, forked.head_distance = self.xy[count - 1], float(self.distances[count - 1])
        return forked

    def keep(self, updates: NDArray[np.int64]) -> None:
        """Leave out the points after other updates than these, but for those after later ones."""
        there = updates[np.searchsorted(updates, self.updates, side="right") - 1]
        some = (there == self.updates) | (self.updates > updates[-1])
        for column in (self._updates, self._xy, self._distances):
            column.replace(column.values[some])

    def fill(self, updates: NDArray[np.int64], points: Floats) -> None:
        """Add points after updates, increasing, that are not there yet, as far as they are not."""
        if not len(updates):
            return
        begin = int(np.searchsorted(self.updates, updates[0]))
        end = int(np.searchsorted(self.updates, updates[-1], side="right"))
        every, first = np.unique(np.concatenate([self.updates[begin:end], updates]), return_index=True)
        xy = np.concatenate([self.xy[begin:end], points[:, :2]])[first]
        distances = np.concatenate([self.distances[begin:end], points[:, 2]])[first]
        for column, values in ((self._updates, every), (self._xy, xy), (self._distances, distances)):
            column.replace(np.concatenate([column.values[:begin], values, column.values[end:]]))

    def extend(self, trail: Trail) -> None:
        self._updates.extend(trail.updates)
        self._xy.extend(trail.xy)
        self._distances.extend(trail.distances)
        self.head, self.head_distance = np.array(trail.head), trail.head_distance

    @property
    def updates(self) -> NDArray[np.int64]:
        return self._updates.values

    @property
    def xy(self) -> Floats:
        return self._xy.values

    @property
    def distances(self) -> Floats:
        return self._distances.values


class PlaneTrails:
    """The trails on the newest plane, kept up to date by what the engine sends.

    Attributes:
        plane: the newest news of it (its own trails are only what was new).
    """

    def __init__(self, news: PlaneNews) -> None:
        self._runs = [_Recorded() for _ in news.trails]
        self.take(news)

    def take(self, news: PlaneNews, lineages: Sequence[Lineage] = ()) -> None:
        """Add what is new, or replace the trails by whole ones; a run that is new was forked off another one."""
        self.plane = news
        if news.whole:
            self._runs = [_Recorded() for _ in news.trails]
        for index, trail in enumerate(news.trails):
            if index == len(self._runs):
                self.fork(lineages[index])
            self._runs[index].extend(trail)

    @property
    def whole(self) -> PlaneNews:
        """The plane with all of the trails on it."""
        trails = (
            Trail(one.updates, one.xy, one.distances, (float(one.head[0]), float(one.head[1])), one.head_distance)
            for one in self._runs
        )
        return replace(self.plane, whole=True, trails=tuple(trails))

    def fork(self, lineage: Lineage) -> None:
        """Take over the past of a run that was forked off."""
        assert lineage.parent is not None
        self._runs.append(self._runs[lineage.parent].fork(lineage.update))

    def keep(self, run: int, updates: NDArray[np.int64]) -> None:
        """Leave out the points of a run after other updates than these; of a model the engine itself sends few."""
        if self.plane.flat:
            self._runs[run].keep(updates)

    def fill(self, run: int, updates: NDArray[np.int64], points: Floats) -> None:
        """Add where a run was after updates that were left out: x, y and distance, shape (n, 3)."""
        self._runs[run].fill(updates, points)

    def until(self, run: int, update: int, *, live: bool) -> tuple[NDArray[np.int64], Floats, float]:
        """Updates of a run up to one of them, shape (K,), older ones thinned; where it was, (K, 2); how far off it is.

        Where the point after that update was not kept, the last one is the run's present point while `live`, else the
        last one that was kept.
        """
        recorded = self._runs[run]
        count = int(np.searchsorted(recorded.updates, update, side="right"))
        older = max(0, count - _NEWEST)
        updates = [thinned(recorded.updates[:older]), recorded.updates[older:count]]
        points = [thinned(recorded.xy[:older]), recorded.xy[older:count]]
        if live and not (count and recorded.updates[count - 1] == update):
            updates.append(np.array([update]))
            return np.concatenate(updates), np.concatenate([*points, recorded.head[None]]), recorded.head_distance
        return np.concatenate(updates), np.concatenate(points), float(recorded.distances[count - 1])

    def point_after(self, run: int, update: int) -> Point | None:
        """Where a run was after an update; None where that was not kept."""
        recorded = self._runs[run]
        index = int(np.searchsorted(recorded.updates, update))
        kept = index < len(recorded.updates) and recorded.updates[index] == update
        return Point(*recorded.xy[index].tolist()) if kept else None

    def points_of(self, rows: Rows) -> Floats:
        """Where the runs were at the updates of some rows: x, y and how far off the plane, shape (n, 3).

        NaN where that was not kept.
        """
        points = np.full((len(rows), 3), np.nan)
        for index, recorded in enumerate(self._runs):
            mine = np.flatnonzero(rows["run"] == index)
            found = np.searchsorted(recorded.updates, rows["update"][mine])
            kept = found < len(recorded.updates)
            kept[kept] = recorded.updates[found[kept]] == rows["update"][mine[kept]]
            points[mine[kept], :2], points[mine[kept], 2] = recorded.xy[found[kept]], recorded.distances[found[kept]]
        return points
