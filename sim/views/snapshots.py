"""The parameters of a run at some of its updates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """The parameters of one run that were kept, after some of its updates, in blocks of K.

    Attributes:
        blocks: the updates, int64, shape (K,), increasing; and the parameters after them, shape (K, P).
        stride: the updates are its multiples.
        thinnings: how often some were left out.
        shared: the last update that a fork has in common with its parent; -1 for other runs.
    """

    blocks: tuple[tuple[NDArray[np.int64], Tensor], ...] = ()
    stride: int = 1
    thinnings: int = 0
    shared: int = -1

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which of them no other run has, shape (K,)."""
        return self.updates > self.shared

    def __len__(self) -> int:
        return sum(len(updates) for updates, _ in self.blocks)

    @property
    def updates(self) -> NDArray[np.int64]:
        """All of the updates, shape (K,)."""
        return np.concatenate([np.empty(0, np.int64), *(updates for updates, _ in self.blocks)])

    @property
    def vectors(self) -> list[Tensor]:
        """All of the parameters, of shape (P,) each."""
        return [vector for _, vectors in self.blocks for vector in vectors]

    @property
    def newest(self) -> Tensor:
        """The parameters of the last one, shape (P,)."""
        return self.blocks[-1][1][-1]

    def since(self, begin: int) -> tuple[NDArray[np.int64], list[Tensor]]:
        """The updates from the one with that index on, shape (K,), and the parameters in blocks, (k, P) each."""
        updates, vectors, skipped = [np.empty(0, np.int64)], [], begin
        for some, block in self.blocks:
            if skipped < len(some):
                updates.append(some[skipped:])
                vectors.append(block[skipped:])
            skipped = max(0, skipped - len(some))
        return np.concatenate(updates), vectors

    def until(self, update: int) -> "Snapshots":
        """Those of the updates up to one of them."""
        kept = [(updates, vectors, int(np.searchsorted(updates, update, "right"))) for updates, vectors in self.blocks]
        # copies of what is cut: a view would hold all of its block
        blocks = tuple(
            (updates[:count], vectors if count == len(updates) else vectors[:count].clone())
            for updates, vectors, count in kept
            if count
        )
        return Snapshots(blocks, self.stride, self.thinnings, update)
