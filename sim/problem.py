"""What PyTorch users already have: a module, a loss and a data set. The engine asks for nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sim.experiment import Point
from sim.problems.formula import Formula

Loss = Callable[[Tensor, Tensor], Tensor]
"""`loss(output, target)`: the mean over the batch, a scalar."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A module to train, as it stands at the start, with its loss and its training data.

    Attributes:
        model: every run starts from a copy of it.
        loss: see `Loss`.
        inputs: shape (N, ...), on the device.
        targets: shape (N, ...), on the device.
    """

    model: nn.Module
    loss: Loss
    inputs: Tensor
    targets: Tensor

    @property
    def examples(self) -> int:
        """N, the number of training examples."""
        return len(self.inputs)


class FormulaModule(nn.Module):
    """A formula as a module with two scalar parameters of float64, named as the formula names them."""

    def __init__(self, formula: Formula, start: Point) -> None:
        super().__init__()
        self._names = formula.parameters
        self._output = formula.output
        for name, value in zip(self._names, start, strict=True):
            self.register_parameter(name, nn.Parameter(torch.tensor(float(value), dtype=torch.float64)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Per-example outputs, shape (N,)."""
        a, b = (getattr(self, name) for name in self._names)
        return cast(Tensor, self._output(torch, a, b, inputs))


def _mean(output: Tensor, _target: Tensor) -> Tensor:
    return output.mean()


_LOSSES: dict[str, Loss] = {
    "mean_squared_error": nn.MSELoss(),
    "binary_cross_entropy": nn.BCEWithLogitsLoss(),
    "mean": _mean,
}


def formula_problem(formula: Formula, start: Point, device: torch.device) -> Problem:
    """The problem that a formula describes, in float64."""
    return Problem(
        model=FormulaModule(formula, start).to(device),
        loss=_LOSSES[formula.loss],
        inputs=torch.as_tensor(formula.inputs, dtype=torch.float64, device=device),
        targets=torch.as_tensor(formula.targets, dtype=torch.float64, device=device),
    )
