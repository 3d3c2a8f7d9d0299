"""What a run is to do, whoever makes its updates: which examples, how far, and when it is evaluated."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.descent.sampling import Integers, Sampler
from sim.descent.state import RunState
from sim.experiment.config import Limit
from sim.experiment.resolved import Resolved, Run

_NEVER = 2**62


class Course:
    """The course of one run, whichever stepper makes it: its configuration, the order of its examples, and its limit.

    Attributes:
        run: its row of configuration.
        index: its position among the runs of the experiment.
        sampler: the order of the examples.
    """

    def __init__(self, experiment: Resolved, index: int) -> None:
        self._experiment = experiment
        self.run: Run = experiment.runs[index]
        self.index = index
        self.sampler = Sampler(
            experiment.examples,
            self.run.batch_size,
            self.run.sampling,
            self.run.drop_last,
            experiment.seeds.order,
        )
        self._limit = experiment.limit

    @property
    def unending(self) -> "Course":
        """The same run without an end, and never evaluated: to make updates again."""
        runs = tuple(replace(run, loss_every=_NEVER) for run in self._experiment.runs)
        return Course(replace(self._experiment, runs=runs, limit=None), self.index)

    def left(self, state: RunState) -> float:
        """How many updates there are still to make: 0 once it stopped; infinite where time or nothing ends it."""
        if state.status.stopped or self.ended(state.update, state.seconds):
            return 0
        return self._last_update - state.update

    def ended(self, update: int, seconds: float) -> bool:
        """Whether so many updates, or seconds, are the end of it."""
        return update >= self._last_update or seconds >= self.last_second

    def evaluates(self, update: int, seconds: float) -> bool:
        """Whether the loss over all examples is evaluated at this update."""
        return update % self.run.loss_every == 0 or self.ended(update, seconds)

    def counters(self, updates: Integers) -> dict[str, NDArray[np.generic]]:
        """The columns that follow from how many updates were made, shape (n,): update, examples and epoch."""
        examples = self.sampler.examples_after(updates)
        return {"update": updates, "examples": examples, "epoch": examples / self.sampler.examples_per_epoch}

    @property
    def last_second(self) -> float:
        """How much time it may spend: the update that gets there is the last one."""
        return self._limit.value if self._limit is not None and self._limit.unit == "seconds" else math.inf

    @property
    def _last_update(self) -> float:
        match self._limit:
            case Limit("updates", value):
                return math.ceil(value)
            case Limit("epochs", value):
                return math.ceil(round(value * self.sampler.updates_per_epoch, 6))
            case _:
                return math.inf
