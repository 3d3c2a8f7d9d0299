"""Updates of two-parameter problems in machine code: the reference's values within rounding, many at a time."""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from sim.descent.compiled_course import Compiled
from sim.descent.course import Course
from sim.descent.rates import Floats
from sim.descent.state import RunState
from sim.descent.stepper import Block
from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.kernels.compiling import address_of
from sim.kernels.descent import Columns, Standing, descend
from sim.kernels.formula import Kernels
from sim.kernels.passes import evaluate, find_converged
from sim.measures import measures
from sim.measures.measure import Figures, Measure, Passes, Step
from sim.models.problem import Problem
from sim.protocol.trace import Status

_KNOWN = {"batch_loss", "grad_norm", "lr"}  # what the kernels say of single updates


class CompiledStepper(Compiled):
    """See `Stepper`. Updates are timed many at a time, and each is said to take as long as the others.

    So the last of them may begin a little after the time is up.
    """

    def __init__(
        self,
        problem: Problem,
        kernels: Kernels,
        course: Course,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(problem, course, timer)
        self._kernels = kernels
        codes = kernels.descend_in_epoch, kernels.batch, kernels.mean
        self._in_epoch, self._batch, self._mean = map(address_of, codes)
        self._in_order = np.arange(problem.examples)

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        self._course.sampler.restore(state.order)
        standing = self._compiled.standing(state)
        count = int(min(updates, self._course.left(state)))
        slopes = count if any(one.name not in _KNOWN for one in measures("step")) else 0  # whose gradients are used
        rates = self._compiled.rates(state, count)
        empty = (np.empty(shape) for shape in ((count, 2), (slopes, 2), count, count))
        columns = Columns(np.array(rates), *empty)
        seconds, diverged = self._descend(state, standing, columns, min(until, self._course.last_second))
        made = len(seconds)
        columns = _cut(columns, slice(made))
        statuses, losses = self._assess(state, columns, seconds, diverged)
        kept = slice(-(state.update + 1) % keep_every, made, keep_every)
        block = Block(
            first=state.update + 1,
            status=statuses,
            seconds=seconds,
            measures=_measures(columns, rates[:made], losses),
            keep_every=keep_every,
            snapshots=torch.from_numpy(np.ascontiguousarray(columns.points[kept])),
        )
        if not made:
            return state, block
        status = Status(block.status[-1])
        return self._compiled.state_after(state, standing, made, float(seconds[-1]), status), block

    # -- updates ------------------------------------------------------------------------------------------------------

    def _descend(self, state: RunState, standing: Standing, columns: Columns, until: float) -> tuple[Floats, bool]:
        """Make updates until time or columns are full: the seconds spent after each, and whether the run diverged."""
        compiled, wanted, made, diverged = self._compiled, len(columns.rates), 0, False
        spent, seconds = state.seconds, [np.empty(0)]
        while made < wanted and spent < until and not diverged:
            size = compiled.pace.within(until - spent, compiled.most(wanted - made))
            part = _cut(columns, slice(made, made + size))
            began = self._timer()
            here = standing._replace(steps=standing.steps + made)
            count, diverged = self._make(state.update + made, here, part, state.loss_bound)
            compiled.pace.take(count, self._timer() - began)
            seconds.append(compiled.pace.after(spent, count))
            made += count
            spent = float(seconds[-1][-1])
        return seconds[1] if len(seconds) == 2 else np.concatenate(seconds), diverged

    def _make(self, before: int, standing: Standing, columns: Columns, loss_bound: float) -> tuple[int, bool]:
        """Make the updates of the columns, after so many: how many were made, and whether the last one diverged."""
        rule, batches = self._compiled.rule, self._compiled.batches(before, len(columns.rates))
        made, diverged = descend(self._in_epoch, self._kernels.data, batches, rule, standing, loss_bound, columns)
        return made, diverged

    # -- what they came to --------------------------------------------------------------------------------------------

    def _assess(
        self, state: RunState, columns: Columns, seconds: Floats, diverged: bool
    ) -> tuple[NDArray[np.uint8], Floats]:
        """The status after each update, and the loss over all examples where it is evaluated, else NaN."""
        run, first, made = self._course.run, state.update + 1, len(seconds)
        statuses, losses = np.empty(made, np.uint8), np.broadcast_to(math.nan, made)
        every, every_running = self._compiled.checks_every
        last = made > 0 and (diverged or self._course.ended(state.update + made, float(seconds[-1])))
        if last or -first % every < made:
            losses = np.array(losses)
            evaluate(self._mean, self._kernels.data, columns.points, first, every, losses)
        if run.full_batch:
            statuses[:] = np.where(columns.norms < GRADIENT_TOLERANCE, Status.CONVERGED, Status.RUNNING)
        else:
            find_converged(
                *(self._batch, self._kernels.data, self._in_order, columns.points, first),
                *(state.status is Status.CONVERGED, every_running, every),
                *(GRADIENT_TOLERANCE, statuses),
            )
        if diverged:
            statuses[-1] = Status.DIVERGED
        if last:
            evaluate(self._mean, self._kernels.data, columns.points[-1:], 0, 1, losses[-1:])
        return statuses, losses


def _cut(columns: Columns, part: slice) -> Columns:
    """The same columns of some of the updates."""
    return Columns(*(column[part] for column in columns))


def _measures(columns: Columns, rates: Floats, losses: Floats) -> Mapping[str, Floats]:
    """The columns of the recorded measures, shape (n,) each. A formula has no test examples."""
    known = {"batch_loss": columns.losses, "grad_norm": columns.norms, "lr": rates, "loss": losses}
    known |= dict.fromkeys(("test_loss", "test_accuracy"), np.broadcast_to(math.nan, len(losses)))
    return {
        one.name: known[one.name] if one.name in known else _column(one, columns, losses)
        for one in measures("step", "pass")
    }


def _column(one: Measure, columns: Columns, losses: Floats) -> Floats:
    """The column of any other measure, update by update."""
    column = np.full(len(losses), math.nan)
    if one.cost == "pass":
        for index in np.flatnonzero(~np.isnan(losses)).tolist():
            column[index] = one.of(Passes(Figures(float(losses[index]), math.nan), Figures(math.nan, math.nan)))
        return column
    gradients, points = torch.from_numpy(columns.gradients), torch.from_numpy(columns.points)
    for index, (loss, lr) in enumerate(zip(columns.losses.tolist(), columns.rates.tolist(), strict=True)):
        column[index] = one.of(Step(loss, gradients[index], lr, points[index]))
    return column
