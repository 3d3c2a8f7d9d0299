"""An optimizer as the kernels take it, and what it remembers as torch.optim names it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sim.experiment.choices import Optimizer
from sim.experiment.resolved import Run
from sim.kernels.descent import Rule
from sim.kernels.loops import ADAGRAD, ADAM, RMSPROP, SGD

_KINDS: dict[Optimizer, int] = {"sgd": SGD, "adam": ADAM, "adamw": ADAM, "rmsprop": RMSPROP, "adagrad": ADAGRAD}
_ROWS: dict[int, dict[str, int]] = {
    SGD: {"momentum_buffer": 0},
    ADAM: {"exp_avg": 0, "exp_avg_sq": 1},
    RMSPROP: {"momentum_buffer": 0, "square_avg": 1},
    ADAGRAD: {"sum": 1},
}
"""In which row of a kernel's memory stands what torch.optim keeps under a name."""


def rule_of(run: Run, group: Mapping[str, Any]) -> Rule:
    """The rule of a run, with the settings of torch.optim's parameter group."""
    first, second = group.get("betas", (0.0, group.get("alpha", 0.0)))
    return Rule(
        kind=_KINDS[run.optimizer],
        momentum=float(group.get("momentum", 0.0)),
        nesterov=bool(group.get("nesterov", False)),
        first_decay=first,
        second_decay=second,
        epsilon=group.get("eps", 0.0),
        weight_decay=float(group["weight_decay"]),
    )


def memory_of(rule: Rule, optimizer: Mapping[str, Any], point: NDArray[Any]) -> NDArray[Any]:
    """A kernel's memory, shape (2, P) and of the parameters' type, from torch.optim's state of them."""
    memory = np.zeros((2, *point.shape), point.dtype)
    for name, row in _ROWS[rule.kind].items():
        if name in optimizer:
            memory[row] = optimizer[name].numpy()
    return memory


def steps_of(optimizer: Mapping[str, Any]) -> int:
    """How many steps torch.optim's state of the parameters counts; 0 for SGD, which counts none."""
    return int(optimizer.get("step", 0))


def optimizer_state(rule: Rule, memory: NDArray[Any], steps: int) -> dict[str, Any]:
    """torch.optim's state of the parameters after so many steps, from a kernel's memory."""
    counted = {} if rule.kind == SGD else {"step": torch.tensor(float(steps))}
    return counted | {name: torch.from_numpy(memory[row].copy()) for name, row in rows_of(rule).items()}


def rows_of(rule: Rule) -> dict[str, int]:
    """The rows of a kernel's memory that torch.optim keeps, too: a momentum only where there is one."""
    return {name: row for name, row in _ROWS[rule.kind].items() if rule.momentum or name != "momentum_buffer"}
