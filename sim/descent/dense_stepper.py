"""Updates of dense networks in machine code: the reference's values within rounding of float32, many at a time."""

import copy
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from sim.descent.compiled_course import Compiled
from sim.descent.course import Course
from sim.descent.dense_network import CODES
from sim.descent.state import RunState
from sim.descent.stepper import Block, joined
from sim.descent.torch_stepper import CONVERGENCE_CHECK_EVERY, GRADIENT_TOLERANCE
from sim.kernels.dense import descend_dense
from sim.kernels.descent import Standing
from sim.kernels.network import Examples, Network, Record, Workspace
from sim.measures import measures
from sim.measures.measure import Passes, Step
from sim.models.device import use_threads_for
from sim.models.evaluation import full_gradient, passes
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.protocol.trace import Status

_MOST_KEPT = 2**22  # numbers of the parameters that are kept with one call
_KNOWN = {"batch_loss", "grad_norm", "lr"}  # what the kernel says of single updates; others are taken one by one


class DenseStepper(Compiled):
    """See `Stepper`. Updates are timed as `CompiledStepper` times them; passes over all examples are torch's."""

    def __init__(
        self,
        problem: Problem,
        network: Network,
        examples: Examples,
        course: Course,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(problem, course, timer)
        self._problem, self._network, self._examples = problem, network, examples
        self._model = FlatModel(copy.deepcopy(problem.model))
        self._workspace = Workspace.of(network, self._model.layout.length)
        self._others = [one for one in measures("step") if one.name not in _KNOWN]

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        self._course.sampler.restore(state.order)
        use_threads_for(self._course.run.batch_size * state.vector.numel())
        until = min(until, self._course.last_second)
        left = int(min(updates, self._course.left(state))) if state.seconds < until else 0
        blocks = list[Block]()
        while not blocks or (left > 0 and state.seconds < until and not state.status.stopped):
            most = self._most(state.update, left, keep_every)
            size = min(most, self._compiled.pace.within(until - state.seconds, most))
            state, block = self._make(state, size, keep_every)
            left -= len(block)
            blocks.append(block)
        return state, joined(blocks)

    def _most(self, update: int, wanted: int, keep_every: int) -> int:
        """How many updates to make at once, of so many after an update: none is evaluated but the last."""
        every = 1 if self._others else self._course.run.loss_every
        keepable = max(1, _MOST_KEPT // self._model.layout.length) * keep_every
        return min(self._compiled.most(wanted), every - update % every, keepable)

    def _make(self, state: RunState, count: int, keep_every: int) -> tuple[RunState, Block]:
        """Make so many updates at once: the state after them, and what they did."""
        first, every = -(state.update + 1) % keep_every, min(keep_every, count + 1)
        standing, rates = self._compiled.standing(state), self._compiled.rates(state, count)
        kept = np.empty((len(range(first, count, every)), len(standing.point)), np.float32)
        record = Record(rates, np.empty(count), np.empty(count), min(first, count), every, kept)
        made, seconds, diverged = self._descend(state, standing, record)
        statuses, found = self._assess(state, standing, record.norms[:made], seconds, diverged)
        numbers = state.update + 1 + np.arange(made)[first::every]
        block = Block(
            first=state.update + 1,
            status=statuses,
            seconds=seconds,
            measures=self._measures(record, standing, made, found),
            kept=numbers,
            snapshots=torch.from_numpy(kept[: len(numbers)]),
        )
        if not made:
            return state, block
        status = Status(statuses[-1])
        return self._compiled.state_after(state, standing, made, float(seconds[-1]), status), block

    def _descend(self, state: RunState, standing: Standing, record: Record) -> tuple[int, NDArray[np.float64], bool]:
        """Fill in what updates did: how many were made, the seconds spent after each, and whether the run diverged."""
        if not len(record.rates):
            return 0, np.empty(0), False
        compiled, began = self._compiled, self._timer()
        batches = compiled.batches(state.update, len(record.rates))
        made, diverged = descend_dense(
            *(CODES, self._network, self._examples, batches, compiled.rule),
            *(standing, state.loss_bound, record, self._workspace),
        )
        compiled.pace.take(made, self._timer() - began)
        return made, compiled.pace.after(state.seconds, made), diverged

    # -- what they came to --------------------------------------------------------------------------------------------

    def _assess(
        self,
        state: RunState,
        standing: Standing,
        norms: NDArray[np.float64],
        seconds: NDArray[np.float64],
        diverged: bool,
    ) -> tuple[NDArray[np.uint8], Passes | None]:
        """The status after each update, and the passes over all examples after the last, if they are due."""
        run, update, statuses = self._course.run, state.update + len(norms), np.zeros(len(norms), np.uint8)
        if not len(norms):
            return statuses, None
        self._model.vector.data.copy_(torch.from_numpy(standing.point))
        if run.full_batch:
            statuses[norms < GRADIENT_TOLERANCE] = Status.CONVERGED
        else:
            known = len(norms) == 1 and state.status is Status.CONVERGED
            if update % (run.loss_every * (1 if known else CONVERGENCE_CHECK_EVERY)) == 0 and self._is_at_rest():
                statuses[-1] = Status.CONVERGED
        if diverged:
            statuses[-1] = Status.DIVERGED
        due = diverged or self._course.evaluates(update, float(seconds[-1]))
        return statuses, passes(self._problem, self._model.module) if due else None

    def _is_at_rest(self) -> bool:
        """Whether there is next to no gradient over all examples."""
        full = full_gradient(self._problem, self._model.module)
        return bool(torch.linalg.vector_norm(full) < GRADIENT_TOLERANCE)

    def _measures(
        self, record: Record, standing: Standing, made: int, found: Passes | None
    ) -> dict[str, NDArray[np.float64]]:
        """The columns of the recorded measures, shape (made,) each."""
        known = {"batch_loss": record.losses, "grad_norm": record.norms, "lr": record.rates}
        columns = {one.name: known.get(one.name, np.full(made, math.nan))[:made] for one in measures("step", "pass")}
        for one in measures("pass") if found is not None else ():
            columns[one.name][-1] = one.of(found)
        if self._others and made:
            gradient, point = map(torch.from_numpy, (self._workspace.gradient, standing.point))
            step = Step(float(record.losses[0]), gradient, float(record.rates[0]), point)
            for one in self._others:
                columns[one.name][-1] = one.of(step)
        return columns
