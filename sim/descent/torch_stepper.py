"""The reference: updates made by PyTorch's own autograd and optimizers, one at a time."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sim.descent.course import Course
from sim.descent.state import RunState
from sim.descent.stepper import Block
from sim.descent.training import Training
from sim.measures import measures
from sim.measures.measure import Gradients, Passes, Step
from sim.models.device import use_threads_for
from sim.models.evaluation import full_gradient, passes
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.protocol.answers import Trouble
from sim.protocol.trace import Status
from sim.views.plane import on_plane_terms

GRADIENT_TOLERANCE = 1e-4
"""A run has converged while the norm of the gradient over all examples is below this; it goes on all the same.

With targets and inputs of order 1, such a gradient lowers the loss by some 1e-8 an update at a rate of 1: less than
anybody will wait for, and well above what rounding leaves of a sum in float32."""

CONVERGENCE_CHECK_EVERY = 10
"""At one in so many of the evaluations of the loss over all examples it is found out whether a run has converged."""

_STEP, _PASS = measures("step"), measures("pass")


class TorchStepper:
    """The reference `Stepper`: a module and an optimizer of torch, which make one update after another."""

    def __init__(self, problem: Problem, course: Course, timer: Callable[[], float] = time.perf_counter) -> None:
        self._problem, self._timer = problem, timer
        self._training = Training(problem, course)
        self._huge = math.sqrt(torch.finfo(self._training.model.vector.dtype).max)
        self.follow(course)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self._course = course
        self._training.follow(course)

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        return self._training.start(passes)

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        return self._training.gradients(state)

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`. What the model or its data raise stops the run; the block then says why."""
        outside = RandomState.now(self._problem.device)
        try:
            self._training.stand_at(state)
            use_threads_for(self._course.run.batch_size * state.vector.numel())
            return self._descend(state, int(min(updates, self._course.left(state))), until, keep_every)
        finally:
            outside.restore()

    # -- updates ------------------------------------------------------------------------------------------------------

    def _descend(self, state: RunState, count: int, until: float, keep_every: int) -> tuple[RunState, Block]:
        course, vector = self._course, self._training.model.vector
        update, seconds, status, until = state.update, state.seconds, state.status, min(until, course.last_second)
        columns = {one.name: np.full(count, math.nan) for one in (*_STEP, *_PASS)}
        of_step = [(columns[one.name], one.of) for one in _STEP]
        statuses, times = np.empty(count, np.uint8), np.empty(count)
        snapshots: list[Tensor] = []
        trouble: Trouble | None = None
        made = 0
        while made < count and seconds < until and not status.stopped:
            try:
                step, spent, status, found = self._make(state, update + 1, seconds, status)
            except (Exception, SystemExit) as error:
                status, trouble = Status.FAILED, self._training.trouble(error, update + 1)
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
                snapshots.append(vector.detach().clone())
        block = Block(
            first=state.update + 1,
            status=statuses[:made],
            seconds=times[:made],
            measures={name: column[:made] for name, column in columns.items()},
            keep_every=keep_every,
            snapshots=on_plane_terms(torch.stack(snapshots) if snapshots else vector.new_empty(0, vector.numel())),
            trouble=trouble,
        )
        return self._training.state_after(state, update, seconds, status), block

    def _make(
        self, state: RunState, update: int, seconds: float, status: Status
    ) -> tuple[Step, float, Status, Passes | None]:
        """Make an update after so many seconds: all of it that the model, its loss or its data may fail in.

        What it did, the seconds that it took, how the run stands after it, and the passes over all examples if due.
        """
        step, spent = self._step(update)
        status = self._judge(state, update, step, status)
        due = status.stopped or self._course.evaluates(update, seconds + spent)
        return step, spent, status, passes(self._problem, self._training.model.module) if due else None

    def _step(self, update: int) -> tuple[Step, float]:
        """One update: sample, forward, backward, step; what it did, and the seconds that it took."""
        training = self._training
        model, optimizer, schedule = training.model, training.optimizer, training.schedule
        lr = schedule.lr
        began = self._timer()
        model.gradient.zero_()
        loss = training.backward(update)
        optimizer.step()
        batch_loss = loss.item()  # waits for the device
        spent = self._timer() - began
        schedule.step()
        return Step(batch_loss, model.gradient, lr, model.vector), spent

    def _judge(self, state: RunState, update: int, step: Step, status: Status) -> Status:
        """How the run stands after an update."""
        run, norm = self._course.run, step.grad_norm
        if not (math.isfinite(step.batch_loss) and math.isfinite(norm)) or abs(step.batch_loss) > state.loss_bound:
            return Status.DIVERGED
        if norm * max(1.0, step.lr) > self._huge and not torch.isfinite(self._training.model.vector).all():
            return Status.DIVERGED
        if run.full_batch:
            return Status.CONVERGED if norm < GRADIENT_TOLERANCE else Status.RUNNING
        # noise leads a run past a minimum every now and then: only where it is found out does it stand
        every = run.loss_every * (1 if status is Status.CONVERGED else CONVERGENCE_CHECK_EVERY)
        if update % every:
            return Status.RUNNING
        full = torch.linalg.vector_norm(full_gradient(self._problem, self._training.model.module)).item()
        return Status.CONVERGED if full < GRADIENT_TOLERANCE else Status.RUNNING
