"""Losses and descents written with plain PyTorch and numpy, to hold the problems against."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from sim.problems.formula import Floats, Formula

LOSSES = {
    "mean_squared_error": nn.functional.mse_loss,
    "binary_cross_entropy": nn.functional.binary_cross_entropy_with_logits,
    "mean": lambda output, _target: output.mean(),
}
_SLOPES = {
    "mean_squared_error": lambda output, target: 2 * (output - target),
    "binary_cross_entropy": lambda output, target: 1 / (1 + np.exp(-output)) - target,
    "mean": lambda output, _target: np.ones_like(output),
}
_IMAGINARY = 2.0**-300  # a power of two: to multiply by it rounds nothing


def tensor(point: Sequence[float], requires_grad: bool = False) -> Tensor:
    """A point of the plane, shape (2,)."""
    return torch.tensor(tuple(point), dtype=torch.float64, requires_grad=requires_grad)


def mean_loss(formula: Formula, at: Tensor, inputs: Tensor | None = None, targets: Tensor | None = None) -> Tensor:
    """The mean loss at a point, over all examples or those given."""
    inputs = torch.as_tensor(formula.inputs) if inputs is None else inputs
    targets = torch.as_tensor(formula.targets) if targets is None else targets
    return LOSSES[formula.loss](formula.output(torch, at[0], at[1], inputs), targets)


def hessian(formula: Formula, point: Sequence[float]) -> Tensor:
    """The Hessian of the mean loss over all examples, shape (2, 2)."""
    found: Tensor = torch.autograd.functional.hessian(lambda at: mean_loss(formula, at), tensor(point))
    return found


def descend(formula: Formula, batch_size: int, updates: int, seed: int = 0) -> Tensor:
    """The points after 0, 1, ... updates of plain descent, shuffled by a DataLoader: shape (updates + 1, 2)."""
    data = TensorDataset(torch.as_tensor(formula.inputs), torch.as_tensor(formula.targets))
    loader = DataLoader(data, batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    points = [tensor(formula.start)]
    while True:
        for inputs, targets in loader:
            at = points[-1].requires_grad_()
            (slope,) = torch.autograd.grad(mean_loss(formula, at, inputs, targets), at)
            points.append(at.detach() - formula.lr * slope)
            if len(points) > updates:
                return torch.stack(points).detach()


def descend_all(formula: Formula, batch_size: int, updates: int, seeds: Iterable[int]) -> Floats:
    """The same for many seeds at once, up to rounding: shape (updates + 1, seeds, 2)."""
    per_epoch = -(-formula.examples // batch_size)
    epochs = -(-updates // per_epoch)
    orders = np.array([_orders(formula.examples, epochs, seed) for seed in seeds])
    point = np.full((len(orders), 2), formula.start)
    points = [point]
    for update in range(updates):
        epoch, begin = update // per_epoch, update % per_epoch * batch_size
        point = point - formula.lr * _slopes(formula, point, orders[:, epoch, begin : begin + batch_size])
        points.append(point)
    return np.array(points)


def _orders(examples: int, epochs: int, seed: int) -> list[list[int]]:
    """The orders in which a DataLoader goes through the examples, epoch by epoch, and what else it draws."""
    generator, orders = torch.Generator().manual_seed(seed), []
    for _ in range(epochs):
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        orders.append(torch.randperm(examples, generator=generator).tolist())
        torch.randperm(examples, generator=generator)
    return orders


def _slopes(formula: Formula, points: Floats, batches: np.ndarray) -> Floats:
    """The gradient of each point's batch (examples of shape (points, b)) by the complex step: shape (points, 2)."""
    seeds, size = batches.shape
    chosen = batches.ravel()
    slopes = []
    for step in 1j * _IMAGINARY * np.eye(2):
        a, b = np.repeat(points + step, size, axis=0).T
        output = formula.output(np, a, b, formula.inputs[chosen])
        slope = _SLOPES[formula.loss](output.real, formula.targets[chosen]) * output.imag / _IMAGINARY
        slopes.append(slope.reshape(seeds, size).mean(axis=1))
    return np.array(slopes).T
