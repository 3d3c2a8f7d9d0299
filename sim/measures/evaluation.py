"""Going through all examples: the loss, its gradient, the accuracy. Never changes a module or a random state."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sim.models.flat import Layout
from sim.models.problem import Loss, Problem
from sim.models.random_state import undisturbed
from sim.models.sources import Batch


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
    """The module in eval mode; afterwards its modes, its buffers and the random state are what they were."""
    modes = [(part, part.training) for part in module.modules()]
    buffers = [
        (part, name, buffer, buffer.clone())
        for part in module.modules()
        for name, buffer in part.named_buffers(recurse=False)
    ]
    module.eval()
    try:
        with undisturbed(device):
            yield
    finally:
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for part, name, buffer, value in buffers:
                setattr(part, name, buffer)
                if not torch.equal(buffer, value):
                    buffer.copy_(value)


def figures(problem: Problem, module: nn.Module, batches: Iterable[Batch]) -> Figures:
    """Loss and accuracy of a module, in eval mode, over batches of examples."""
    losses: list[tuple[float, int]] = []
    right = 0.0
    with torch.no_grad(), evaluating(module, problem.device):
        for inputs, targets in batches:
            output = module(inputs)
            losses.append((problem.loss(output, targets).item(), len(inputs)))
            right += _right(problem, output, targets)
    count = sum(size for _, size in losses)
    if not count:
        return Figures(torch.nan, torch.nan)
    # a single chunk's mean is kept as it is: dividing a product gives other bits
    loss = losses[0][0] if len(losses) == 1 else sum(loss * size for loss, size in losses) / count
    return Figures(loss, right / count)


def _right(problem: Problem, output: Tensor, targets: Tensor) -> float:
    """How many of a batch's examples are told right (of several labels an example, their share); NaN if none can be."""
    told = classes_told(problem, output, targets)
    if told is None:
        return torch.nan
    return (told == targets).reshape(len(targets), -1).float().mean(dim=1).sum().item()


def classes_told(problem: Problem, output: Tensor, targets: Tensor) -> Tensor | None:
    """The classes that a batch's outputs stand for, shaped as the targets; None where they stand for none.

    One output a target tells class 1 above the problem's threshold; several tell the class of the largest one.
    """
    if problem.task != "classification":
        return None
    if output.numel() == targets.numel():
        return (output.reshape(targets.shape) > problem.threshold).long()
    if output.ndim < 2 or output.numel() != output.shape[1] * targets.numel():
        return None
    return output.argmax(dim=1).reshape(targets.shape)


def full_gradient(problem: Problem, module: nn.Module, *, batch_statistics: bool = False) -> Tensor:
    """The gradient of the loss over all training examples, in eval mode, shape (L,).

    Args:
        problem: whose loss and examples.
        module: where.
        batch_statistics: let normalisations use those of the examples, as training does, not running ones; unless the
            last chunk is of a single example, which has none.
    """
    leftover = problem.examples % problem.chunk_size == 1
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    total = parameters[0].new_zeros(Layout.of(parameters).length)
    with evaluating(module, problem.device), _backward_in_eval_mode(module):
        for part in module.modules():
            if batch_statistics and not leftover and isinstance(part, _BatchNorm):
                part.train()
        for batch in problem.training:
            share = len(batch[0]) / problem.examples
            total += batch_gradient(problem.loss, module, parameters, batch) * share
    return total


def _backward_in_eval_mode(module: nn.Module) -> AbstractContextManager[None]:
    """Recurrent layers have cuDNN's backward pass in train mode only; they go without cuDNN."""
    recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    return torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()


def batch_gradient(loss: Loss, module: nn.Module, parameters: list[nn.Parameter], batch: Batch) -> Tensor:
    """The gradient of a batch's loss in the parameters' layout, shape (L,), leaving `.grad` alone."""
    inputs, targets = batch
    gradients = torch.autograd.grad(loss(module(inputs), targets), parameters, allow_unused=True)
    return Layout.of(parameters).join(
        [
            torch.zeros_like(parameter) if gradient is None else gradient.to_dense()
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
    )
