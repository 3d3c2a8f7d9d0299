"""How many updates fit into a time."""

import math

import numpy as np
from numpy.typing import NDArray

_ENOUGH = 1.05  # times the updates that are expected to fill the time that is left: a rest would be dear


class Pace:
    """How long the updates of a run take, as last measured."""

    def __init__(self) -> None:
        self.seconds = 0.0  # of an update; 0 before any was made

    def take(self, updates: int, seconds: float) -> None:
        """Note that so many updates took so long."""
        self.seconds = seconds / updates

    def after(self, spent: float, updates: int) -> NDArray[np.float64]:
        """The seconds spent after each of so many updates, where so many were spent before, shape (n,)."""
        seconds = np.arange(1.0, updates + 1)
        seconds *= self.seconds
        seconds += spent
        return seconds

    def within(self, seconds: float, most: int) -> int:
        """How many updates to make at once within so many seconds, of so many at most."""
        if seconds == math.inf:
            return most
        return min(most, math.ceil(_ENOUGH * seconds / self.seconds)) if self.seconds else 1
