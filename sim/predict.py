"""What the runs say of some examples, in words."""

import numpy as np
import torch
from torch import Tensor, nn

from sim.commands import Predicted
from sim.evaluate import evaluating
from sim.problem import Problem


def predict(problem: Problem, modules: list[nn.Module], count: int) -> Predicted:
    """Each module's answers to the first so many test examples (training ones, without any)."""
    chosen = problem.test if problem.test is not None else problem.train
    chosen = torch.arange(len(problem.source)) if chosen is None else chosen
    inputs, targets = problem.source.take(chosen[:count])
    outputs = []
    for module in modules:
        with torch.no_grad(), evaluating(module, problem.device):
            outputs.append(module(inputs))
    return Predicted(
        inputs=inputs.float().cpu().numpy().astype(np.float32),
        truths=_words(problem, targets),
        answers=tuple(_words(problem, _told(problem, output)) for output in outputs),
        right=tuple(_right(problem, _told(problem, output), targets) for output in outputs),
    )


def _told(problem: Problem, output: Tensor) -> Tensor:
    """The classes that outputs stand for, or the quantities that they are."""
    if problem.task != "classification":
        return output
    return output.argmax(dim=1) if output.ndim == 2 and output.shape[1] > 1 else (output.reshape(-1) > 0).long()


def _words(problem: Problem, values: Tensor) -> tuple[str, ...]:
    flat = values.reshape(len(values), -1)[:, 0].tolist()
    if problem.task != "classification":
        return tuple(f"{value:.2f}" for value in flat)
    numbers = [int(value) for value in flat]
    return tuple(problem.classes[number] if number < len(problem.classes) else str(number) for number in numbers)


def _right(problem: Problem, told: Tensor, targets: Tensor) -> tuple[bool | None, ...]:
    if problem.task != "classification":
        return (None,) * len(told)
    return tuple((told == targets.reshape(-1)).tolist())
