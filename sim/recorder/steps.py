"""What a loop's updates did, taken down at next to no cost and made rows of the trace from time to time."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.protocol.trace import RECORDED, ROW, Rows, Status


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
        self._read = 0
        self.update = 0
        self._forget()

    def _forget(self) -> None:
        self._losses = list[Tensor | float]()
        self._norms = list[Sequence[Tensor]]()
        self._rates, self._counts, self._seconds = list[float](), list[int](), list[float]()

    def start(self, loss: float) -> Rows:
        """The row of update 0."""
        rows = _blank(1)
        rows["loss"] = loss
        return rows

    def take(self, batch_loss: Tensor | float, examples: int, seconds: float) -> None:
        """Note an update whose gradients are still there; nothing waits for a device.

        Args:
            batch_loss: of the update's batch.
            examples: how many it used.
            seconds: since the start.
        """
        self.update += 1
        self._losses.append(batch_loss.detach() if isinstance(batch_loss, Tensor) else batch_loss)
        self._norms.append(self._norms_now())
        self._rates.append(self._optimizer.param_groups[0].get("lr", math.nan))
        self._counts.append(examples)
        self._seconds.append(seconds)

    def _norms_now(self) -> Sequence[Tensor]:
        """The length of each parameter's gradient."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if any(gradient.is_sparse for gradient in gradients):
            return [gradient.norm() for gradient in gradients]
        return torch._foreach_norm(gradients) if gradients else ()

    def rows(self) -> Rows:
        """A row for each update that was noted; from here on they are forgotten."""
        count = len(self._losses)
        rows = _blank(count)
        rows["update"] = rows["moment"] = rows["position"] = np.arange(self.update - count, self.update) + 1
        rows["examples"] = self._read + np.cumsum(self._counts)
        rows["epoch"] = rows["examples"] / self._examples if self._examples else 0.0
        rows["seconds"] = self._seconds
        rows["batch_loss"] = list(map(float, self._losses))
        rows["grad_norm"] = self._grad_norms()
        rows["lr"] = list(map(float, self._rates))
        rows["status"] = np.where(np.isfinite(rows["batch_loss"]), Status.RUNNING, Status.DIVERGED)
        self._read = int(rows["examples"][-1]) if count else self._read
        self._forget()
        return rows

    def _grad_norms(self) -> NDArray[np.float64]:
        """The length of the whole gradient at each update; NaN where there was none."""
        counts = np.array([len(norms) for norms in self._norms])
        every = [norm for norms in self._norms for norm in norms]
        if not every:
            return np.full(len(counts), math.nan)
        stacked = torch.stack(every if self._together else [norm.cpu() for norm in every])
        squares = np.concatenate([stacked.double().cpu().numpy() ** 2, [0.0]])
        sums = np.add.reduceat(squares, np.cumsum(counts) - counts)
        found: NDArray[np.float64] = np.where(counts > 0, np.sqrt(sums), math.nan)
        return found


def _blank(count: int) -> Rows:
    """Rows in which nothing was counted, and nothing evaluated."""
    rows = np.zeros(count, ROW)
    for one in RECORDED:
        rows[one.name] = math.nan
    return rows
