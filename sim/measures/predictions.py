"""What the runs say of some examples, in words."""

import numpy as np
import torch
from torch import Tensor, nn

from sim.measures.evaluation import evaluating
from sim.models.decision import Decision
from sim.models.problem import Problem
from sim.protocol.answers import Predicted


def predict(problem: Problem, modules: list[nn.Module], count: int) -> Predicted:
    """Each module's answers to the first so many test examples (training ones, without any)."""
    chosen = problem.test if problem.test is not None else problem.train
    chosen = torch.arange(len(problem.source)) if chosen is None else chosen
    inputs, targets = problem.source.take(chosen[:count])
    decision = problem.decision
    truths = targets if decision is None else decision.truths(targets)
    answers, right = [], []
    for module in modules:
        with torch.no_grad(), evaluating(module, problem.device):
            output = module(inputs)
        told = None if decision is None else decision.told(output, truths)
        answers.append(_words(problem, output if told is None else told))
        right.append((None,) * len(truths) if decision is None or told is None else _right(decision, told, truths))
    return Predicted(
        inputs=inputs.float().cpu().numpy().astype(np.float32),
        truths=_words(problem, truths),
        answers=tuple(answers),
        right=tuple(right),
    )


def _words(problem: Problem, values: Tensor) -> tuple[str, ...]:
    """For each example its class or its quantity; the first one where it has several."""
    flat = values.reshape(len(values), -1)[:, 0].tolist()
    if problem.task != "classification" or values.is_floating_point():
        return tuple(f"{value:.2f}" for value in flat)
    names = problem.classes
    return tuple(names[number] if 0 <= number < len(names) else str(number) for number in flat)


def _right(decision: Decision, told: Tensor, truths: Tensor) -> tuple[bool | None, ...]:
    """Whether all labels of each example that are known are told right; None where none is."""
    known = decision.known(truths).reshape(len(truths), -1)
    right = (told == truths).reshape(len(truths), -1)
    return tuple(bool(one[some].all()) if some.any() else None for one, some in zip(right, known, strict=True))
