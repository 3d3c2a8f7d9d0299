"""Updates of a run that is made from many seeds at once: each member is what its seed alone would make, bit for bit."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from sim.descent.compiled_course import Compiled
from sim.descent.course import Course
from sim.descent.rates import Floats
from sim.descent.rules import rows_of
from sim.descent.sampling import draw
from sim.descent.state import Ensemble, RunState
from sim.descent.stepper import Block, joined
from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.kernels.compiling import address_of
from sim.kernels.descent import Standing, descend
from sim.kernels.ensemble import Checks, Codes, Orders, Records, Standings, descend_members
from sim.kernels.formula import Kernels
from sim.kernels.passes import evaluate, find_converged
from sim.kernels.shuffling import shuffle
from sim.measures import measures
from sim.measures.measure import Passes
from sim.models.device import ALL_THREADS
from sim.models.problem import Problem
from sim.protocol.trace import BANDS, Status

_MOST_RECORDED = 2**19  # updates of all members with one call, whose columns take some megabytes
_MOST_EXAMPLES = 2**22  # of the orders that are drawn for one
_WORTH_THREADS = 2**12  # updates of all members, which take a few milliseconds
_SHARES = np.array([0.1, 0.5, 0.9])


class EnsembleStepper(Compiled):
    """See `Stepper`: of two parameters; the columns are medians and bands over the members, as `ENSEMBLE_ROW` says.

    A run takes as many seconds as all of its members together. Other measures than those of `BANDS`, and the rate, have
    no value.
    """

    def __init__(self, problem: Problem, kernels: Kernels, course: Course, threads: int = ALL_THREADS) -> None:
        super().__init__(problem, course)
        self._kernels, self._threads = kernels, threads
        ours = (address_of(one) for one in (descend, evaluate, find_converged))
        theirs = (address_of(one) for one in (kernels.descend_in_epoch, kernels.batch, kernels.mean))
        self._codes = Codes(*ours, *theirs)
        self._in_order = np.arange(problem.examples)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        super().follow(course)
        self._drawn = -1, -1, np.empty((0, 0, 0), np.int64)  # the first and the last epoch, and the orders of these

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        state, samplers = super().start(passes), self._course.samplers
        ensemble = Ensemble(
            points=np.tile(state.vector.numpy(), (len(samplers), 1)),
            memories=np.zeros((len(samplers), 2, 2)),
            steps=0,
            statuses=np.full(len(samplers), Status.RUNNING, np.uint8),
            orders=tuple(sampler.state(0) for sampler in samplers),
        )
        return replace(state, ensemble=ensemble)

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        assert state.ensemble is not None, "a state that an ensemble's stepper made"
        for sampler, order in zip(self._course.samplers, state.ensemble.orders, strict=True):
            sampler.restore(order)
        left, until = min(updates, self._course.left(state)), min(until, self._course.last_second)
        blocks = list[Block]()
        while not blocks or (left > 0 and state.seconds < until and not state.status.stopped):
            size = self._compiled.pace.within(until - state.seconds, self._most(left)) if state.seconds < until else 0
            state, block = self._descend(state, size, keep_every)
            blocks.append(block)
            left -= len(block)
        return state, joined(blocks)

    # -- updates ------------------------------------------------------------------------------------------------------

    def _most(self, wanted: float) -> int:
        """How many updates to make at once, of so many."""
        members = len(self._course.samplers)
        epochs = max(1, _MOST_EXAMPLES // (members * len(self._in_order)))
        recorded = max(1, _MOST_RECORDED // members)
        return int(min(wanted, recorded, epochs * self._course.sampler.updates_per_epoch))

    def _descend(self, before: RunState, size: int, keep_every: int) -> tuple[RunState, Block]:
        """Make so many updates, or as many as the last member makes until it diverges."""
        ensemble = before.ensemble
        assert ensemble is not None
        standings = Standings(
            ensemble.points.copy(), ensemble.memories.copy(), ensemble.statuses.copy(), ensemble.steps
        )
        rates, began = self._compiled.rates(before, size), self._timer()
        records = self._records(before, standings, rates)
        diverged = (standings.statuses == Status.DIVERGED).all()
        made = int(records.counts.max()) if diverged else size
        records, rates = _cut(records, made), rates[:made]
        state = self._state_after(before, standings, made, self._timer() - began)
        return state, self._block(before, state, records, rates, keep_every)

    def _records(self, before: RunState, standings: Standings, rates: Floats) -> Records:
        """What the updates of each member did, which stand further on then."""
        run, shape = self._course.run, (len(standings.points), len(rates))
        records = Records(
            losses=np.empty(shape),
            norms=np.empty(shape),
            means=np.empty(shape),
            path=np.empty((len(rates), 2)),
            statuses=np.empty(len(rates), np.uint8),
            counts=np.zeros(len(standings.points), np.int64),
        )
        every, every_running = self._compiled.checks_every
        checks = Checks(
            first=before.update + 1,
            every=every,
            every_running=every_running,
            full_batch=run.full_batch,
            tolerance=GRADIENT_TOLERANCE,
            loss_bound=before.loss_bound,
            converged=int(Status.CONVERGED),
            diverged=int(Status.DIVERGED),
        )
        if len(rates):
            orders = self._orders(before.update, len(rates))
            given = self._codes, self._kernels.data, self._in_order, orders, self._compiled.rule
            made = standings, np.array(rates), checks, records
            members = len(standings.points)
            self._spread(lambda begin, end: descend_members(*given, *made, begin, end), members, records.losses.size)
        return records

    def _orders(self, before: int, count: int) -> Orders:
        """The orders of the examples for so many updates after so many."""
        samplers, sampler = self._course.samplers, self._course.sampler
        epoch, begin = sampler.position_in_epoch(before + 1)
        last, _ = sampler.position_in_epoch(before + count)
        if self._drawn[:2] != (epoch, last):  # else the same epoch goes on
            orders = np.empty((len(samplers), last + 1 - epoch, len(self._in_order)), np.int64)
            goes_on = epoch == self._drawn[1]
            if goes_on:
                orders[:, 0] = self._drawn[2][:, -1]
            draw(samplers, epoch, orders, int(goes_on), shuffle, self._spread)
            self._drawn = epoch, last, orders
        return Orders(self._drawn[2], begin // sampler.batch_size, sampler.batch_size, sampler.updates_per_epoch)

    def _spread(self, work: Callable[[int, int], object], items: int, size: int) -> None:
        """Do work on all items, in threads where it is worth it."""
        parts = min(self._threads, items) if size > _WORTH_THREADS else 1
        bounds = [items * part // parts for part in range(parts + 1)]
        if parts == 1:
            work(0, items)
        else:
            deque(_pool(parts).map(work, bounds[:-1], bounds[1:]), maxlen=0)

    # -- what they came to --------------------------------------------------------------------------------------------

    def _block(self, before: RunState, state: RunState, records: Records, rates: Floats, keep_every: int) -> Block:
        made, first = len(rates), before.update + 1
        share = np.arange(1, made + 1) / max(1, made)
        statuses = np.where(records.statuses == Status.DIVERGED, Status.RUNNING, records.statuses)
        if made and state.status.stopped:
            statuses[-1] = state.status
        kept = slice(-first % keep_every, made, keep_every)
        return Block(
            first=first,
            status=statuses,
            seconds=before.seconds + (state.seconds - before.seconds) * share,
            measures=self._measures(records, rates, first, state),
            keep_every=keep_every,
            snapshots=torch.from_numpy(np.ascontiguousarray(records.path[kept])),
        )

    def _measures(self, records: Records, rates: Floats, first: int, state: RunState) -> Mapping[str, Floats]:
        """The columns of the recorded measures and their bands, shape (n,) each."""
        updates = np.arange(len(rates))
        due = (first + updates) % self._course.run.loss_every == 0
        if len(rates) and self._course.ended(state.update, state.seconds):
            due[-1] = True
            self._evaluate(records.means[:, -1], state)
        columns = {one.name: np.full(len(rates), math.nan) for one in measures("step", "pass")} | {"lr": rates}
        tables = {"batch_loss": records.losses, "grad_norm": records.norms, "loss": records.means}
        for name, (low, high) in BANDS.items():
            chosen = updates[due] if name == "loss" else updates
            columns[low], columns[name], columns[high] = self._quantiles(tables[name], chosen)
        return columns

    def _evaluate(self, means: Floats, state: RunState) -> None:
        """Fill in the loss over all examples of each member that goes on, shape (K,)."""
        ensemble = state.ensemble
        assert ensemble is not None
        goes_on = ensemble.statuses != Status.DIVERGED
        losses = np.empty(len(means))
        evaluate(self._codes.mean, self._kernels.data, ensemble.points, 0, 1, losses)
        means[:] = np.where(goes_on, losses, math.inf)

    def _quantiles(self, values: Floats, updates: NDArray[np.int64]) -> Floats:
        """The quantiles of all members after some of n updates, shape (3, n); NaN after the others."""
        found = np.full((len(_SHARES), values.shape[1]), math.nan)

        def fill_in(begin: int, end: int) -> None:
            some = updates[begin:end]
            found[:, some] = _quantiles(values.T[some])

        self._spread(fill_in, len(updates), len(values) * len(updates))
        return found

    def _state_after(self, before: RunState, standings: Standings, made: int, seconds: float) -> RunState:
        ensemble = before.ensemble
        if not made or ensemble is None:
            return before
        self._compiled.pace.take(made, seconds)
        update, steps = before.update + made, standings.steps + made
        orders = tuple(sampler.state(update) for sampler in self._course.samplers)
        rows = list(rows_of(self._compiled.rule).values())
        memories = ensemble.memories.copy()  # what torch's optimizer would not change stays
        memories[:, rows] = standings.memories[:, rows]
        going = (standings.statuses != Status.DIVERGED).any()
        status = Status(standings.statuses[0])
        status = Status.RUNNING if status.stopped and going else status
        first = Standing(standings.points[0].copy(), standings.memories[0], standings.steps)
        state = self._compiled.state_after(before, first, made, before.seconds + seconds, status)
        return replace(state, ensemble=Ensemble(standings.points, memories, steps, standings.statuses, orders))


def _quantiles(values: Floats) -> Floats:
    """The quantiles of K members after each of n updates, shape (n, K), without NaN, as `numpy.quantile` has them.

    That of infinite members is infinite, too. Shape (3, n).
    """
    ordered = np.ascontiguousarray(values)
    ordered.sort(axis=1)
    positions = _SHARES * (ordered.shape[1] - 1)
    below = positions.astype(np.int64)
    low, high = ordered[:, below].T, ordered[:, np.ceil(positions).astype(np.int64)].T
    part = (positions - below)[:, None]
    with np.errstate(invalid="ignore"):
        between = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
    return np.where(low == high, low, between)


def _cut(records: Records, made: int) -> Records:
    """The same of the first so many updates."""
    if made == len(records.path):
        return records
    losses, norms, means = (np.ascontiguousarray(table[:, :made]) for table in records[:3])
    return Records(losses, norms, means, records.path[:made], records.statuses[:made], records.counts)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
