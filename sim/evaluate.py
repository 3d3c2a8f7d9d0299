"""Going through all examples: the loss, its gradient, the accuracy. Never changes a module or a random state."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sim.problem import Loss, Problem
from sim.random_state import undisturbed
from sim.sources import Batch


class Figures(NamedTuple):
    """What one pass over some examples found.

    Attributes:
        loss: the mean over them; NaN without any.
        accuracy: the share of them told right; NaN where outputs are not classes.
    """

    loss: float
    accuracy: float


@contextmanager
def evaluating(module: nn.Module, device: torch.device) -> Iterator[None]:
    """The module in eval mode, back in its own mode afterwards; the random state as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with undisturbed(device):
            yield
    finally:
        for part, training in modes:
            part.training = training


def figures(problem: Problem, module: nn.Module, batches: Iterable[Batch]) -> Figures:
    """Loss and accuracy of a module, in eval mode, over batches of examples."""
    losses: list[tuple[float, int]] = []
    right = 0
    with torch.no_grad(), evaluating(module, problem.device):
        for inputs, targets in batches:
            output = module(inputs)
            losses.append((problem.loss(output, targets).item(), len(inputs)))
            right += _right(output, targets) if problem.task == "classification" else 0
    count = sum(size for _, size in losses)
    if not count:
        return Figures(torch.nan, torch.nan)
    # a single chunk's mean is kept as it is: dividing a product gives other bits
    loss = losses[0][0] if len(losses) == 1 else sum(loss * size for loss, size in losses) / count
    return Figures(loss, right / count if problem.task == "classification" else torch.nan)


def _right(output: Tensor, targets: Tensor) -> int:
    """How many of a batch's outputs have their largest value, or their sign, where the target says."""
    told = output.argmax(dim=1) if output.ndim == 2 and output.shape[1] > 1 else (output.reshape(-1) > 0).long()
    return int((told == targets.reshape(-1)).sum())


def full_gradient(problem: Problem, module: nn.Module) -> Tensor:
    """The gradient of the loss over all training examples, in eval mode, shape (P,)."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    total = torch.zeros(sum(p.numel() for p in parameters), device=problem.device, dtype=parameters[0].dtype)
    with evaluating(module, problem.device):
        for batch in problem.training:
            share = len(batch[0]) / problem.examples
            total += batch_gradient(problem.loss, module, parameters, batch) * share
    return total


def batch_gradient(loss: Loss, module: nn.Module, parameters: list[nn.Parameter], batch: Batch) -> Tensor:
    """The gradient of a batch's loss, shape (P,), leaving `.grad` alone."""
    inputs, targets = batch
    gradients = torch.autograd.grad(loss(module(inputs), targets), parameters, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros_like(parameter) if gradient is None else gradient).reshape(-1)
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
    )
