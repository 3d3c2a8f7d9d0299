"""One run: its state, and a chunk of updates."""

import copy
import math
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sim.descent.batches import batches_of
from sim.descent.optimizers import Schedule, make_optimizer
from sim.descent.sampling import Integers, Sampler
from sim.experiment.choices import Clock
from sim.experiment.config import Experiment, Limit, RunConfig, default_loss_every
from sim.measures.evaluation import Figures, batch_gradient, figures, full_gradient
from sim.measures.inspection import compare
from sim.measures.planes import Plane
from sim.measures.trails import Snapshots
from sim.models.build import has_batch_statistics
from sim.models.device import use_threads_for
from sim.models.failures import explain_failure, traceback_of
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import RandomState, undisturbed
from sim.models.sources import DatasetSource
from sim.protocol.answers import Trouble, UpdateReport
from sim.protocol.trace import ROW, Rows, Status

GRADIENT_TOLERANCE = 1e-4
"""A run has converged while the norm of the gradient over all examples is below this; it goes on all the same."""

_DIVERGED_RATIO = 1e6  # a batch loss so many times the loss at the start (or 1) will not come back
_CONVERGENCE_CHECK_EVERY = 10  # of the updates at which the loss over all examples is evaluated


class _Measured(NamedTuple):
    """What an update leaves to be recorded."""

    batch_loss: float
    grad_norm: float
    lr: float


_NOTHING = _Measured(math.nan, math.nan, math.nan)
_UNKNOWN = Figures(math.nan, math.nan)


class Descent:
    """One descent on a problem. Batch, mini-batch and stochastic descent differ in their batch size alone.

    Attributes:
        config: its row of configuration, with the rate filled in.
        index: its place in the experiment.
        update: how many updates it has made.
        seconds: time spent sampling, forward, backward and step, after a discarded warm-up.
        status: how it stands.
        loss_every: the loss over all examples is evaluated at every so many updates, and at the limit.
        snapshots: where a model's parameters have been, thinned.
        trouble: why it failed, if it did.
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
        parameters = self._model.vector.numel()
        batch_size = self.config.size(problem.examples)
        self._sampler = Sampler(
            problem.examples, batch_size, self.config.sampling, self.config.drop_last, experiment.seed
        )
        self._batches = batches_of(problem, self._sampler)
        self._full_batch = batch_size == problem.examples and self.config.sampling != "replacement"
        self._chunk_size = problem.chunk_size
        self.loss_every = experiment.loss_every or default_loss_every(
            problem.examples, batch_size, parameters, one_by_one=isinstance(problem.source, DatasetSource)
        )
        self.snapshots = Snapshots(parameters, len(experiment.runs))
        self.trouble: Trouble | None = None
        self._two_parameters = problem.task == "formula"
        self._random_state = problem.random_state
        self._stepper: tuple[torch.optim.Optimizer, Schedule] | None = None
        self._loss_bound = math.inf
        self._before = self.vector.clone()
        self._before_which = 0  # the update that `_before` was before: the last one of a chunk

    # -- what the clock asks ------------------------------------------------------------------------------------------

    @property
    def examples(self) -> int:
        """How many examples it has read."""
        return self._sampler.examples_after(self.update)

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
                return math.ceil(round(value * self._sampler.updates_per_epoch, 6)) - self.update
            case Limit(_, value):
                return math.inf if self.seconds < value else 0

    # -- descending ---------------------------------------------------------------------------------------------------

    def start(self, other: Rows | None = None) -> Rows:
        """Update 0: where it begins, and the loss there. Shape (1,).

        Args:
            other: update 0 of another run of the experiment: all begin alike.
        """
        self._keep()
        row = np.array([self._record(_NOTHING)], dtype=ROW) if other is None else other.copy()
        row["run"] = self.index
        if math.isfinite(loss := float(row["loss"][0])):
            self._loss_bound = _DIVERGED_RATIO * max(1.0, abs(loss))
        return row

    def warm_up(self) -> None:
        """Make one update on a copy and discard it, so that first-time costs do not count as seconds."""
        with undisturbed(self._problem.device):
            Descent(self._problem, self._experiment, self.index).advance(1)

    def advance(self, count: int) -> Rows:
        """Make up to `count` updates; fewer if it stops or reaches its limit. One row each.

        What the model or its data raise stops the run; `trouble` then says why.
        """
        rows = np.empty(count, dtype=ROW)
        made = 0
        outside = RandomState.now(self._problem.device)
        self._random_state.restore()
        use_threads_for(self._sampler.batch_size * self.vector.numel())
        try:
            while made < count and not self.finished:
                if made == count - 1 and not self._two_parameters:
                    self._before.copy_(self.vector)
                    self._before_which = self.update + 1
                rows[made] = self._record(self._step())
                self._keep()
                made += 1
        except (Exception, SystemExit) as error:
            self.status = Status.FAILED
            self.trouble = Trouble(self.index, self._explain(error), traceback_of(error), *self._last_figures())
        finally:
            self._random_state = RandomState.now(self._problem.device)
            outside.restore()
        return rows[:made]

    def _step(self) -> _Measured:
        """One update: sample, forward, backward, step."""
        optimizer, schedule = self._steppers()
        model = self._model
        lr = schedule.lr
        began = time.perf_counter()
        model.gradient.zero_()
        loss = self._backward()
        optimizer.step()
        norm = torch.linalg.vector_norm(model.gradient)
        batch_loss, grad_norm = loss.item(), norm.item()
        self.seconds += time.perf_counter() - began
        schedule.step()
        self.update += 1
        return _Measured(batch_loss, grad_norm, lr)

    def _backward(self) -> Tensor:
        """Add the gradient of the next update's batch; its loss. A full batch too large for one go is cut in chunks."""
        problem, module = self._problem, self._model.module
        if self.config.batch_size == "all" and problem.examples > self._chunk_size:
            return self._backward_in_chunks()
        inputs, targets = self._batches.batch(self.update + 1)
        loss = problem.loss(module(inputs), targets)
        torch.autograd.backward(loss)
        return loss.detach()

    def _backward_in_chunks(self) -> Tensor:
        problem, module = self._problem, self._model.module
        if has_batch_statistics(module):
            raise RuntimeError(
                f"all {problem.examples} examples are taken in chunks of {self._chunk_size}, which a model with batch "
                f"statistics does not bear; give a batch_size in numbers, such as {self._chunk_size}"
            )
        examples = self._sampler.batch(self.update + 1)
        total, weights = torch.zeros((), device=problem.device, dtype=self.vector.dtype), 0.0
        for part in torch.split(examples, self._chunk_size):
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

    def _explain(self, error: BaseException) -> str:
        failed, module = self.update + 1, self._model.module
        single = has_batch_statistics(module) and len(self._sampler.batch(failed)) == 1
        return explain_failure(error, self.config, failed, self._sampler.batch_size, single=single)

    def _keep(self) -> None:
        if not self._two_parameters:
            self.snapshots.keep(self.update, self.vector)

    def _steppers(self) -> tuple[torch.optim.Optimizer, Schedule]:
        # made late: the first torch.optim object imports torch._dynamo, and a landscape need not wait for that
        if self._stepper is None:
            optimizer = make_optimizer(self._model.vector, self.config)
            self._stepper = optimizer, Schedule(optimizer, self.config)
        return self._stepper

    def _record(self, measured: _Measured) -> tuple[float, ...]:
        """A row in the order of `ROW`, with the status that follows; clock, moment and position are the engine's."""
        x, y = self.vector.tolist() if self._two_parameters else (math.nan, math.nan)
        self.status = self._judge(measured, x, y)
        examples = self.examples
        training, test = self._figures() if self._due() else (_UNKNOWN, _UNKNOWN)
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
            training.loss,
            measured.grad_norm,
            measured.lr,
            test.loss,
            test.accuracy,
        )

    def _last_figures(self) -> tuple[float, float, float]:
        """Loss, test loss and test accuracy where the run failed; NaN where what failed was the model itself."""
        try:
            training, test = self._figures()
        except (Exception, SystemExit):
            return math.nan, math.nan, math.nan
        return training.loss, test.loss, test.accuracy

    def _due(self) -> bool:
        """Whether the loss over all examples is evaluated at this update."""
        return self.update % self.loss_every == 0 or self.finished

    def _figures(self) -> tuple[Figures, Figures]:
        """Over all training and all test examples; a loss that is no number counts as infinite."""
        problem, module = self._problem, self._model.module
        training = figures(problem, module, problem.training)
        training = training._replace(loss=math.inf if math.isnan(training.loss) else training.loss)
        return training, figures(problem, module, problem.testing) if problem.testing is not None else _UNKNOWN

    def _judge(self, measured: _Measured, x: float, y: float) -> Status:
        if measured is _NOTHING:
            return Status.RUNNING
        finite = all(map(math.isfinite, (measured.batch_loss, measured.grad_norm)))
        placed = not self._two_parameters or (math.isfinite(x) and math.isfinite(y))
        if not (finite and placed) or abs(measured.batch_loss) > self._loss_bound:
            return Status.DIVERGED
        if self._full_batch:
            return Status.CONVERGED if measured.grad_norm < GRADIENT_TOLERANCE else Status.RUNNING
        if self.update % (self.loss_every * _CONVERGENCE_CHECK_EVERY) == 0:
            norm = torch.linalg.vector_norm(full_gradient(self._problem, self._model.module)).item()
            return Status.CONVERGED if norm < GRADIENT_TOLERANCE else Status.RUNNING
        return self.status

    # -- looking closer -----------------------------------------------------------------------------------------------

    @property
    def module(self) -> nn.Module:
        """The model as it stands."""
        return self._model.module

    def report(self, update: int, before: Tensor | None, plane: Plane | None) -> UpdateReport:
        """What an update used and did.

        Args:
            update: its number.
            before: the parameters before it, shape (P,); None: those kept from the newest update, if it is that one.
            plane: to see the gradients on; None where the two parameters are the plane.
        """
        batch = self._sampler.batch(update)
        own, full = self._gradients(update, batch, before)
        return compare(update, batch, own, full, plane)

    def _gradients(self, update: int, batch: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """The batch's gradient and the full one at the parameters before an update; NaN where they are gone."""
        if before is None and update != self._before_which:
            unknown = torch.full_like(self.vector, math.nan)
            return unknown, unknown
        probe = FlatModel(self._problem.twin(self._model.module))
        probe.vector.data.copy_(self._before if before is None else before)
        full = full_gradient(self._problem, probe.module, batch_statistics=True)
        if before is None:
            return self._model.gradient.clone(), full
        parameters = list(probe.module.parameters())
        return batch_gradient(self._problem.loss, probe.module, parameters, self._problem.batch(batch)), full

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
                "loss_bound": self._loss_bound,
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
        self._loss_bound = state["loss_bound"]
