"""What all compiled steppers have in common: the reference beside them, and what they take from a run's course."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from sim.descent.course import NEVER, Course
from sim.descent.pace import Pace
from sim.descent.rates import Floats, Rates, scheduler_steps
from sim.descent.rules import memory_of, optimizer_state, rule_of, steps_of
from sim.descent.state import RunState
from sim.descent.torch_stepper import CONVERGENCE_CHECK_EVERY
from sim.descent.training import Training
from sim.kernels.descent import Batches, Standing
from sim.kernels.shuffling import shuffle
from sim.measures.measure import Gradients, Passes
from sim.models.problem import Problem
from sim.protocol.trace import Status

_MOST_UPDATES = 65_536  # with one call: some milliseconds of a two-parameter problem
_MOST_EXAMPLES = 262_144  # of the orders that are drawn for one


class CompiledCourse:
    """A run's course in the kernels' terms.

    Attributes:
        course: the course itself.
        rule: its optimizer.
        pace: how long its updates take.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self._rates = Rates(course.run)
        self.rule = rule_of(course.run, self._rates.group)
        self.pace = Pace()

    def most(self, wanted: int) -> int:
        """How many updates to make at once, of so many."""
        sampler = self.course.sampler
        epochs = max(1, _MOST_EXAMPLES // sampler.examples_per_epoch)
        return min(wanted, _MOST_UPDATES, epochs * sampler.updates_per_epoch)

    @property
    def checks_every(self) -> tuple[int, int]:
        """After every how many updates a run is evaluated, and after every how many it is looked at for being at rest.

        One that is at rest is looked at wherever it is evaluated.
        """
        every = min(self.course.run.loss_every, NEVER)
        return every, min(CONVERGENCE_CHECK_EVERY * every, NEVER)

    def rates(self, state: RunState, count: int) -> Floats:
        """The rates of so many updates after a state, shape (count,)."""
        return self._rates.after(scheduler_steps(state.schedule), count)

    def batches(self, before: int, count: int) -> Batches:
        """The batches of so many updates, after so many."""
        sampler = self.course.sampler
        epoch, begin = sampler.position_in_epoch(before + 1)
        last, _ = sampler.position_in_epoch(before + count)
        return Batches(
            orders=sampler.orders(epoch, last, shuffle),
            begun=begin // sampler.batch_size,
            size=sampler.batch_size,
            per_epoch=sampler.updates_per_epoch,
        )

    def standing(self, state: RunState) -> Standing:
        """Where a run stands in a state, to go on from."""
        point = state.vector.numpy().copy()
        return Standing(point, memory_of(self.rule, state.optimizer, point), steps_of(state.optimizer))

    def state_after(self, before: RunState, standing: Standing, made: int, seconds: float, status: Status) -> RunState:
        """The state after some updates, which leave a run standing there."""
        group, schedule = self._rates.state_after(scheduler_steps(before.schedule) + made)
        return replace(
            before,
            vector=torch.from_numpy(standing.point),
            optimizer={**before.optimizer, **optimizer_state(self.rule, standing.memory, standing.steps + made)},
            group=group,
            schedule=schedule,
            order=self.course.sampler.state(before.update + made),
            update=before.update + made,
            seconds=seconds,
            status=status,
        )


class Compiled:
    """What every compiled stepper is beside its updates, see `Stepper`: start and gradients are the reference's."""

    def __init__(self, problem: Problem, course: Course, timer: Callable[[], float] = time.perf_counter) -> None:
        self._reference = Training(problem, course)
        self._timer = timer
        self.follow(course)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self._reference.follow(course)
        self._course, self._compiled = course, CompiledCourse(course)

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        return self._reference.start(passes)

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        return self._reference.gradients(state)
