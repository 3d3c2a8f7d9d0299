"""Losses and descents written with plain PyTorch, to hold the problems against."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from sim.problems.formula import Formula

LOSSES = {
    "mean_squared_error": nn.functional.mse_loss,
    "binary_cross_entropy": nn.functional.binary_cross_entropy_with_logits,
    "mean": lambda output, _target: output.mean(),
}


def place(point: Sequence[float], requires_grad: bool = False) -> Tensor:
    """A point of the plane, shape (2,)."""
    return torch.tensor(tuple(point), dtype=torch.float64, requires_grad=requires_grad)


def mean_loss(formula: Formula, at: Tensor, inputs: Tensor | None = None, targets: Tensor | None = None) -> Tensor:
    """The mean loss at a place, over all examples or those given."""
    inputs = torch.as_tensor(formula.inputs) if inputs is None else inputs
    targets = torch.as_tensor(formula.targets) if targets is None else targets
    return LOSSES[formula.loss](formula.output(torch, at[0], at[1], inputs), targets)


def descend(formula: Formula, batch_size: int, updates: int, seed: int = 0) -> Tensor:
    """The places after 0, 1, ... updates of plain descent, shuffled by a DataLoader: shape (updates + 1, 2)."""
    data = TensorDataset(torch.as_tensor(formula.inputs), torch.as_tensor(formula.targets))
    loader = DataLoader(data, batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    places = [place(formula.start)]
    while True:
        for inputs, targets in loader:
            at = places[-1].requires_grad_()
            (slope,) = torch.autograd.grad(mean_loss(formula, at, inputs, targets), at)
            places.append(at.detach() - formula.lr * slope)
            if len(places) > updates:
                return torch.stack(places).detach()
