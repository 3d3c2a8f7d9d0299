"""What is kept of what the runs did: which updates are reported, which parameters, which states."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.descent.state import RunState
from sim.views.snapshots import Snapshots

_FEWEST, _MOST = 4, 512  # snapshots kept of each run that may have to be projected anew
REPLAYED = 0.1  # seconds of updates between two kept states
_MOST_STATES = 2048
_MERGED = 2**20  # bytes: a larger block of snapshots is not copied into another one

Block = tuple[NDArray[np.int64], Tensor]
"""Updates, shape (K,), and the parameters after them, shape (K, P)."""


def reported(measures: Mapping[str, NDArray[np.float64]], most: int | None) -> NDArray[np.int64]:
    """Which of n updates to report, as increasing indices: all if they are few enough, else about `most` of them.

    They are cut into stretches of equal length; of each the first and the last one stay, and those in which any
    measure is least or largest. So a spike of one update is never lost.
    """
    count = len(next(iter(measures.values())))
    if most is None or count <= most:
        return np.arange(count)
    stretches = max(1, most // (2 + 2 * len(measures)))
    width = -(-count // stretches)
    begins = np.arange(0, count, width)
    chosen = np.zeros(count, bool)
    chosen[begins] = chosen[np.minimum(begins + width, count) - 1] = True
    for values in measures.values():
        if values.strides == (0,):  # one number, which the first update of a stretch has, too
            continue
        low = high = values
        greatest = begins + _by_stretch(np.argmax, high, width)
        if np.isnan(values[greatest]).any():  # as what is NaN counts as the greatest
            missing = np.isnan(values)
            if missing.all():
                continue
            low, high = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
            greatest = begins + _by_stretch(np.argmax, high, width)
        chosen[greatest] = chosen[begins + _by_stretch(np.argmin, low, width)] = True
    return np.flatnonzero(chosen)


def _by_stretch(pick: Callable[..., NDArray[np.int64]], values: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """What is picked of each stretch of that width, the last of which may be shorter: indices into the stretches."""
    whole, rest = divmod(len(values), width)
    picked: NDArray[np.int64] = np.empty(whole + (rest > 0), np.int64)
    pick(values[: whole * width].reshape(whole, width), axis=1, out=picked[:whole])
    if rest:
        picked[-1] = pick(values[whole * width :])
    return picked


class KeptSnapshots:
    """The snapshots kept of one run, at updates 0, s, 2s, ...; the stride s doubles whenever there are too many.

    Args:
        parameters: P.
        memory: bytes that they may take; infinite where they are forgotten as soon as they were sent.
    """

    def __init__(self, parameters: int, memory: float) -> None:
        self._parameters = parameters
        self.limit(memory)
        self.now = Snapshots()

    def limit(self, memory: float) -> None:
        """Keep within so many bytes, from the next ones on."""
        fit = max(_FEWEST, memory // (4 * self._parameters))
        self._most = min(_MOST, fit) if math.isfinite(memory) else math.inf

    def fork(self, update: int) -> "KeptSnapshots":
        """The same up to an update; none where they are forgotten, since whoever they were sent to has them."""
        forked = copy.copy(self)
        forked.now = self.now.until(update) if math.isfinite(self._most) else Snapshots()
        return forked

    def take(self, updates: NDArray[np.int64], snapshots: Tensor) -> None:
        """Keep further snapshots, shape (K, P), of updates that are multiples of the stride."""
        if len(updates):
            blocks = [*self.now.blocks, (updates, snapshots)]
            while len(blocks) > 1 and _to_merge(*blocks[-2:]):
                before, after = blocks[-2:]
                blocks[-2:] = [(np.concatenate([before[0], after[0]]), torch.cat([before[1], after[1]]))]
            self.now = replace(self.now, blocks=tuple(blocks))
            while len(self.now) > self._most:
                self._thin()

    def forget(self) -> None:
        """Keep nothing of what was."""
        self.now = Snapshots()

    def _thin(self) -> None:
        now, stride = self.now, 2 * self.now.stride
        kept = [(updates, snapshots, updates % stride == 0) for updates, snapshots in now.blocks]
        # copies: a view would hold all of its block
        blocks = tuple(
            (updates[some], snapshots[torch.from_numpy(some)]) for updates, snapshots, some in kept if some.any()
        )
        self.now = replace(now, blocks=blocks, stride=stride, thinnings=now.thinnings + 1)


def _to_merge(before: Block, after: Block) -> bool:
    """Whether two blocks become one, so that there are few: each is larger than all after it, unless that is much."""
    return len(before[0]) <= len(after[0]) and before[1].nbytes + after[1].nbytes <= _MERGED


class KeptStates:
    """The states kept of one run, so close that the updates between two of them are soon made again.

    Args:
        memory: bytes that they may take.
    """

    def __init__(self, memory: float) -> None:
        self.limit(memory)
        self._states: list[RunState] = []
        self._spacing = 1

    def limit(self, memory: float) -> None:
        """Keep within so many bytes, from the next ones on."""
        self._memory = memory

    def fork(self, state: RunState) -> "KeptStates":
        """The same up to a state, and that one."""
        forked = copy.copy(self)
        forked.forget_after(state.update)
        forked._states.append(state)
        return forked

    def take(self, state: RunState) -> None:
        """Keep a state, if the last one kept is far enough behind it."""
        if self._states:
            behind = self._states[-1]
            if state.update - behind.update < self._spacing or state.seconds - behind.seconds < REPLAYED / 2:
                return
        self._states.append(state)
        held = len(self._states)
        if held > _MOST_STATES or (held > 2 and held * state.nbytes > self._memory):
            self._states = self._states[::2]
            self._spacing = 2 * max(self._spacing, (state.update - self._states[0].update) // held)

    def before(self, update: int) -> RunState | None:
        """The newest one kept at or before so many updates."""
        return next((state for state in reversed(self._states) if state.update <= update), None)

    def after(self, update: int) -> RunState | None:
        """The oldest one kept at or after so many updates."""
        return next((state for state in self._states if state.update >= update), None)

    def forget_after(self, update: int) -> None:
        """Keep none beyond so many updates."""
        self._states = [kept for kept in self._states if kept.update <= update]
