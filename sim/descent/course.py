"""What a run is to do, whoever makes its updates: which examples, how far, and when it is evaluated."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.descent.sampling import MOST_CHECKPOINTS, START, Integers, Origin, Sampler
from sim.descent.state import RunState
from sim.experiment.config import Limit
from sim.experiment.resolved import Resolved, Run

NEVER = 2**62
"""As a number of updates: more than any run makes, and one that still fits the kernels' integers."""


class Course:
    """The course of one run, whichever stepper makes it: its configuration, the order of its examples, and its limit.

    Attributes:
        run: its row of configuration.
        index: its position among the runs of the experiment.
        samplers: the order of the examples by each of the experiment's seeds.
        sampler: that by the first one.
    """

    def __init__(self, run: Run, index: int, experiment: Resolved, origins: Sequence[Origin] = ()) -> None:
        """The course of a run from the start, or from where its orders of the examples begin."""
        self.run, self.index = run, index
        self._experiment, self._limit = experiment, experiment.limit
        checkpoints = max(2, MOST_CHECKPOINTS // experiment.seeds)
        self.samplers = tuple(
            Sampler(
                *(experiment.examples, run.batch_size, run.sampling, run.drop_last, experiment.seed + member),
                *(origins[member] if origins else START, checkpoints),
            )
            for member in range(experiment.seeds)
        )
        self.sampler = self.samplers[0]

    def changed(self, run: Run, update: int) -> "Course":
        """The course that a run with other settings takes after an update.

        Other batches begin a new pass over the examples; else the one under way goes on.
        """
        same = all(getattr(run, name) == getattr(self.run, name) for name in ("batch_size", "sampling", "drop_last"))
        origins = self._origins if same else [sampler.broken_off(update) for sampler in self.samplers]
        return Course(run, self.index, self._experiment, origins)

    def of(self, index: int) -> "Course":
        """The same for another run."""
        return Course(self.run, index, self._experiment, self._origins)

    @property
    def unlimited(self) -> "Course":
        """The same run without an end, as to make updates again."""
        return Course(self.run, self.index, replace(self._experiment, limit=None), self._origins)

    @property
    def unevaluated(self) -> "Course":
        """The same run, in which the loss over all examples is never evaluated."""
        return Course(replace(self.run, loss_every=NEVER), self.index, self._experiment, self._origins)

    @property
    def _origins(self) -> list[Origin]:
        return [sampler.origin for sampler in self.samplers]

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
        return {name: self.counter(name, updates) for name in ("update", "examples", "epoch")}

    def counter(self, name: str, updates: Integers) -> NDArray[np.generic]:
        """One of these columns."""
        match name:
            case "update":
                return updates
            case "examples":
                return self.sampler.examples_after(updates)
            case _:
                return self.sampler.epochs_after(updates)

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
                origin = self.sampler.origin
                return origin.update + math.ceil(round((value - origin.epoch) * self.sampler.updates_per_epoch, 6))
            case _:
                return math.inf
