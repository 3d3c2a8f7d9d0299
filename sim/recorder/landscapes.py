"""The landscape around a loop's trail: made anew where the plane is another one, or the trail has left it."""

import time
from collections.abc import Iterator

import numpy as np

from sim.experiment.geometry import Window
from sim.protocol.answers import PlaneNews, Worked
from sim.protocol.commands import Survey
from sim.protocol.results import Surveyed
from sim.recorder.data import LossOverData
from sim.views.trails import Trails

_GRID = 96, 64
_ROOM = 0.3  # around the trail, as a share of its extent; as much as a screen leaves
_WIDTHS = 1.1, 1.6  # of the screen's surface, in heights


class Landscapes:
    """The landscapes of a loop, one after the other, in pieces.

    Args:
        over_data: the loss.
        trails: where the loop goes, and on which plane.

    Attributes:
        unfinished: whether there is more to be seen of the newest one.
    """

    def __init__(self, over_data: LossOverData, trails: Trails) -> None:
        self._over_data, self._trails = over_data, trails
        self._survey: Iterator[Surveyed | None] = iter(())
        self._surveyed: tuple[int, Window] | None = None  # the number of the newest one's plane, and its window
        self._bounds: Window | None = None  # of the trail, on the present plane
        self.unfinished = False

    def note(self, plane: PlaneNews) -> None:
        """Note how far the trail goes on its plane."""
        (trail,) = plane.trails
        points = np.concatenate([trail.xy, [trail.head]])
        points = points[np.isfinite(points).all(axis=1)]
        if self._bounds is not None and not plane.whole:
            left, right, bottom, top = self._bounds
            points = np.concatenate([points, [(left, bottom), (right, top)]])
        if len(points):
            (left, bottom), (right, top) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            self._bounds = Window(left, right, bottom, top)

    @property
    def wanted(self) -> bool:
        """Whether there is none of the present plane, none that is complete, or none of all of the trail."""
        if self._surveyed is None or self._surveyed[0] != self._trails.number:
            return True
        return self.unfinished or not _within(self._bounds, self._surveyed[1])

    def begin(self) -> None:
        """Begin one around the trail."""
        window, number = _around(self._bounds or Window(0.0, 0.0, 0.0, 0.0)), self._trails.number
        self._surveyed, self.unfinished = (number, window), True
        self._survey = self._over_data.survey(self._trails.plane.at, number, window, *_GRID)

    def go_on(self, seconds: float = 0.0) -> Worked | None:
        """Do at least one piece, and as many as there is time for; None while there is nothing to be seen."""
        if not self.unfinished or self._surveyed is None or self._surveyed[0] != self._trails.number:
            self.begin()
        until, seen = time.perf_counter() + seconds, None
        for stage in self._survey:
            seen = stage or seen
            if time.perf_counter() >= until:
                break
        else:
            self.unfinished = False
        if seen is None:
            return None
        rows, columns = seen.values.shape
        return Worked(((Survey(seen.window, columns, rows), seen),), ())


def _within(bounds: Window | None, window: Window) -> bool:
    return bounds is None or (
        window.left <= bounds.left
        and bounds.right <= window.right
        and window.bottom <= bounds.bottom
        and bounds.top <= window.top
    )


def _around(bounds: Window) -> Window:
    """A window with room around what lies within bounds, as wide as a screen shows it at least."""
    left, right, bottom, top = bounds
    narrow, wide = _WIDTHS
    x, y, room = (left + right) / 2, (bottom + top) / 2, 0.5 + _ROOM
    across = max(right - left, (top - bottom) * wide) * room or 1.0
    up = max(top - bottom, (right - left) / narrow) * room or 1.0
    return Window(x - across, x + across, y - up, y + up)
