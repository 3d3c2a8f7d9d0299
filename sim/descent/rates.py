"""The learning rates of a schedule in closed form, and the state in which torch's own scheduler would be."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sim.descent.optimizers import Schedule, make_optimizer
from sim.experiment.resolved import Run

Floats = NDArray[np.float64]


class Rates:
    """The rates of a run, as `Schedule` gives them one by one, within rounding.

    Attributes:
        group: the optimizer's settings at the start, as torch.optim names them.
    """

    def __init__(self, run: Run) -> None:
        optimizer = make_optimizer(nn.Parameter(torch.zeros(2, dtype=torch.float64)), run)
        schedule = Schedule(optimizer, run)
        self._run = run
        self._steps = schedule.steps
        self._scheduler_state = schedule.state_dict()
        self.group: dict[str, Any] = {
            name: value for name, value in optimizer.param_groups[0].items() if name != "params"
        }

    def after(self, steps: int, count: int) -> Floats:
        """The rates of so many updates, after so many steps of the scheduler, shape (count,); not to be written to."""
        run, state = self._run, self._scheduler_state
        if run.schedule == "constant":
            return np.broadcast_to(run.lr, count)
        made = np.minimum(np.arange(steps, steps + count), self._steps)
        factor: Floats
        match run.schedule:
            case "step":
                factor = np.power(state["gamma"], made // state["step_size"])
            case "cosine":
                factor = _annealed(1.0, 0.0, made / run.schedule_updates)
            case "one-cycle":
                rise, fall = (phase["end_step"] for phase in state["_schedule_phases"])
                low, end = (self.group[name] / run.lr for name in ("initial_lr", "min_lr"))
                rising, falling = made / rise, (made - rise) / (fall - rise)
                factor = np.where(made <= rise, _annealed(low, 1.0, rising), _annealed(1.0, end, falling))
        return run.lr * factor

    def state_after(self, steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The optimizer's settings and the scheduler's state after so many steps of it, as torch has them."""
        lr = float(self.after(steps, 1)[0])
        scheduler = dict(self._scheduler_state)
        if scheduler:
            made = min(steps, self._steps)
            scheduler |= {"last_epoch": made, "_step_count": made + 1, "_last_lr": [lr]}
        return self.group | {"lr": lr}, scheduler


def scheduler_steps(scheduler: Mapping[str, Any]) -> int:
    """How many steps the state of torch's scheduler counts; 0 of none."""
    return int(scheduler.get("last_epoch", 0))


def _annealed(begin: float, end: float, share: Floats) -> Floats:
    """Half a cosine from one rate to another."""
    return end + (begin - end) / 2 * (1 + np.cos(math.pi * share))
