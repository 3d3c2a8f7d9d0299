"""What came of the members of a run that is made from many seeds: how many went where. Imports no torch."""

import numpy as np
from numpy.typing import NDArray

from sim.problems.card import Card
from sim.problems.formula import Formula
from sim.protocol.answers import Members
from sim.protocol.trace import Status
from tui.draw.numbers import count

_NEAR = 0.1  # of the window, across and up
_WORDS = {Status.CONVERGED: "standing still"}


def statuses_in_words(members: Members) -> str:
    """How many are in which status: "253 running, 3 diverged", or "all running".

    Those with next to no gradient stand still, be it in a minimum or not.
    """
    counts = {status: int((members.statuses == status).sum()) for status in Status}
    there = {_WORDS.get(status, status.name.lower()): number for status, number in counts.items() if number}
    if len(there) == 1:
        return f"all {next(iter(there))}"
    return ", ".join(f"{count(number)} {word}" for word, number in there.items())


def whereabouts(card: Card, members: Members) -> str:
    """How many left the saddle, and to which side, or which of several minima they are near; else "".

    Members that diverged are nowhere.
    """
    formula = card.formula
    if formula is None or (formula.saddle is None and len(card.minima) < 2):
        return ""
    going = members.points[members.statuses != Status.DIVERGED]
    if (saddle := formula.saddle) is None:
        return _near_minima(formula, going)
    known = np.array([*card.minima, saddle])
    away = going[:, None] - known
    nearest = np.hypot(away[..., 0], away[..., 1]).argmin(axis=1)  # the square of what is far off would overflow
    counts = np.bincount(nearest, minlength=len(known)).tolist()
    sides = (_side(minimum.x - saddle.x, minimum.y - saddle.y) for minimum in card.minima)
    words = ", ".join(f"{side}: {count(number)}" for side, number in zip(sides, counts, strict=False))
    left = sum(counts[:-1])
    share = f"left the saddle: {count(left)} of {count(len(members.points))}"
    return f"{share}; {words}" if left else share


def _near_minima(formula: Formula, points: NDArray[np.float64]) -> str:
    """How many of some points, shape (n, 2), are near each of a formula's minima, and how many near none."""
    left, right, bottom, top = formula.window
    off = np.abs(points[:, None] - np.array(formula.minima)) / (right - left, top - bottom)
    near = (off <= _NEAR).all(axis=2)
    there = zip(near.sum(axis=0).tolist(), formula.minima, strict=True)
    words = [f"{count(number)} near ({point.x:.3g}, {point.y:.3g})" for number, point in there if number]
    nowhere = int((~near.any(axis=1)).sum())
    return ", ".join([*words, *([f"{count(nowhere)} near no known minimum"] if nowhere else [])])


def _side(across: float, up: float) -> str:
    """In which direction something lies."""
    if abs(up) >= abs(across):
        return "above" if up > 0 else "below"
    return "right" if across > 0 else "left"
