"""The plane of the parameters and the cells of the screen: windows, coordinates, contour lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.experiment.geometry import Point, Window

Floats = NDArray[np.float64]

_FINEST = 1e-9  # a window's narrowest span, relative to its distance from the origin: floats still distinguish cells
_WIDEST = 1e100


@dataclass(frozen=True, slots=True)
class Viewport:
    """A window of the plane seen through `columns` x `rows` cells. y points up in the plane, down on the screen."""

    window: Window
    columns: int
    rows: int

    @property
    def width(self) -> float:
        """The window's extent in x."""
        return self.window.right - self.window.left

    @property
    def height(self) -> float:
        """The window's extent in y."""
        return self.window.top - self.window.bottom

    def to_dots(self, points: ArrayLike) -> Floats:
        """Points of the plane in the canvas's dot coordinates, both of shape (n, 2); points outside are far dots."""
        plane = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        with np.errstate(over="ignore", invalid="ignore"):
            xs = (plane[:, 0] - self.window.left) / self.width * (2 * self.columns)
            ys = (self.window.top - plane[:, 1]) / self.height * (4 * self.rows)
        return np.stack([xs, ys], axis=-1)

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """The column and row of the cell that holds a point; None: outside."""
        ((across, down),) = self.to_dots([x, y])
        if not (0 <= across < 2 * self.columns and 0 <= down < 4 * self.rows):
            return None
        return int(across) // 2, int(down) // 4

    def point(self, column: float, row: float) -> Point:
        """The centre of a cell in the plane."""
        return Point(
            self.window.left + (column + 0.5) / self.columns * self.width,
            self.window.top - (row + 0.5) / self.rows * self.height,
        )

    def zoom(self, factor: float, about: Point | None = None) -> "Viewport":
        """The view `factor` times as near, one point (the middle if None) staying where it is on the screen.

        The same view where that would be too near or too far for floats to distinguish points.
        """
        left, right, bottom, top = self.window
        x, y = about or Point((left + right) / 2, (bottom + top) / 2)
        return self._moved(
            Window(x + (left - x) / factor, x + (right - x) / factor, y + (bottom - y) / factor, y + (top - y) / factor)
        )

    def pan(self, across: float, up: float) -> "Viewport":
        """The view moved to the right and up by fractions of the window."""
        left, right, bottom, top = self.window
        x, y = across * self.width, up * self.height
        return self._moved(Window(left + x, right + x, bottom + y, top + y))

    def centred(self, x: float, y: float) -> "Viewport":
        """The view moved so that a point is in its middle."""
        left, right, bottom, top = self.window
        return self.pan((x - (left + right) / 2) / self.width, (y - (bottom + top) / 2) / self.height)

    def grown(self, proportion: float) -> "Viewport":
        """The view grown about its middle, in one direction, until it is so many times as wide as high."""
        grow = self.width / self.height / proportion
        across, up = (self.width * max(1 / grow, 1.0) / 2, self.height * max(grow, 1.0) / 2)
        x, y = (self.window.left + self.window.right) / 2, (self.window.bottom + self.window.top) / 2
        return self._moved(Window(x - across, x + across, y - up, y + up))

    def squared(self) -> "Viewport":
        """The view grown until a unit is as long in both directions on the screen, whose dots are square.

        Angles are then true, so that a gradient crosses contours at right angles.
        """
        return self.grown(2 * self.columns / (4 * self.rows))

    def fit(self, points: ArrayLike, margin: float = 0.1) -> "Viewport":
        """The view of all finite points, shape (n, 2), with a margin on each side as a fraction of their extent.

        It keeps the window's proportions, so that points on a line do not tear it out of shape, and its size where
        they have no extent at all.
        """
        plane = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        plane = plane[(np.abs(plane) < _WIDEST / 10).all(axis=1)]
        if not len(plane):
            return self
        low, high = plane.min(axis=0), plane.max(axis=0)
        extent = np.where(high - low > _FINEST * np.abs(plane).max(axis=0), high - low, 0.0)
        share = float((extent / (self.width, self.height)).max()) * (1 + 2 * margin) or 1.0
        (x, y), across, up = (low + high) / 2, self.width * share / 2, self.height * share / 2
        return self._moved(Window(x - across, x + across, y - up, y + up))

    def _moved(self, window: Window) -> "Viewport":
        left, right, bottom, top = window
        fine = all(
            _FINEST * max(abs(low), abs(high)) < high - low < _WIDEST for low, high in ((left, right), (bottom, top))
        )
        return replace(self, window=window) if fine else self


def contours(losses: Floats, levels: Sequence[float], window: Window) -> list[Floats]:
    """The lines along which a loss takes given levels, in the plane: arrays of shape (n, 2).

    `losses` has shape (rows, columns), at the centres of the cells that divide the window, top row first. Lines end
    where a loss is not finite.
    """
    from contourpy import contour_generator  # which the first frame does without

    rows, columns = losses.shape
    if rows < 2 or columns < 2:
        return []
    view = Viewport(window, columns, rows)
    left, top = view.point(0, 0)
    right, bottom = view.point(columns - 1, rows - 1)
    generator = contour_generator(np.linspace(left, right, columns), np.linspace(top, bottom, rows), losses)
    return [np.asarray(line) for level in levels for line in generator.lines(level)]
