"""A module, an optimizer and a schedule of torch that stand at the state of a run, and what every update is made of."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sim.descent.batches import batches_of
from sim.descent.course import Course
from sim.descent.optimizers import Schedule, make_optimizer
from sim.descent.state import RunState
from sim.measures import measures
from sim.measures.measure import Gradients, Passes
from sim.models.buffers import buffers_of, set_buffers
from sim.models.build import has_batch_statistics
from sim.models.evaluation import full_gradient, passes
from sim.models.failures import explain_failure, traceback_of
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.protocol.answers import Trouble
from sim.protocol.trace import Status

DIVERGED_RATIO = 1e6
"""A batch loss so many times the loss at the start (or 1) means that a run has diverged.

Single examples are often a thousand times as bad as the mean, and a descent recovers from that; from here on none of
the built-in problems does, and float32 can still represent it."""


class Training:
    """What torch trains a run's module with, which stands at the state that it gave last.

    Attributes:
        model: the run's own copy of the module.
        course: what the run is to do.
        batches: its examples, update by update.
    """

    def __init__(self, problem: Problem, course: Course) -> None:
        self._problem = problem
        self.model = FlatModel(copy.deepcopy(problem.model))
        self._optimizer: torch.optim.Optimizer | None = None
        self._schedule: Schedule | None = None
        self.follow(course)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self.course = course
        self.batches = batches_of(self._problem, course.sampler)
        self._held: RunState | None = None

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer; there is none before the module stood at a state."""
        assert self._optimizer is not None
        return self._optimizer

    @property
    def schedule(self) -> Schedule:
        """The schedule of its rate, likewise."""
        assert self._schedule is not None
        return self._schedule

    @property
    def in_chunks(self) -> bool:
        """Whether a batch is too large for one go."""
        return self.course.run.full_batch and self._problem.examples > self._problem.chunk_size

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        loss = passes.training.loss
        return RunState(
            vector=self.model.vector.detach().clone(),
            buffers=buffers_of(self.model.module),
            optimizer={},
            group={},
            schedule={},
            order=self.course.sampler.state(0),
            random=self._problem.random_state,
            update=0,
            seconds=0.0,
            status=Status.RUNNING,
            loss_bound=DIVERGED_RATIO * max(1.0, abs(loss)) if math.isfinite(loss) else math.inf,
        )

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        outside = RandomState.now(self._problem.device)
        try:
            self.stand_at(state)
            full = full_gradient(self._problem, self.model.module, batch_statistics=True)
            self.model.gradient.zero_()
            self.backward(state.update + 1)
            return Gradients(self.model.gradient.clone(), full)
        finally:
            outside.restore()

    # -- updates ------------------------------------------------------------------------------------------------------

    def backward(self, update: int) -> Tensor:
        """Add the gradient of an update's batch; its loss. A full batch too large for one go is cut in chunks."""
        problem, module = self._problem, self.model.module
        if self.in_chunks:
            return self._backward_in_chunks(update)
        inputs, targets = self.batches.batch(update)
        loss = problem.loss(module(inputs), targets)
        torch.autograd.backward(loss)
        return loss

    def _backward_in_chunks(self, update: int) -> Tensor:
        problem, module = self._problem, self.model.module
        if has_batch_statistics(module):
            raise RuntimeError(
                f"all {problem.examples} examples are taken in chunks of {problem.chunk_size}, which a model with "
                f"batch statistics does not bear; give a smaller batch_size, such as {problem.chunk_size}"
            )
        examples = self.course.sampler.batch(update)
        total, weights = torch.zeros((), device=problem.device, dtype=self.model.vector.dtype), 0.0
        for part in torch.split(examples, problem.chunk_size):
            inputs, targets = problem.batch(part)
            weight = problem.reduction.weight(targets)
            if weight:
                loss = problem.loss(module(inputs), targets) * (weight / len(examples))
                torch.autograd.backward(loss)
                total += loss.detach()
            weights += weight
        factor = len(examples) / problem.reduction.divisor(weights) if weights else math.nan
        self.model.gradient.mul_(factor)
        return total * factor

    def trouble(self, error: BaseException, update: int) -> Trouble:
        """Why an update could not be made, and the figures where the run stopped."""
        run, module = self.course.run, self.model.module
        single = has_batch_statistics(module) and len(self.course.sampler.batch(update)) == 1
        sentence = explain_failure(error, run.name, update, run.batch_size, single=single)
        try:
            found = passes(self._problem, module)
        except (Exception, SystemExit):  # what failed is the model itself
            return Trouble(self.course.index, sentence, traceback_of(error))
        figures = {one.name: one.of(found) for one in measures("pass")}
        return Trouble(self.course.index, sentence, traceback_of(error), figures)

    # -- states -------------------------------------------------------------------------------------------------------

    def stand_at(self, state: RunState) -> None:
        """Have module, optimizer, schedule and generators as they were at a state."""
        held, self._held = self._held, None  # wherever they go from here
        state.random.restore()
        if state is held:
            return
        model = self.model
        model.vector.data.copy_(state.vector)
        set_buffers(model.module, state.buffers)
        self._optimizer = make_optimizer(model.vector, self.course.run)
        self._schedule = Schedule(self._optimizer, self.course.run)
        if state.optimizer:
            self._optimizer.state[model.vector].update(_copied(state.optimizer))
        self._optimizer.param_groups[0].update(state.group)
        if state.schedule:
            self._schedule.load_state_dict(dict(state.schedule))
        self.course.sampler.restore(state.order)

    def state_after(self, before: RunState, update: int, seconds: float, status: Status) -> RunState:
        """The state in which module, optimizer, schedule and generators are."""
        optimizer, vector = self.optimizer, self.model.vector
        random = RandomState.now(self._problem.device)
        self._held = RunState(
            vector=vector.detach().clone(),
            buffers=buffers_of(self.model.module),
            optimizer=_copied(optimizer.state[vector]),
            group={name: value for name, value in optimizer.param_groups[0].items() if name != "params"},
            schedule=self.schedule.state_dict(),
            order=self.course.sampler.state(update),
            random=before.random if random.equals(before.random) else random,  # many states share one then
            update=update,
            seconds=seconds,
            status=status,
            loss_bound=before.loss_bound,
        )
        return self._held


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in values.items()}
