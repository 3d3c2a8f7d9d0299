"""How many updates fit into a time."""

import math
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.int64, np.float64)

_ENOUGH = 1.05  # times the updates that are expected to fill the time that is left: a rest would be dear


@lru_cache(maxsize=8)
def count_to(count: int, kind: type[Number]) -> NDArray[Number]:
    """From 1 to so many, not to be written to: updates are counted so often that doing it anew takes its time."""
    numbers = np.arange(1, count + 1, dtype=kind)
    numbers.setflags(write=False)
    return numbers


class Pace:
    """How long the updates of a run take, as last measured."""

    def __init__(self) -> None:
        self.seconds = 0.0  # of an update; 0 before any was made

    def take(self, updates: int, seconds: float) -> None:
        """Note that so many updates took so long."""
        self.seconds = seconds / updates

    def after(self, spent: float, updates: int) -> NDArray[np.float64]:
        """The seconds spent after each of so many updates, where so many were spent before, shape (n,)."""
        seconds = count_to(updates, np.float64) * self.seconds
        seconds += spent
        return seconds

    def within(self, seconds: float, most: int) -> int:
        """How many updates to make at once within so many seconds, of so many at most."""
        if seconds == math.inf:
            return most
        return min(most, math.ceil(_ENOUGH * seconds / self.seconds)) if self.seconds else 1
