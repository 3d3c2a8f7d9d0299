"""A course of values in one row of cells."""

import math

import numpy as np
from numpy.typing import NDArray

BLOCKS = "▁▂▃▄▅▆▇"
"""From the lowest to the highest; a full block would touch the row above."""

_LEAST = 1e-9  # an axis that is not begun yet

Floats = NDArray[np.float64]


def calm_step(end: float, cells: int) -> float:
    """How much of an axis a cell stands for, so that its cells reach the end: a power of two.

    As the end moves on, the cells that are there already stay as they are until there are twice as many as fit.
    """
    step = 2.0 ** math.ceil(math.log2(max(end, _LEAST) / cells))
    return step if end < step * cells else 2 * step


def calm_range(values: Floats, decades: float) -> tuple[float, float]:
    """From where to where to draw values on a logarithmic axis, in log2, whole numbers: it seldom changes as they grow.

    It goes so many decades below the first value at most. What is not finite or not positive is left out.
    """
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        return 0.0, 1.0
    low = max(float(known.min()), float(known[0]) / 10**decades)
    bottom, top = math.floor(math.log2(low)), math.ceil(math.log2(float(known.max())))
    return float(bottom), float(max(top, bottom + 1))


def sparkline(x: Floats, y: Floats, end: float, step: float, extent: tuple[float, float]) -> str:
    """A character for each step of the axis up to an end, whose height is the geometric mean of the values there.

    Args:
        x: where on the axis, increasing, the first at 0, shape (n,), n > 0.
        y: the values, shape (n,); what is not finite is as high as can be. A step without any goes on as the last one.
        end: where it ends.
        step: how much of the axis a cell stands for.
        extent: from where to where, in log2.
    """
    low, high = extent
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = np.nan_to_num((np.log2(y) - low) / (high - low), nan=1.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
    cells = (x / step).astype(np.int64)
    begins = np.flatnonzero(np.r_[True, np.diff(cells) > 0])
    means = np.add.reduceat(heights, begins) / np.diff(np.r_[begins, len(x)])
    filled = means[np.searchsorted(cells[begins], np.arange(int(end / step) + 1), side="right") - 1]
    return "".join(BLOCKS[index] for index in np.minimum(filled * len(BLOCKS), len(BLOCKS) - 1).astype(np.int64))
