"""What makes the updates of a run: a state and a number of updates give the next state and a block of columns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.descent.course import Course
from sim.descent.state import RunState
from sim.measures.measure import Gradients, Passes
from sim.protocol.answers import Trouble


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What a run did in n updates, by column.

    Attributes:
        first: the number of the first of these updates.
        status: a `Status` after each, uint8, shape (n,).
        seconds: spent so far after each, float64, shape (n,).
        measures: the recorded ones by name, float64, shape (n,) each; NaN where not evaluated.
        keep_every: the parameters are kept after each update whose number is a multiple of it.
        snapshots: the kept parameters, on the CPU, shape (K, P).
        trouble: why the run cannot go on, if it cannot.
    """

    first: int
    status: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    measures: Mapping[str, NDArray[np.float64]]
    keep_every: int
    snapshots: Tensor
    trouble: Trouble | None = None

    def __len__(self) -> int:
        return len(self.status)

    @property
    def kept(self) -> NDArray[np.int64]:
        """The numbers of the updates whose parameters were kept, shape (K,)."""
        every = self.keep_every
        return np.arange(-(-self.first // every) * every, self.first + len(self), every)


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks of which each begins where the one before ends, as one."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(
        first=blocks[0].first,
        status=np.concatenate([block.status for block in blocks]),
        seconds=np.concatenate([block.seconds for block in blocks]),
        measures={name: np.concatenate([block.measures[name] for block in blocks]) for name in blocks[0].measures},
        keep_every=blocks[0].keep_every,
        snapshots=torch.cat([block.snapshots for block in blocks]),
        trouble=blocks[-1].trouble,
    )


class Stepper(Protocol):
    """Something that makes the updates of one run. Given the same state it does the same, whatever it did before."""

    def start(self, passes: Passes) -> RunState:
        """The state before the first update, where passes over all examples found these figures."""

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """Make updates; fewer than asked for where the run stops or comes to its limit.

        Args:
            state: where to go on from.
            updates: how many, at most.
            until: no update begins once the run is known to have spent so many seconds.
            keep_every: keep the parameters after every so many updates, counted from the start.
        """

    def follow(self, course: Course) -> None:
        """Make the updates of another course from here on; what a module remembers beside its buffers stays."""

    def gradients(self, state: RunState) -> Gradients:
        """The gradient that the next update would use, and the one over all examples at the same parameters."""
