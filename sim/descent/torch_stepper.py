"""The reference: updates made by PyTorch's own autograd and optimizers, one at a time."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sim.descent.batches import batches_of
from sim.descent.course import Course
from sim.descent.optimizers import Schedule, make_optimizer
from sim.descent.state import RunState, restore_buffers
from sim.descent.stepper import Block
from sim.measures import measures
from sim.measures.measure import Gradients, Passes, Step
from sim.models.build import has_batch_statistics
from sim.models.device import use_threads_for
from sim.models.evaluation import full_gradient, passes
from sim.models.failures import explain_failure, traceback_of
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.protocol.answers import Trouble
from sim.protocol.trace import Status
from sim.views.plane import on_plane_terms

GRADIENT_TOLERANCE = 1e-4
"""A run has converged while the norm of the gradient over all examples is below this; it goes on all the same.

With targets and inputs of order 1, such a gradient lowers the loss by some 1e-8 an update at a rate of 1: less than
anybody will wait for, and well above what rounding leaves of a sum in float32."""

DIVERGED_RATIO = 1e6
"""A batch loss so many times the loss at the start (or 1) means that a run has diverged.

Single examples are often a thousand times as bad as the mean, and a descent recovers from that; from here on none of
the built-in problems does, and float32 can still represent it."""

CONVERGENCE_CHECK_EVERY = 10
"""At one in so many of the evaluations of the loss over all examples it is found out whether a run has converged."""

_STEP, _PASS = measures("step"), measures("pass")


class TorchStepper:
    """The reference `Stepper`: a module and an optimizer of torch, which stand at the state that it gave last."""

    def __init__(self, problem: Problem, course: Course, timer: Callable[[], float] = time.perf_counter) -> None:
        self._problem, self._timer = problem, timer
        self._model = FlatModel(copy.deepcopy(problem.model))
        self._huge = math.sqrt(torch.finfo(self._model.vector.dtype).max)
        self._optimizer: torch.optim.Optimizer | None = None
        self._schedule: Schedule | None = None
        self.follow(course)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self._course = course
        self._batches = batches_of(self._problem, course.sampler)
        self._held: RunState | None = None

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        loss = passes.training.loss
        return RunState(
            vector=self._model.vector.detach().clone(),
            buffers={name: buffer.clone() for name, buffer in self._model.module.named_buffers()},
            optimizer={},
            group={},
            schedule={},
            order=self._course.sampler.state(0),
            random=self._problem.random_state,
            update=0,
            seconds=0.0,
            status=Status.RUNNING,
            loss_bound=DIVERGED_RATIO * max(1.0, abs(loss)) if math.isfinite(loss) else math.inf,
        )

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`. What the model or its data raise stops the run; the block then says why."""
        outside = RandomState.now(self._problem.device)
        try:
            self._stand_at(state)
            use_threads_for(self._course.run.batch_size * state.vector.numel())
            self._held = None  # on the way from one state to the next
            return self._descend(state, int(min(updates, self._course.left(state))), until, keep_every)
        finally:
            outside.restore()

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        outside = RandomState.now(self._problem.device)
        try:
            self._stand_at(state)
            full = full_gradient(self._problem, self._model.module, batch_statistics=True)
            self._model.gradient.zero_()
            self._backward(state.update + 1)
            return Gradients(self._model.gradient.clone(), full)
        finally:
            self._held = None  # buffers and generators have moved on
            outside.restore()

    # -- updates ------------------------------------------------------------------------------------------------------

    def _descend(self, state: RunState, count: int, until: float, keep_every: int) -> tuple[RunState, Block]:
        course, vector = self._course, self._model.vector
        update, seconds, status, until = state.update, state.seconds, state.status, min(until, course.last_second)
        columns = {one.name: np.full(count, math.nan) for one in (*_STEP, *_PASS)}
        of_step = [(columns[one.name], one.of) for one in _STEP]
        statuses, times = np.empty(count, np.uint8), np.empty(count)
        kept: list[int] = []
        snapshots: list[Tensor] = []
        trouble: Trouble | None = None
        made = 0
        while made < count and seconds < until and not status.stopped:
            try:
                step, spent, status, found = self._make(state, update + 1, seconds, status)
            except (Exception, SystemExit) as error:
                status, trouble = Status.FAILED, self._trouble(error, update + 1)
                break
            update, seconds = update + 1, seconds + spent
            for column, of in of_step:
                column[made] = of(step)
            if found is not None:
                for one in _PASS:
                    columns[one.name][made] = one.of(found)
            statuses[made], times[made] = status, seconds
            made += 1
            if update % keep_every == 0:
                kept.append(update)
                snapshots.append(vector.detach().clone())
        block = Block(
            first=state.update + 1,
            status=statuses[:made],
            seconds=times[:made],
            measures={name: column[:made] for name, column in columns.items()},
            kept=np.array(kept, np.int64),
            snapshots=on_plane_terms(torch.stack(snapshots) if snapshots else vector.new_empty(0, vector.numel())),
            trouble=trouble,
        )
        return self._state_after(state, update, seconds, status), block

    def _make(
        self, state: RunState, update: int, seconds: float, status: Status
    ) -> tuple[Step, float, Status, Passes | None]:
        """Make an update after so many seconds: all of it that the model, its loss or its data may fail in.

        What it did, the seconds that it took, how the run stands after it, and the passes over all examples if due.
        """
        step, spent = self._step(update)
        status = self._judge(state, update, step, status)
        due = status.stopped or self._course.evaluates(update, seconds + spent)
        return step, spent, status, passes(self._problem, self._model.module) if due else None

    def _step(self, update: int) -> tuple[Step, float]:
        """One update: sample, forward, backward, step; what it did, and the seconds that it took."""
        model, optimizer, schedule = self._model, self._optimizer, self._schedule
        assert optimizer is not None
        assert schedule is not None
        lr = schedule.lr
        began = self._timer()
        model.gradient.zero_()
        loss = self._backward(update)
        optimizer.step()
        batch_loss = loss.item()  # waits for the device
        spent = self._timer() - began
        schedule.step()
        return Step(batch_loss, model.gradient, lr, model.vector), spent

    def _backward(self, update: int) -> Tensor:
        """Add the gradient of an update's batch; its loss. A full batch too large for one go is cut in chunks."""
        problem, module = self._problem, self._model.module
        if self._course.run.full_batch and problem.examples > problem.chunk_size:
            return self._backward_in_chunks(update)
        inputs, targets = self._batches.batch(update)
        loss = problem.loss(module(inputs), targets)
        torch.autograd.backward(loss)
        return loss

    def _backward_in_chunks(self, update: int) -> Tensor:
        problem, module = self._problem, self._model.module
        if has_batch_statistics(module):
            raise RuntimeError(
                f"all {problem.examples} examples are taken in chunks of {problem.chunk_size}, which a model with "
                f"batch statistics does not bear; give a smaller batch_size, such as {problem.chunk_size}"
            )
        examples = self._course.sampler.batch(update)
        total, weights = torch.zeros((), device=problem.device, dtype=self._model.vector.dtype), 0.0
        for part in torch.split(examples, problem.chunk_size):
            inputs, targets = problem.batch(part)
            weight = problem.reduction.weight(targets)
            if weight:
                loss = problem.loss(module(inputs), targets) * (weight / len(examples))
                torch.autograd.backward(loss)
                total += loss.detach()
            weights += weight
        factor = len(examples) / problem.reduction.divisor(weights) if weights else math.nan
        self._model.gradient.mul_(factor)
        return total * factor

    def _judge(self, state: RunState, update: int, step: Step, status: Status) -> Status:
        """How the run stands after an update."""
        run, norm = self._course.run, step.grad_norm
        if not (math.isfinite(step.batch_loss) and math.isfinite(norm)) or abs(step.batch_loss) > state.loss_bound:
            return Status.DIVERGED
        if norm * max(1.0, step.lr) > self._huge and not torch.isfinite(self._model.vector).all():
            return Status.DIVERGED
        if run.full_batch:
            return Status.CONVERGED if norm < GRADIENT_TOLERANCE else Status.RUNNING
        # noise leads a run past a minimum every now and then: only where it is found out does it stand
        every = run.loss_every * (1 if status is Status.CONVERGED else CONVERGENCE_CHECK_EVERY)
        if update % every:
            return Status.RUNNING
        full = torch.linalg.vector_norm(full_gradient(self._problem, self._model.module)).item()
        return Status.CONVERGED if full < GRADIENT_TOLERANCE else Status.RUNNING

    def _trouble(self, error: BaseException, update: int) -> Trouble:
        """Why an update could not be made, and the figures where the run stopped."""
        run, module = self._course.run, self._model.module
        single = has_batch_statistics(module) and len(self._course.sampler.batch(update)) == 1
        sentence = explain_failure(error, run.name, update, run.batch_size, single=single)
        try:
            found = passes(self._problem, module)
        except (Exception, SystemExit):  # what failed is the model itself
            return Trouble(self._course.index, sentence, traceback_of(error))
        figures = {one.name: one.of(found) for one in _PASS}
        return Trouble(self._course.index, sentence, traceback_of(error), figures)

    # -- states -------------------------------------------------------------------------------------------------------

    def _stand_at(self, state: RunState) -> None:
        """Have module, optimizer, schedule and generators as they were at a state."""
        state.random.restore()
        if state is self._held:
            return
        self._held = None
        model = self._model
        model.vector.data.copy_(state.vector)
        restore_buffers(model.module, state)
        # made late: the first torch.optim object imports torch._dynamo, and a landscape need not wait for that
        self._optimizer = make_optimizer(model.vector, self._course.run)
        self._schedule = Schedule(self._optimizer, self._course.run)
        if state.optimizer:
            self._optimizer.state[model.vector].update(_copied(state.optimizer))
        self._optimizer.param_groups[0].update(state.group)
        if state.schedule:
            self._schedule.load_state_dict(dict(state.schedule))
        self._course.sampler.restore(state.order)
        self._held = state

    def _state_after(self, before: RunState, update: int, seconds: float, status: Status) -> RunState:
        """The state in which module, optimizer, schedule and generators are."""
        optimizer, schedule, vector = self._optimizer, self._schedule, self._model.vector
        assert optimizer is not None
        assert schedule is not None
        random = RandomState.now(self._problem.device)
        self._held = RunState(
            vector=vector.detach().clone(),
            buffers={name: buffer.clone() for name, buffer in self._model.module.named_buffers()},
            optimizer=_copied(optimizer.state[vector]),
            group={name: value for name, value in optimizer.param_groups[0].items() if name != "params"},
            schedule=schedule.state_dict(),
            order=self._course.sampler.state(update),
            random=before.random if random.equals(before.random) else random,  # many states share one then
            update=update,
            seconds=seconds,
            status=status,
            loss_bound=before.loss_bound,
        )
        return self._held


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in values.items()}
