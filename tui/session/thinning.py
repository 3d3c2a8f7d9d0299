"""Which of many values stay where not all can: of each stretch those that are least and largest. Pure data."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.protocol.trace import COUNTERS, Rows

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def extremes(values: Floats, begins: Indices) -> Indices:
    """The indices of the first least and the first largest value of each stretch, in no order.

    Args:
        values: shape (n,); NaN is neither, and a stretch of nothing else has its first index.
        begins: the index at which each stretch begins, increasing from 0.
    """
    found, unknown = [], np.isnan(values)
    for pick, nothing in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        known = np.where(unknown, nothing, values) if unknown.any() else values
        best = np.repeat(pick.reduceat(known, begins), np.diff(np.append(begins, len(values))))
        there = np.flatnonzero(known == best)
        found.append(there[np.searchsorted(there, begins)])
    return np.concatenate(found)


def outstanding(moments: Indices, measures: Sequence[Floats], width: int) -> Indices:
    """The moments of a run that stay, in no order: of each stretch its ends, and those where a measure is extreme.

    The stretches are `width` moments long and begin at its multiples, so that each of twice the width is a pair of
    them: thinned again, the extremes of a stretch are those of all that was ever in it.

    Args:
        moments: when the run completed its updates, increasing, shape (n,).
        measures: of these updates, shape (n,) each; NaN where not known.
        width: of a stretch.
    """
    if not len(moments):
        return moments
    begins = np.flatnonzero(np.diff(moments // width, prepend=-1))
    ends = np.append(begins[1:], len(moments)) - 1
    found = np.concatenate([begins, ends, *(extremes(values, begins) for values in measures)])
    return np.take(moments, found)


def power_of_two(least: float) -> int:
    """The first that is not below a number; 1 at least."""
    return 1 << max(0, math.ceil(math.log2(least)))


def drawn(rows: Rows, points: Floats, first: int, newest: int) -> tuple[Indices, list[Floats]]:
    """When a run completed its updates between two moments, and all that is drawn of them."""
    begin, end = np.searchsorted(rows["moment"], [first, newest])
    some = rows[begin:end]
    counted = [name for name, _ in COUNTERS]
    measures = [*(some[name] for name in some.dtype.names or () if name not in counted), *points[begin:end].T]
    return some["moment"], [values for values in map(np.ascontiguousarray, measures) if not np.isnan(values).all()]
