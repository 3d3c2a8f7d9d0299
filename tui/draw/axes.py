"""Ticks at round numbers, and the labels beside a picture."""

import math
from collections.abc import Sequence
from itertools import pairwise

from tui.draw.numbers import PREFIXES, exponential, quantity

_STEPS = (1.0, 2.0, 5.0, 10.0)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many multiples of 1, 2 or 5 times a power of ten, from `low` to `high`.

    They are as many as fit, but none where the range is empty or not finite.
    """
    span = high - low
    if most < 1 or not (math.isfinite(span) and span > 0):
        return []
    power = 10.0 ** math.floor(math.log10(span / most))
    for step in (step * scale * power for scale in (1.0, 10.0) for step in _STEPS[:-1]):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [whole * step for whole in range(first, last + 1)]
    raise AssertionError("a step of ten times the mean distance leaves few enough ticks")


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many ticks for a logarithmic axis from `low` to `high`, both positive.

    They are decades where two or more of them are in sight, else 1, 2 and 5 times these (every so many of them), else
    as on a linear axis.
    """
    if most < 1 or not 0 < low < high < math.inf:
        return []
    begin, end = math.log10(low), math.log10(high)
    exponents = range(math.ceil(begin - 1e-9), math.floor(end + 1e-9) + 1)
    every = -(-len(exponents) // most)
    decades = [10.0**exponent for exponent in exponents if exponent % max(every, 1) == 0]
    fine = [step * 10.0**exponent for exponent in range(math.floor(begin), math.floor(end) + 1) for step in _STEPS[:-1]]
    fine = [tick for tick in fine if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    if len(exponents) > 1 and len(fine) > most:
        return decades
    thinned = fine[:: -(-len(fine) // most)] if fine else []
    return thinned if len(fine) >= 3 and len(thinned) >= 2 else nice_ticks(low, high, most)


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of increasing ticks, with the decimals that distinguish them and a common prefix where they are large.

    Those of several decades are written each in its own way.
    """
    if not any(ticks):
        return ["0"] * len(ticks)
    if len(ticks) > 1 and ticks[0] > 0 and ticks[-1] > 50 * ticks[0]:
        return [quantity(tick) if 1e-3 <= tick < 1e15 else exponential(tick, 0) for tick in ticks]
    largest = max(abs(tick) for tick in ticks)
    smallest = min(abs(tick) for tick in ticks if tick)
    gap = min([after - before for before, after in pairwise(ticks)] + [smallest])
    if largest >= 1e15 or largest < 1e-3:
        decimals = max(0, _exponent(largest) - _exponent(gap))
        return [exponential(tick, decimals) if tick else "0" for tick in ticks]
    unit, prefix = next((entry for entry in PREFIXES if largest >= 10 * entry[0]), (1.0, ""))
    decimals = max(0, -_exponent(gap / unit))
    return [f"{tick / unit:.{decimals}f} {prefix}".rstrip() if tick else "0" for tick in ticks]


def left_labels(low: float, high: float, rows: int, widest: int = 80) -> list[str]:
    """A line of text for each row of cells beside an axis that points up: labels at ticks, flush right.

    None is cut, since half a number is another one: where labels are wider than so many columns they all have
    exponents, and those that still do not fit are left out.
    """
    ticks = nice_ticks(low, high, max(4, rows // 4))
    by_row = {
        min(int((high - tick) / (high - low) * rows), rows - 1): label
        for tick, label in zip(ticks, _fitting_labels(ticks, widest), strict=True)
    }
    width = max(map(len, by_row.values()), default=0)
    return [by_row.get(row, "").rjust(width) for row in range(rows)]


def _fitting_labels(ticks: Sequence[float], widest: int) -> list[str]:
    labels = tick_labels(ticks)
    if max(map(len, labels), default=0) <= widest:
        return labels
    return [next((label for label in _exponentials(tick) if len(label) <= widest), "") for tick in ticks]


def _exponentials(tick: float) -> list[str]:
    """The ways to write a tick with an exponent and few digits, none of them rounded."""
    if not tick:
        return ["0"]
    return [label for label in (exponential(tick, 0), exponential(tick, 1)) if math.isclose(float(label), tick)]


def bottom_labels(low: float, high: float, columns: int) -> str:
    """The line of text below an axis that points right: labels centred under their ticks, as many as fit whole."""
    ticks = nice_ticks(low, high, max(3, columns // 8))
    line = ""
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        column = int((tick - low) / (high - low) * columns) - len(label) // 2
        column = min(max(column, 0), columns - len(label))
        if column >= len(line) + bool(line):  # never so where a label alone is too long
            line = line.ljust(column) + label
    return line.ljust(columns)


def _exponent(number: float) -> int:
    return math.floor(math.log10(number) + 1e-9)
