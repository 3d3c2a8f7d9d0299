"""One run: its state, and a chunk of updates."""

import copy
import math
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sim.commands import UpdateReport
from sim.experiment import Clock, Experiment, Limit, RunConfig, default_loss_every
from sim.flat import FlatModel
from sim.landscape import gradient_at, loss_at
from sim.optimizers import Schedule, make_optimizer
from sim.problem import Problem
from sim.sampling import Integers, Sampler
from sim.trace import ROW, Rows, Status

GRADIENT_TOLERANCE = 1e-4
"""A run has converged while the norm of the gradient over all examples is below this; it goes on all the same."""

_DIVERGED_RATIO = 1e6  # a batch loss so many times the loss at the start (or 1) will not come back
_CONVERGENCE_CHECK_EVERY = 10  # of the updates at which the loss over all examples is evaluated
_SHOWN_INDICES = 64


class _Measured(NamedTuple):
    """What an update leaves to be recorded."""

    batch_loss: float
    grad_norm: float
    lr: float


_NOTHING = _Measured(math.nan, math.nan, math.nan)


class Descent:
    """One descent on a problem. Batch, mini-batch and stochastic descent differ in their batch size alone.

    Attributes:
        config: its row of configuration, with the rate filled in.
        index: its place in the experiment.
        update: how many updates it has made.
        seconds: time spent sampling, forward, backward and step, after a discarded warm-up.
        status: how it stands.
        loss_every: the loss over all examples is evaluated at every so many updates, and at the limit.
    """

    def __init__(self, problem: Problem, experiment: Experiment, index: int) -> None:
        self.config: RunConfig = experiment.runs[index]
        self.index = index
        self.update = 0
        self.seconds = 0.0
        self.status = Status.RUNNING
        self._experiment = experiment
        self._problem = problem
        self._limit: Limit | None = experiment.limit
        self._model = FlatModel(copy.deepcopy(problem.model))
        batch_size = self.config.size(problem.examples)
        self._sampler = Sampler(
            problem.examples, batch_size, self.config.sampling, self.config.drop_last, experiment.seed
        )
        self._full_batch = self._sampler.updates_per_epoch == 1 and self.config.sampling != "replacement"
        self.loss_every = experiment.loss_every or default_loss_every(
            problem.examples, batch_size, self._model.vector.numel()
        )
        self._random_state = torch.get_rng_state()
        self._stepper: tuple[torch.optim.Optimizer, Schedule] | None = None
        self._loss_bound = math.inf

    # -- what the clock asks ------------------------------------------------------------------------------------------

    @property
    def examples(self) -> int:
        """How many examples it has read."""
        return int(self._sampler.examples_after(np.asarray(self.update)))

    @property
    def finished(self) -> bool:
        """Whether it has nothing left to do: stopped, or at the experiment's limit."""
        return self.status.stopped or self._left() <= 0

    def completions(self, clock: Clock, count: int) -> Integers:
        """See `clock.Racer`; empty once finished."""
        count = 0 if self.status.stopped else int(min(count, self._left()))
        updates = self.update + np.arange(1, count + 1)
        return self._sampler.examples_after(updates) if clock == "examples" else updates

    @property
    def vector(self) -> Tensor:
        """Its parameters, shape (P,)."""
        return self._model.vector.data

    def _left(self) -> float:
        """How many updates the limit allows still; on a limit in seconds, 1 or more until it is reached."""
        match self._limit:
            case None:
                return math.inf
            case Limit("updates", value):
                return math.ceil(value) - self.update
            case Limit("epochs", value):
                return math.ceil(value * self._sampler.updates_per_epoch) - self.update
            case Limit(_, value):
                return math.inf if self.seconds < value else 0

    # -- descending ---------------------------------------------------------------------------------------------------

    def start(self) -> Rows:
        """Update 0: where it begins, and the loss there. Shape (1,)."""
        return np.array([self._record(_NOTHING)], dtype=ROW)

    def warm_up(self) -> None:
        """Make one update on a copy and discard it, so that first-time costs do not count as seconds."""
        with torch.random.fork_rng(devices=[]):
            Descent(self._problem, self._experiment, self.index)._step()

    def advance(self, count: int) -> Rows:
        """Make up to `count` updates; fewer if it stops or reaches its limit. One row each."""
        rows = np.empty(count, dtype=ROW)
        made = 0
        outside = torch.get_rng_state()
        torch.set_rng_state(self._random_state)
        try:
            while made < count and not self.finished:
                rows[made] = self._record(self._step())
                made += 1
        finally:
            self._random_state = torch.get_rng_state()
            torch.set_rng_state(outside)
        return rows[:made]

    def _step(self) -> _Measured:
        """One update: sample, forward, backward, step."""
        optimizer, schedule = self._steppers()
        problem, model = self._problem, self._model
        lr = schedule.lr
        began = time.perf_counter()
        batch = self._sampler.batch(self.update + 1).to(problem.inputs.device)
        model.gradient.zero_()
        loss = problem.loss(model.module(problem.inputs[batch]), problem.targets[batch])
        torch.autograd.backward(loss)
        optimizer.step()
        measured = _Measured(loss.item(), torch.linalg.vector_norm(model.gradient).item(), lr)
        self.seconds += time.perf_counter() - began
        schedule.step()
        self.update += 1
        return measured

    def _steppers(self) -> tuple[torch.optim.Optimizer, Schedule]:
        # made late: the first torch.optim object imports torch._dynamo, and a landscape need not wait for that
        if self._stepper is None:
            optimizer = make_optimizer(self._model.vector, self.config)
            self._stepper = optimizer, Schedule(optimizer, self.config)
        return self._stepper

    def _record(self, measured: _Measured) -> tuple[float, ...]:
        """A row in the order of `ROW`, with the status that follows; clock, moment and position are the engine's."""
        x, y = self._model.vector.tolist() if self._model.vector.numel() == 2 else (math.nan, math.nan)
        self.status = self._judge(measured, x, y)
        examples = self.examples
        return (
            self.index,
            self.status,
            0,
            0,
            math.nan,
            self.update,
            examples,
            examples / self._sampler.examples_per_epoch,
            self.seconds,
            x,
            y,
            measured.batch_loss,
            self._loss() if self._due() else math.nan,
            measured.grad_norm,
            measured.lr,
        )

    def _due(self) -> bool:
        """Whether the loss over all examples is evaluated at this update."""
        return self.update % self.loss_every == 0 or self.finished

    def _loss(self) -> float:
        with torch.no_grad():
            loss = loss_at(self._problem, self._model.vector).item()
        if self.update == 0:
            self._loss_bound = _DIVERGED_RATIO * max(1.0, abs(loss)) if math.isfinite(loss) else math.inf
        return math.inf if math.isnan(loss) else loss

    def _judge(self, measured: _Measured, x: float, y: float) -> Status:
        if measured is _NOTHING:
            return Status.RUNNING
        finite = all(map(math.isfinite, (measured.batch_loss, measured.grad_norm)))
        placed = self._model.vector.numel() != 2 or (math.isfinite(x) and math.isfinite(y))
        if not (finite and placed) or abs(measured.batch_loss) > self._loss_bound:
            return Status.DIVERGED
        if self._full_batch:
            return Status.CONVERGED if measured.grad_norm < GRADIENT_TOLERANCE else Status.RUNNING
        if self.update % (self.loss_every * _CONVERGENCE_CHECK_EVERY) == 0:
            norm = torch.linalg.vector_norm(gradient_at(self._problem, self._model.vector)).item()
            return Status.CONVERGED if norm < GRADIENT_TOLERANCE else Status.RUNNING
        return self.status

    # -- looking closer -----------------------------------------------------------------------------------------------

    def report(self, update: int, before: Tensor) -> UpdateReport:
        """What an update used and did, given the parameters before it, shape (P,)."""
        batch = self._sampler.batch(update)
        own = gradient_at(self._problem, before, batch.to(before.device))
        full = gradient_at(self._problem, before)
        norms = (torch.linalg.vector_norm(own) * torch.linalg.vector_norm(full)).item()
        full_norm = torch.linalg.vector_norm(full).item()
        return UpdateReport(
            update=update,
            indices=tuple(batch[:_SHOWN_INDICES].tolist()),
            batch_size=len(batch),
            gradient=(own[0].item(), own[1].item()),
            full_gradient=(full[0].item(), full[1].item()),
            cosine=min(1.0, max(-1.0, torch.dot(own, full).item() / norms)) if norms > 0 else math.nan,
            relative_error=torch.linalg.vector_norm(own - full).item() / full_norm if full_norm > 0 else math.nan,
        )

    # -- the whole state ----------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that the future depends on: parameters, buffers, optimizer, schedule, place, random state."""
        optimizer, schedule = self._steppers()
        return copy.deepcopy(
            {
                "vector": self._model.vector.data,
                "buffers": dict(self._model.module.named_buffers()),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "random_state": self._random_state,
                "update": self.update,
                "seconds": self.seconds,
                "status": self.status,
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was called, as if nothing had happened since."""
        state = copy.deepcopy(state)
        optimizer, schedule = self._steppers()
        self._model.vector.data.copy_(state["vector"])
        for name, buffer in self._model.module.named_buffers():
            buffer.copy_(state["buffers"][name])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        self._random_state = state["random_state"]
        self.update, self.seconds, self.status = state["update"], state["seconds"], state["status"]
