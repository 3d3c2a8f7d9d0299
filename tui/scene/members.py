"""What came of the members of a run that is made from many seeds: how many went where. Imports no torch."""

import numpy as np

from sim.problems.card import Card
from sim.protocol.answers import Members
from sim.protocol.trace import Status
from tui.draw.numbers import count

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
    """How many left the saddle, and to which side, or which of several minima they are nearest to; else "".

    Members that diverged are nowhere.
    """
    saddle = None if card.formula is None else card.formula.saddle
    if saddle is None and len(card.minima) < 2:
        return ""
    known = np.array([*card.minima, *((saddle,) if saddle else ())])
    going = members.points[members.statuses != Status.DIVERGED]
    away = going[:, None] - known
    nearest = np.hypot(away[..., 0], away[..., 1]).argmin(axis=1)  # the square of what is far off would overflow
    counts = np.bincount(nearest, minlength=len(known)).tolist()
    if saddle is None:
        there = [(number, point) for number, point in zip(counts, card.minima, strict=True) if number]
        return ", ".join(f"{count(number)} nearest to ({point.x:.3g}, {point.y:.3g})" for number, point in there)
    sides = (_side(minimum.x - saddle.x, minimum.y - saddle.y) for minimum in card.minima)
    words = ", ".join(f"{side}: {count(number)}" for side, number in zip(sides, counts, strict=False))
    return f"left the saddle: {count(sum(counts[:-1]))} of {count(len(members.points))}; {words}"


def _side(across: float, up: float) -> str:
    """In which direction something lies."""
    if abs(up) >= abs(across):
        return "above" if up > 0 else "below"
    return "right" if across > 0 else "left"
