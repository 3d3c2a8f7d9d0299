"""Lines to dots: what of them lies on a canvas, and which dots they pass through."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FAR = 1e150  # differences and quotients of such coordinates still are finite


def line_dots(dots: Floats, width: int, height: int) -> tuple[Integers, Integers, Integers]:
    """The dots of the line through points, within `width` x `height` dots: x, y and to which point each one leads.

    `dots` has their positions in dots, shape (n, 2); the line breaks where one is not finite. Of many points one after
    the other in one dot the last one leads there.
    """
    finite = np.isfinite(dots[:, 0]) & np.isfinite(dots[:, 1])
    whole = np.floor(dots)
    still = (whole[1:, 0] == whole[:-1, 0]) & (whole[1:, 1] == whole[:-1, 1])
    ends = np.flatnonzero(finite[1:] & finite[:-1] & ~(still & np.r_[still[1:], False])) + 1
    begins, stops, inside = _clip(dots[ends - 1], dots[ends], width, height)
    xs, ys, segment = _rasterise(begins, stops)
    return xs, ys, ends[inside][segment]


def _clip(begins: Floats, ends: Floats, width: int, height: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The parts of segments inside the box [0, width] x [0, height], and which have one.

    Shapes (n, 2), (n, 2) to (m, 2), (m, 2) and (n,).
    """
    begins, ends = begins.clip(-_FAR, _FAR), ends.clip(-_FAR, _FAR)
    box = np.array([width, height], dtype=np.float64)
    within = (begins >= 0) & (begins <= box) & (ends >= 0) & (ends <= box)
    inside = within[:, 0] & within[:, 1]
    crossing = np.flatnonzero(~inside)
    if len(crossing):  # to cut all of them would take five times as long, and most lie within
        begins[crossing], ends[crossing], inside[crossing] = _cut(begins[crossing], ends[crossing], box)
        begins, ends = begins[inside], ends[inside]
    limit = box - 1  # the last dot; the box's far edge belongs to it
    return np.floor(begins).clip(0, limit), np.floor(ends).clip(0, limit), inside


def _cut(begins: Floats, ends: Floats, box: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Where segments enter and leave the box [0, box] (Liang and Barsky), and which of them do."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        span = ends - begins
        near, far = (0 - begins) / span, (box - begins) / span
        still = span == 0
        outside = still & ((begins < 0) | (begins > box))
        enter = np.where(still, 0.0, np.minimum(near, far)).max(axis=1, initial=0.0)
        leave = np.where(still, 1.0, np.maximum(near, far)).min(axis=1, initial=1.0)
        meets = (enter <= leave) & ~outside.any(axis=1)
        return begins + enter[:, None] * span, begins + leave[:, None] * span, meets


def _rasterise(begins: Floats, ends: Floats) -> tuple[Integers, Integers, Integers]:
    """The dots of segments between whole dots, one for each step along the longer axis: x, y and which segment."""
    span = ends - begins
    steps = np.maximum(*np.abs(span.T)).astype(np.int64)  # twice as fast as `max` along so short an axis
    counts = steps + 1
    segment = np.repeat(np.arange(len(steps)), counts)
    step = np.arange(len(segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    part = step / np.repeat(np.maximum(steps, 1), counts)
    xs, ys = (
        np.rint(np.repeat(begins[:, axis], counts) + part * np.repeat(span[:, axis], counts)).astype(np.int64)
        for axis in (0, 1)
    )
    return xs, ys, segment
