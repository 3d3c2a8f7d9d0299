"""The members of a run that is made from many seeds, drawn as a density over the landscape."""

import numpy as np

from tui.draw.canvas import POINT, Canvas
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene

_DENSEST = 0.5  # of the run's colour in the ground where most members are


def draw_members(canvas: Canvas, view: Viewport, run: RunScene) -> None:
    """A dot for each member, and the more of them there are in half a cell, the more of the run's colour."""
    if run.members is None:
        return
    dots = view.to_dots(run.members.points)
    seen = dots[((dots >= 0) & (dots < (2 * view.columns, 4 * view.rows))).all(axis=1)].astype(np.int64)
    counts = np.zeros((2 * view.rows, view.columns))
    np.add.at(counts, (seen[:, 1] // 2, seen[:, 0] // 2), 1.0)
    canvas.shade(_DENSEST * np.sqrt(counts / max(1.0, counts.max())), run.color)
    canvas.points(dots, run.faded, POINT)
