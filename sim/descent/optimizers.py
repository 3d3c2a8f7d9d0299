"""Optimizers and schedules: torch's own, made from a row of configuration."""

import math
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from sim.descent.uncompiled import uncompiled
from sim.experiment.resolved import Run


def make_optimizer(parameter: nn.Parameter, run: Run) -> torch.optim.Optimizer:
    """The torch.optim optimizer that a run asks for."""
    lr = run.lr
    match run.optimizer:
        case "sgd":
            # torch's way for lists, which it takes on a GPU, writes nesterov's look-ahead over the gradient
            sgd = uncompiled(torch.optim.SGD)
            return sgd([parameter], lr, momentum=run.momentum, nesterov=run.nesterov, foreach=False)
        case "adam":
            return uncompiled(torch.optim.Adam)([parameter], lr)
        case "adamw":
            return uncompiled(torch.optim.AdamW)([parameter], lr)
        case "rmsprop":
            return uncompiled(torch.optim.RMSprop)([parameter], lr, momentum=run.momentum)
        case "adagrad":
            return uncompiled(torch.optim.Adagrad)([parameter], lr)


def first_rate(run: Run) -> float:
    """The learning rate of the first update that is made with some settings."""
    return Schedule(make_optimizer(nn.Parameter(torch.zeros(1)), run), run).lr


class Schedule:
    """A torch.optim.lr_scheduler over `schedule_updates`, whose final rate is held afterwards.

    The first update uses the scheduler's initial rate; `step` is called once after each update.

    Attributes:
        steps: how many lead to the final rate.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, run: Run) -> None:
        updates = run.schedule_updates
        self._optimizer = optimizer
        self._scheduler, self.steps = _make_scheduler(optimizer, run, updates)

    @property
    def lr(self) -> float:
        """The rate that the next update will use."""
        return float(self._optimizer.param_groups[0]["lr"])

    def step(self) -> None:
        """Move on by one update."""
        if self._scheduler is not None and self._scheduler.last_epoch < self.steps:
            self._scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        return {} if self._scheduler is None else self._scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was called."""
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state)


def _make_scheduler(
    optimizer: torch.optim.Optimizer, run: Run, updates: int
) -> tuple[lr_scheduler.LRScheduler | None, int]:
    """A scheduler, and how many steps lead to its final rate."""
    match run.schedule:
        case "constant":
            return None, 0
        case "step":
            return lr_scheduler.StepLR(optimizer, math.ceil(updates / 3)), updates - 1
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=updates), updates
        case "one-cycle":
            cycle = lr_scheduler.OneCycleLR(optimizer, run.lr, total_steps=updates, cycle_momentum=False)
            return cycle, updates - 1
