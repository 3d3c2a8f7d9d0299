"""Many values over an axis made few: a calm line through them, and the band that they go through."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RARE = 0.05  # of the values, at either end


def smoothed(shares: Floats, values: Floats, parts: int) -> tuple[Floats, Floats]:
    """The median of the values in each of so many equal parts of an axis, and the first and the last value as they are.

    Where there are no more values than parts, all of them are as they are. A median is the same on a linear and on a
    logarithmic axis, and one value in a million does not move it.

    Args:
        shares: where the values are, as shares of the axis, increasing, shape (n,).
        values: of the same shape; what is not finite is left out, and is one NaN where a part holds nothing else.
        parts: how many.

    Returns:
        Positions and values, at most `parts` + 2.
    """
    known = np.where(np.isfinite(values), values, np.nan)
    if len(values) <= parts:
        return shares, known
    part = _parts(shares, parts)
    begins = np.flatnonzero(np.r_[True, np.diff(part) > 0])
    ranked = known[np.lexsort((known, part))]  # in each part what is not finite comes last
    sizes = np.add.reduceat(np.isfinite(known).astype(np.int64), begins)
    middle = (ranked[begins + np.maximum(sizes - 1, 0) // 2] + ranked[begins + (sizes - sizes % 2) // 2]) / 2
    medians = np.where(sizes > 0, middle, np.nan)
    means = np.add.reduceat(shares, begins) / np.diff(np.r_[begins, len(shares)])
    return np.r_[shares[0], means, shares[-1]], np.r_[known[0], medians, known[-1]]


def usual_values(shares: Floats, values: Floats, parts: int) -> Floats:
    """What an axis is to have room for: a smoothed line, and the range of most of its values.

    A rare value takes no room from all others, nor does the end of the line, with which the axis would go to and fro.

    Args:
        shares: see `smoothed`.
        values: of the same shape.
        parts: see `smoothed`.
    """
    shown = (shares >= 0) & (shares <= 1) & np.isfinite(values)
    found = values[shown]
    if len(found) <= parts:
        return found
    rare = int(_RARE * len(found))
    most = np.partition(found, (rare, -1 - rare))[[rare, -1 - rare]]  # far faster than quantiles
    return np.concatenate([smoothed(shares[shown], found, parts)[1][:-1], most])


def envelope(shares: Floats, values: Floats, parts: int) -> tuple[Floats, Floats]:
    """The least and the greatest finite value in each of so many equal parts of an axis, both of shape (parts,).

    A part without any has those of the one before it; NaN before the first and after the last.

    Args:
        shares: where the values are, as shares of the axis, increasing, shape (n,).
        values: of the same shape.
        parts: how many.
    """
    finite = np.isfinite(values) & np.isfinite(shares)
    low, high = np.full(parts, np.nan), np.full(parts, np.nan)
    if not finite.any():
        return low, high
    part, known = _parts(shares[finite], parts), values[finite]
    begins = np.flatnonzero(np.diff(part, prepend=-1))
    there = part[begins]
    low[there], high[there] = np.minimum.reduceat(known, begins), np.maximum.reduceat(known, begins)
    inside = np.arange(there[0], there[-1] + 1)
    filled = there[np.searchsorted(there, inside, side="right") - 1]
    low[inside], high[inside] = low[filled], high[filled]
    return low, high


def _parts(shares: Floats, parts: int) -> NDArray[np.int64]:
    return (shares * parts).clip(0, parts - 1).astype(np.int64)
