"""Who updates next: a plan of the coming moments, for runs that are kept equal in something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import Clock

Integers = NDArray[np.int64]


class Racer(Protocol):
    """What the clock needs to know of a run."""

    @property
    def seconds(self) -> float:
        """Time spent so far."""

    def completions(self, clock: Clock, count: int) -> Integers:
        """Where the clock stands as each of the next `count` updates (or those left to do) completes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one run is to do.

    Attributes:
        racer: its index in the sequence that was planned for.
        moments: for each of its updates the ordinal of the moment, counted from 1.
        positions: for each of its updates the clock's position; empty on `seconds`, where nobody knows beforehand.
    """

    racer: int
    moments: Integers
    positions: NDArray[np.float64]


def plan(clock: Clock, racers: Sequence[Racer], moments: int, until: float) -> list[Turn]:
    """Plan at most so many moments, none of which lies beyond `until` on the clock.

    On `updates` and `examples` the run whose next update completes earliest goes next and ties form one moment; on
    `seconds` the run with the least time so far goes next, alone, and one moment is all that can be planned.

    Returns: a turn for each run that has something to do; empty if none has.
    """
    if clock == "seconds":
        return _plan_seconds(racers, until)
    completions = [racer.completions(clock, moments) for racer in racers]
    positions = np.unique(np.concatenate([*completions, np.empty(0, np.int64)]))
    # a run has told only its next `moments` completions; beyond the last of them its place is unknown, but then there
    # are as many moments before that
    positions = positions[positions <= until][:moments]
    turns = []
    for index, own in enumerate(completions):
        mine = own[: np.searchsorted(own, positions[-1], side="right")] if len(positions) else own[:0]
        if len(mine):
            turns.append(Turn(index, np.searchsorted(positions, mine) + 1, mine.astype(np.float64)))
    return turns


def _plan_seconds(racers: Sequence[Racer], until: float) -> list[Turn]:
    able = [index for index, racer in enumerate(racers) if len(racer.completions("updates", 1))]
    if not able:
        return []
    least = min(able, key=lambda index: racers[index].seconds)
    if racers[least].seconds >= until:
        return []
    return [Turn(least, np.ones(1, np.int64), np.empty(0))]
