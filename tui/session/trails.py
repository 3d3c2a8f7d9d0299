"""Where a model's runs went on the present plane. Pure data."""

import numpy as np
from numpy.typing import NDArray

from sim.protocol.answers import PlaneNews, Trail
from sim.protocol.trace import Rows

Floats = NDArray[np.float64]


class PlaneTrails:
    """The trails on the newest plane, kept up to date by what the engine tells.

    Attributes:
        plane: the newest news of it (its own trails are only what was new).
    """

    def __init__(self, news: PlaneNews) -> None:
        self.plane = news
        self._trails = list(news.trails)

    def take(self, news: PlaneNews) -> None:
        """Add what is new, or take whole trails in place of those before."""
        self.plane = news
        if news.whole:
            self._trails = list(news.trails)
        else:
            self._trails = [_joined(old, new) for old, new in zip(self._trails, news.trails, strict=True)]

    def until(self, run: int, update: int, *, live: bool) -> tuple[Floats, float]:
        """Where a run went up to an update, shape (K, 2), and how far off the plane it ended.

        While `live`, its present place is the last one; in the past it is the last one that was kept.
        """
        trail = self._trails[run]
        kept = int(np.searchsorted(trail.updates, update, side="right"))
        if live:
            return np.concatenate([trail.xy[:kept], [trail.head]]), trail.head_distance
        return trail.xy[:kept], float(trail.distances[kept - 1])

    def placed(self, rows: Rows) -> tuple[Rows, Floats]:
        """The rows with x and y filled in where the place was kept, and their distances from the plane (else NaN)."""
        rows = rows.copy()
        distances = np.full(len(rows), np.nan)
        for run, trail in enumerate(self._trails):
            mine = np.flatnonzero((rows["run"] == run) & np.isin(rows["update"], trail.updates))
            found = np.searchsorted(trail.updates, rows["update"][mine])
            rows["x"][mine], rows["y"][mine] = trail.xy[found].T
            distances[mine] = trail.distances[found]
        return rows, distances


def _joined(old: Trail, new: Trail) -> Trail:
    return Trail(
        updates=np.concatenate([old.updates, new.updates]),
        xy=np.concatenate([old.xy, new.xy]),
        distances=np.concatenate([old.distances, new.distances]),
        head=new.head,
        head_distance=new.head_distance,
    )
