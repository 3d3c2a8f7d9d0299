"""What the runs say of some examples, in words."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sim.data.scaling import Scaling
from sim.models.decision import Decision
from sim.models.evaluation import evaluating
from sim.models.problem import Problem
from sim.protocol.results import Predicted

_LONGEST = 12  # characters of a quantity


def predict(problem: Problem, modules: Sequence[nn.Module | None], count: int) -> Predicted:
    """Each module's answers to the first so many test examples (training ones, without any); "" where there is none."""
    chosen = problem.test if problem.test is not None else problem.train
    chosen = torch.arange(len(problem.source)) if chosen is None else chosen
    inputs, targets = problem.source.take(chosen[:count])
    answers, right = list[tuple[str, ...]](), list[tuple[bool | None, ...]]()
    decision = problem.decision
    truths = targets if decision is None else decision.truths(targets)
    for module in modules:
        if module is None:
            answers.append(("",) * len(targets))
            right.append((None,) * len(targets))
            continue
        with torch.no_grad(), evaluating(module, problem.device):
            output = module(inputs)
        labels = None if decision is None else decision.predicted(output, truths)
        answers.append(_words(problem, output if labels is None else labels))
        right.append((None,) * len(truths) if decision is None or labels is None else _right(decision, labels, truths))
    return Predicted(
        inputs=inputs.float().cpu().numpy().astype(np.float32),
        truths=_words(problem, truths),
        answers=tuple(answers),
        right=tuple(right),
    )


def _words(problem: Problem, values: Tensor) -> tuple[str, ...]:
    """For each example its class or its quantity; the first one where it has several."""
    first = values.reshape(len(values), -1)[:, 0].cpu()
    if problem.task != "classification" or values.is_floating_point():
        return _quantities(first, problem.target_scale)
    names = problem.classes
    return tuple(names[number] if 0 <= number < len(names) else str(number) for number in first.tolist())


def _quantities(values: Tensor, scale: Scaling | None) -> tuple[str, ...]:
    """Quantities in the data's own units, to a hundredth of what they vary by or a little more exactly."""
    if scale is None:
        return tuple(f"{value:.2f}" for value in values.tolist())
    decimals = max(0, 2 - math.floor(math.log10(float(scale.width))))
    return tuple(_number(value, decimals) for value in scale.undo(values.double().numpy()).tolist())


def _number(value: float, decimals: int) -> str:
    words = f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0 for there is a negative zero
    if "." in words:
        words = words.rstrip("0").rstrip(".")
    return words if len(words) <= _LONGEST else f"{value:.4g}"


def _right(decision: Decision, labels: Tensor, truths: Tensor) -> tuple[bool | None, ...]:
    """Whether all labels of each example that are known are predicted correctly; None where none is."""
    known = decision.known(truths).reshape(len(truths), -1)
    right = (labels == truths).reshape(len(truths), -1)
    return tuple(bool(one[some].all()) if some.any() else None for one, some in zip(right, known, strict=True))
