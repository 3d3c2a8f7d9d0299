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

    def points_of(self, rows: Rows) -> tuple[Floats, Floats]:
        """Where the runs were at the updates of some rows, and how far off the plane; NaN where that was not kept.

        Shapes (n, 2) and (n,).
        """
        points, distances = np.full((len(rows), 2), np.nan), np.full(len(rows), np.nan)
        for index, recorded in enumerate(self._runs):
            mine = np.flatnonzero(rows["run"] == index)
            found = np.searchsorted(recorded.updates, rows["update"][mine])
            kept = found < len(recorded.updates)
            kept[kept] = recorded.updates[found[kept]] == rows["update"][mine[kept]]
            points[mine[kept]], distances[mine[kept]] = recorded.xy[found[kept]], recorded.distances[found[kept]]
        return points, distances
