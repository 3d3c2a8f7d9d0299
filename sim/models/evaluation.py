"""Going through all examples: the loss, its gradient, the accuracy. Never changes a module or a random state."""

import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sim.measures.measure import Figures, Passes
from sim.models.flat import Layout
from sim.models.problem import Loss, Problem
from sim.models.random_state import RandomState
from sim.models.sources import Batch


@contextmanager
def evaluating(module: nn.Module, device: torch.device) -> Iterator[None]:
    """The module in eval mode; afterwards its modes, its buffers and the random state are what they were."""
    parts = list(module.modules())
    modes = [(part, part.training) for part in parts]
    buffers = [
        (part, name, buffer, None if buffer is None else buffer.clone())
        for part in parts
        for name, buffer in part._buffers.items()  # those, too, that are None until the module is used
    ]
    before = RandomState.now(device)
    module.eval()
    try:
        yield
    finally:
        before.restore()
        for part, training in modes:
            part.training = training
        if buffers:
            _put_back(buffers)


@torch.no_grad()
def _put_back(buffers: Iterable[tuple[nn.Module, str, Tensor | None, Tensor | None]]) -> None:
    """Have modules hold the very buffers that they held, with the values that these had."""
    for part, name, buffer, value in buffers:
        setattr(part, name, buffer)
        if buffer is not None and value is not None and not torch.equal(buffer, value):
            buffer.copy_(value)


def figures(problem: Problem, module: nn.Module, batches: Iterable[Batch]) -> Figures:
    """Loss and accuracy of a module, in eval mode, over batches of examples."""
    losses: list[tuple[float, float]] = []
    right = known = 0
    with torch.no_grad(), evaluating(module, problem.device):
        for inputs, targets in batches:
            output = module(inputs)
            found = _right(problem, output, targets)  # before the loss, which may change them in place
            right, known = right + found[0], known + found[1]
            losses.append((problem.loss(output, targets).item(), problem.reduction.weight(targets)))
    return Figures(_pooled(problem, losses), right / known if known else torch.nan)


def passes(problem: Problem, module: nn.Module) -> Passes:
    """Over all training and all test examples; a training loss that is no number counts as infinite."""
    training = figures(problem, module, problem.training)
    training = training._replace(loss=math.inf if math.isnan(training.loss) else training.loss)
    testing = Figures(math.nan, math.nan) if problem.testing is None else figures(problem, module, problem.testing)
    return Passes(training, testing)


def _pooled(problem: Problem, losses: list[tuple[float, float]]) -> float:
    """The loss of all batches, by those of each and their weights."""
    if len(losses) == 1:  # a product that is divided again has other bits
        return losses[0][0]
    weights = sum(weight for _, weight in losses)
    total = sum(loss * weight for loss, weight in losses if weight)
    return total / problem.reduction.divisor(weights) if weights else torch.nan


def _right(problem: Problem, output: Tensor, targets: Tensor) -> tuple[int, int]:
    """How many labels of a batch are predicted correctly, and how many are known; 0 where outputs are not classes."""
    if problem.decision is None:
        return 0, 0
    truths = problem.decision.truths(targets)
    predicted = problem.decision.predicted(output, truths)
    if predicted is None:
        return 0, 0
    known = problem.decision.known(truths)
    return int(((predicted == truths) & known).sum()), int(known.sum())


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
    total, weights = parameters[0].new_zeros(Layout.of(parameters).length), 0.0
    with evaluating(module, problem.device), without_fused_recurrence(module):
        for part in module.modules():
            if batch_statistics and not leftover and isinstance(part, _BatchNorm):
                part.train()
        for batch in problem.training:
            weight = problem.reduction.weight(batch[1])
            if weight:
                total += batch_gradient(problem.loss, module, parameters, batch) * (weight / problem.examples)
            weights += weight
    return total * (problem.examples / problem.reduction.divisor(weights) if weights else torch.nan)


def without_fused_recurrence(module: nn.Module) -> AbstractContextManager[None]:
    """Recurrent layers go without cuDNN: it has no backward pass in eval mode, and no forward mode."""
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
