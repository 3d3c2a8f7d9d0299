"""The axes of a chart: from values to shares of an axis, linear or logarithmic, and ends at round numbers."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui.draw.axes import log_ticks, nice_ticks, tick_labels

Floats = NDArray[np.float64]

LARGEST = 1e300  # differences of such values are finite

_COARSE = (1.0, 2.0, 5.0, 10.0)
_FINE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Scale(NamedTuple):
    """One axis: its two ends, and whether it is logarithmic."""

    low: float
    high: float
    log: bool

    @property
    def ends(self) -> tuple[float, float]:
        """The ends as they are laid out: logarithms on a logarithmic axis."""
        return (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)

    def laid_out(self, values: ArrayLike) -> Floats:
        """Values as they are laid out; NaN: not on the axis."""
        plain = np.asarray(values, dtype=np.float64)
        plain = np.where(np.isfinite(plain), plain, np.nan).clip(-LARGEST, LARGEST)
        return np.log10(plain, where=plain > 0, out=np.full_like(plain, np.nan)) if self.log else plain

    def shares(self, values: ArrayLike) -> Floats:
        """How far along the axis values are: 0 at its low end, 1 at its high one; NaN: not on the axis."""
        low, high = self.ends
        return (self.laid_out(values) - low) / (high - low)

    def value(self, share: float) -> float:
        """The value at a share of the axis."""
        low, high = self.ends
        laid_out = low + share * (high - low)
        return float(10.0**laid_out if self.log else laid_out)

    def ticks(self, most: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """At most so many ticks, as shares of the axis, and their labels."""
        values = (log_ticks if self.log else nice_ticks)(self.low, self.high, most)
        return tuple(self.shares(values).clip(0, 1).tolist()), tuple(tick_labels(values))


def scale_across(first: float, last: float, log: bool, room: float) -> Scale:
    """An x axis from 0, or from `first` if logarithmic, to a round number beyond `last`.

    Args:
        first: the least positive value.
        last: the greatest one.
        log: whether it is logarithmic.
        room: the share of the axis that is to stay free at its end.
    """
    if not last > 1 / LARGEST:
        return Scale(0.0, 1.0, False)
    last = min(last, LARGEST / 10)
    if not log or first > last / 1.01:
        return Scale(0.0, round_up(last / (1 - room)), False)
    first = max(first, 1 / LARGEST)
    end = math.log10(first) + math.log10(last / first) / (1 - room)
    return Scale(first, round_up(10.0 ** min(end, 300.0), _COARSE), True)


def scale_up(values: Floats, log: bool, start: float, decades: float) -> Scale:
    """A y axis for all finite values, its ends at round numbers.

    Args:
        values: of any shape; without any the axis goes from 0 to 1.
        log: whether it is logarithmic; then it is for positive values only.
        start: the value that a logarithmic axis begins at most `decades` below, and ends at most one above.
        decades: how many powers of ten; infinite: as far as there are values.
    """
    values = values[np.isfinite(values) & (values > 0 if log else True)].clip(-LARGEST, LARGEST)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.1 if log else 0.0, 1.0)
    if not log:
        low, high = _apart(low, high)
        grain = 10.0 ** math.floor(math.log10(high - low)) / 2
        return Scale(math.floor(low / grain + 1e-9) * grain, math.ceil(high / grain - 1e-9) * grain, False)
    low, high = max(low, 1 / LARGEST), max(high, 1 / LARGEST)
    if 0 < start < math.inf:
        low = min(max(low, start / 10.0**decades), high)
        high = min(high, max(low, float(start) * 10.0)) if math.isfinite(decades) else high
    low, high = round_down(low), round_up(high, _COARSE)
    return Scale(low, high if high > low else 10 * low, True)


def round_up(value: float, mantissas: tuple[float, ...] = _FINE) -> float:
    """The least number that is not less than a positive one, of few digits."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in mantissas if step * power >= value * (1 - 1e-9)), 10 * power)


def round_down(value: float) -> float:
    """The greatest 1, 2 or 5 times a power of ten that is not more than a positive number."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in reversed(_COARSE) if step * power <= value * (1 + 1e-9)), power)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, drawn apart where they are too close to be distinguished on it."""
    reach = max(abs(low), abs(high))
    if reach < 1 / LARGEST:
        return -0.5, 0.5
    return (low, high) if high - low > 1e-9 * reach else (low - 0.5 * reach, high + 0.5 * reach)
