"""A landscape made ready for drawing: bands of equal loss as colours of half cells, and the lines between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.protocol.results import Surveyed
from tui.draw.bands import band_of, loss_levels
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport, contours

_EVERY = 2  # a line along the first border between bands, and along one of so many of the others

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The landscape under the trails, as bands of equal loss and the lines between them.

    Attributes:
        landscape: what it was made of.
        bands: for each of its values the band of equal loss, shape (rows, columns).
        lines: the contours between the bands, each of points of shape (K, 2).
        stale: whether it is of another plane, or of a race before this one.
    """

    landscape: Surveyed
    bands: NDArray[np.uint8]
    lines: list[Floats]
    stale: bool = False

    @classmethod
    def of(cls, landscape: Surveyed, count: int) -> "Ground":
        """A landscape in so many bands."""
        levels = loss_levels(landscape.values, count)
        lines = contours(landscape.values, levels[::_EVERY].tolist(), landscape.window)
        return cls(landscape, band_of(landscape.values, levels), lines)

    def colors(self, view: Viewport, palette: Palette) -> NDArray[np.int64]:
        """Colours of a view's half cells, shape (2 * rows, columns).

        They are those of the nearest values: dimmed where these are of another window, or of another plane.
        """
        rows, columns = self.bands.shape
        there = Viewport(self.landscape.window, columns, rows)
        left, top = view.point(0, -0.25)
        xs = np.array([view.point(column, 0).x for column in range(view.columns)])
        ys = top - np.arange(2 * view.rows) * (view.height / (2 * view.rows))
        across = _cells(there.to_dots(np.stack([xs, np.full(len(xs), top)], axis=1))[:, 0] / 2, columns)
        down = _cells(there.to_dots(np.stack([np.full(len(ys), left), ys], axis=1))[:, 1] / 4, rows)
        near_down, near_across = np.clip(down, 0, rows - 1), np.clip(across, 0, columns - 1)
        known = (near_down == down)[:, None] & (near_across == across) & (not self.stale)
        shades = np.array([palette.dimmed.bands, palette.bands], dtype=np.int64)
        colors: NDArray[np.int64] = shades[known.astype(np.int64), self.bands[near_down][:, near_across]]
        return colors

    def ink(self, palette: Palette) -> int:
        """The colour of the contours."""
        return (palette.dimmed if self.stale else palette).contour


def _cells(positions: Floats, count: int) -> NDArray[np.int64]:
    """In which of so many cells each position is; -1: before all of them, that number: after them."""
    cells: NDArray[np.int64] = np.floor(positions.clip(-1, count)).astype(np.int64)
    return cells
