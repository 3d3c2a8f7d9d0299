"""What came of the members of a run that is made from many seeds: how many went where. Imports no torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.experiment.geometry import Point
from sim.problems.card import Card
from sim.protocol.answers import Members
from sim.protocol.trace import Status
from tui.draw.numbers import count, decimal


def statuses_in_words(members: Members) -> str:
    """How many are in which status: "253 running, 3 diverged"; the word alone where it is the same for all."""
    counts = np.bincount(members.statuses, minlength=len(Status))
    there = [status for status in Status if counts[status]]
    if len(there) == 1:
        return f"all {there[0].name.lower()}"
    return ", ".join(f"{count(int(counts[status]))} {status.name.lower()}" for status in there)


def whereabouts(card: Card, members: Members) -> str:
    """Which of the known minima the members that go on are nearest to, or the saddle; "" where that says nothing."""
    saddle = None if card.formula is None else card.formula.saddle
    goes_on = members.statuses != Status.DIVERGED
    if saddle is not None:
        nearest = _nearest(members.points[goes_on], (saddle, *card.minima))
        left = f"left the saddle: {count(int((nearest > 0).sum()))} of {count(len(goes_on))}"
        sides = [
            f"{_side(saddle, minimum)}: {count(int((nearest == index).sum()))}"
            for index, minimum in enumerate(card.minima, start=1)
        ]
        return f"{left}; {', '.join(sides)}"
    if len(card.minima) > 1:
        nearest = _nearest(members.points[goes_on], card.minima)
        counts = [
            f"{count(int((nearest == index).sum()))} near {_named(point)}" for index, point in enumerate(card.minima)
        ]
        return ", ".join(counts)
    return ""


def _nearest(points: NDArray[np.float64], known: Sequence[Point]) -> NDArray[np.int64]:
    """The index of the known point that each one is nearest to, shape (K,)."""
    distances = np.linalg.norm(points[:, None] - np.array(known), axis=2)
    nearest: NDArray[np.int64] = distances.argmin(axis=1)
    return nearest


def _side(saddle: Point, minimum: Point) -> str:
    """On which side of the saddle a minimum lies."""
    across, up = minimum.x - saddle.x, minimum.y - saddle.y
    if abs(up) >= abs(across):
        return "above" if up > 0 else "below"
    return "right" if across > 0 else "left"


def _named(point: Point) -> str:
    return f"({decimal(point.x, 3)}, {decimal(point.y, 3)})"
