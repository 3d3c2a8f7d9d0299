"""Who goes next, for runs that are kept equal in something: a plan of the coming moments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.descent.pace import count_to
from sim.descent.sampling import Integers

QUANTUM = 0.0001
"""Seconds that a run may be ahead of the others before it is their turn; of longer updates, it is one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The updates that one run is to make next, and when each of them counts.

    Attributes:
        racer: its index among those that were planned for.
        moments: for each of its updates the ordinal of the moment, counted from 1, shape (n,).
        positions: for each of its updates where the clock then stands, shape (n,).
    """

    racer: int
    moments: Integers
    positions: NDArray[np.generic]


def counted_turns(completions: Sequence[NDArray[np.generic]], moments: int, until: float) -> list[Turn]:
    """A plan for a clock that counts: the run whose next update completes first goes next, and ties are one moment.

    Args:
        completions: for each run where the clock stands as each of its next `moments` updates completes (fewer where
            fewer are left), increasing.
        moments: how many to plan at most.
        until: where on the clock the last of them may lie.

    Returns: a turn for each run that has something to do; none if none has.
    """
    positions = _merged(completions)
    # of a run only the next `moments` completions are known, not where it stands after the last of them; but then there
    # are as many moments before that
    within = len(positions) if until == math.inf else int(np.searchsorted(positions, until, side="right"))
    positions = positions[: min(moments, within)]
    turns = []
    for index, own in enumerate(completions):
        mine = own[: np.searchsorted(own, positions[-1], side="right")] if len(positions) else own[:0]
        if len(mine):
            # who completes an update at every position has no need to look them up
            every = len(mine) == len(positions)
            ordinals = count_to(len(mine), np.int64) if every else np.searchsorted(positions, mine) + 1
            turns.append(Turn(index, ordinals, mine))
    return turns


def _merged(completions: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """All positions at which any run completes an update, increasing."""
    first, *others = completions or [np.empty(0)]
    if all(np.array_equal(first, other) for other in others):
        return first
    ahead = np.sort(np.concatenate(completions), kind="stable")  # merges what is sorted already
    return ahead[np.concatenate([[True], ahead[1:] > ahead[:-1]])] if len(ahead) else ahead


def timed_turn(seconds: Mapping[int, float]) -> tuple[int, float] | None:
    """Whose turn it is on a clock of computing time, which nobody knows beforehand, and until when.

    The run that has spent least goes next, until it is a quantum ahead of the one that has spent least but for it.

    Args:
        seconds: what each run that goes on has spent, by its index.

    Returns: the run's index and how many seconds it may have spent before its last update; None if none goes on.
    """
    least = min(seconds, key=seconds.__getitem__, default=None)
    if least is None:
        return None
    others = min((spent for index, spent in seconds.items() if index != least), default=math.inf)
    return least, others + QUANTUM
