"""What a loop's updates did, taken down at next to no cost and made rows of the trace from time to time."""

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.protocol.trace import RECORDED, ROW, Rows, Status

_Taken = tuple[Tensor | float, Sequence[Tensor], float, int, float]
"""Of an update: the batch's loss, the lengths of its gradients, the rate, examples and seconds."""


class Steps:
    """The updates since rows were last made of them.

    Args:
        parameters: that the loop changes.
        optimizer: that changes them.
        examples: N; 0 where it is not known.

    Attributes:
        update: how many updates there were.
    """

    def __init__(self, parameters: Sequence[Tensor], optimizer: torch.optim.Optimizer, examples: int) -> None:
        self._parameters, self._optimizer, self._examples = parameters, optimizer, examples
        self._together = len({parameter.device for parameter in parameters}) == 1
        self._taken: list[_Taken] = []
        self._full: dict[int, float] = {}  # losses over all examples, by the update before
        self._read = 0
        self.update = 0

    def start(self, loss: float) -> Rows:
        """The row of update 0."""
        rows = _blank(1)
        rows["loss"] = loss
        return rows

    def take(self, batch_loss: Tensor | float, examples: int, seconds: float, *, measured: bool = False) -> None:
        """Note an update whose gradients are still there; nothing waits for a device.

        Args:
            batch_loss: of the update's batch.
            examples: how many it used.
            seconds: since the start.
            measured: whether to measure the gradient's length.
        """
        self.update += 1
        rate = self._optimizer.param_groups[0].get("lr", math.nan)
        if isinstance(batch_loss, Tensor):
            batch_loss = batch_loss.detach().clone()  # recorded graphs change it in place
        if isinstance(rate, Tensor):
            rate = rate.clone()  # as schedules do
        self._taken.append((batch_loss, self._norms_now() if measured else (), rate, examples, seconds))

    def _norms_now(self) -> Sequence[Tensor]:
        """The length of each parameter's gradient."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if any(gradient.is_sparse for gradient in gradients):
            return [gradient.norm() for gradient in gradients]
        return torch._foreach_norm(gradients) if gradients else ()

    def note_loss(self, loss: float) -> None:
        """Note the loss over all examples after the last update."""
        self._full[self.update] = loss

    def rows(self) -> Rows:
        """A row for each update that was noted; from here on they are forgotten."""
        (taken, self._taken), (full, self._full) = (self._taken, []), (self._full, {})
        rows = _blank(len(taken))
        if not taken:
            return rows
        losses, norms, rates, counts, seconds = zip(*taken, strict=True)
        rows["update"] = rows["moment"] = rows["position"] = np.arange(self.update - len(taken), self.update) + 1
        rows["examples"] = self._read + np.cumsum(counts)
        rows["epoch"] = rows["examples"] / self._examples if self._examples else 0.0
        rows["seconds"] = seconds
        rows["batch_loss"] = _numbers(losses)
        rows["grad_norm"] = self._whole(norms)
        rows["lr"] = _numbers(rates)
        rows["loss"] = [full.get(update, math.nan) for update in rows["update"].tolist()]
        rows["status"] = np.where(np.isfinite(rows["batch_loss"]), Status.RUNNING, Status.DIVERGED)
        self._read = int(rows["examples"][-1])
        return rows

    def _whole(self, norms: Sequence[Sequence[Tensor]]) -> NDArray[np.float64]:
        """The lengths of whole gradients, of those of their parts; NaN where there was none."""
        counts = np.array(list(map(len, norms)))
        every = list(chain.from_iterable(norms))
        if not every:
            return np.full(len(counts), math.nan)
        stacked = torch.stack(every if self._together else [norm.cpu() for norm in every])
        squares = np.append(stacked.double().cpu().numpy() ** 2, 0.0)
        sums = np.add.reduceat(squares, np.cumsum(counts) - counts)
        found: NDArray[np.float64] = np.where(counts > 0, np.sqrt(sums), math.nan)
        return found


def _numbers(values: Sequence[Tensor | float]) -> list[float]:
    """Each as a number; what lies on one device is fetched at once, since each fetch waits for it."""
    tensors = [value.reshape(()) for value in values if isinstance(value, Tensor)]
    if len(tensors) == len(values) and len({tensor.device for tensor in tensors}) == 1:
        fetched: list[float] = torch.stack(tensors).tolist()
        return fetched
    return list(map(float, values))


def _blank(count: int) -> Rows:
    """Rows in which nothing was counted, and nothing evaluated."""
    rows = np.zeros(count, ROW)
    for one in RECORDED:
        rows[one.name] = math.nan
    return rows
