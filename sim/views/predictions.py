"""What the runs say of some examples, in words."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sim.models.evaluation import classes_told, evaluating
from sim.models.problem import Problem
from sim.protocol.answers import Predicted


def predict(problem: Problem, modules: Sequence[nn.Module | None], count: int) -> Predicted:
    """Each module's answers to the first so many test examples (training ones, without any); "" where there is none."""
    chosen = problem.test if problem.test is not None else problem.train
    chosen = torch.arange(len(problem.source)) if chosen is None else chosen
    inputs, targets = problem.source.take(chosen[:count])
    answers, right = list[tuple[str, ...]](), list[tuple[bool | None, ...]]()
    for module in modules:
        if module is None:
            answers.append(("",) * len(targets))
            right.append((None,) * len(targets))
            continue
        with torch.no_grad(), evaluating(module, problem.device):
            output = module(inputs)
        told = classes_told(problem, output, targets)
        answers.append(_words(problem, output if told is None else told))
        right.append(_right(told, targets))
    return Predicted(
        inputs=inputs.float().cpu().numpy().astype(np.float32),
        truths=_words(problem, targets),
        answers=tuple(answers),
        right=tuple(right),
    )


def _words(problem: Problem, values: Tensor) -> tuple[str, ...]:
    """For each example its class or its quantity; the first one where it has several."""
    flat = values.reshape(len(values), -1)[:, 0].tolist()
    if problem.task != "classification" or values.is_floating_point():
        return tuple(f"{value:.2f}" for value in flat)
    names = problem.classes
    return tuple(names[number] if number < len(names) else str(number) for number in flat)


def _right(told: Tensor | None, targets: Tensor) -> tuple[bool | None, ...]:
    if told is None:
        return (None,) * len(targets)
    return tuple((told == targets).reshape(len(targets), -1).all(dim=1).tolist())
