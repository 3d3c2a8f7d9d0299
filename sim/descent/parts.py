"""What the steppers of models have in common that make many updates at once, none evaluated but the last."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.descent.course import Course
from sim.descent.pace import Pace
from sim.descent.rates import Floats
from sim.descent.state import RunState
from sim.descent.stepper import Block, joined
from sim.descent.torch_stepper import CONVERGENCE_CHECK_EVERY, GRADIENT_TOLERANCE
from sim.descent.training import Training
from sim.measures import measures
from sim.measures.measure import Gradients, Passes, Step
from sim.models.device import use_threads_for
from sim.models.evaluation import full_gradient, passes
from sim.models.problem import Problem
from sim.protocol.answers import Trouble
from sim.protocol.trace import Status

_MOST_KEPT = 2**22  # numbers of the parameters that are kept with one part
_KNOWN = {"batch_loss", "grad_norm", "lr"}  # of each update of a part; for others updates are made one by one


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What n updates did that were made at once.

    Attributes:
        losses, norms, rates: the batch loss, the norm of the gradient and the learning rate of each, shape (n,).
        spent: the seconds that all of them took.
        kept: the parameters that were to be kept, on the CPU, shape (K, P).
        gradient: of the last one, shape (P,).
        diverged: whether the last one did.
        trouble: why no more could be made.
    """

    losses: Floats
    norms: Floats
    rates: Floats
    spent: float
    kept: Tensor
    gradient: Tensor
    diverged: bool = False
    trouble: Trouble | None = None

    def __len__(self) -> int:
        return len(self.losses)


class InParts(ABC):
    """A `Stepper` of a model whose updates are timed many at a time: each is said to take as long as the others.

    So the last of them may begin a little after the time is up. Whoever makes the parts leaves the module of `training`
    at the parameters after the last update of each.
    """

    def __init__(self, problem: Problem, course: Course) -> None:
        self.problem = problem
        self.timer: Callable[[], float] = time.perf_counter
        self.training = Training(problem, course)
        self._others = [one for one in measures("step") if one.name not in _KNOWN]
        self.follow(course)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self.course, self._pace = course, Pace()
        self.training.follow(course)

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        return self.training.start(passes)

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        return self.training.gradients(state)

    @abstractmethod
    def most(self, wanted: int) -> int:
        """How many updates to make at once, of so many."""

    @abstractmethod
    def make(self, state: RunState, count: int, keep_every: int) -> Part:
        """Make so many updates, or fewer where the run diverges or cannot go on."""

    @abstractmethod
    def state_after(self, state: RunState, made: int, seconds: float, status: Status) -> RunState:
        """The state after the updates that were made last, from a state on."""

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        use_threads_for(self.course.run.batch_size * state.vector.numel())
        until = min(until, self.course.last_second)
        left = int(min(updates, self.course.left(state))) if state.seconds < until else 0
        blocks = list[Block]()
        while not blocks or (left > 0 and state.seconds < until and not state.status.stopped):
            most = self._most(state.update, left, keep_every)
            size = min(most, self._pace.within(until - state.seconds, most))
            state, block = self._advance(state, size, keep_every)
            left -= len(block)
            blocks.append(block)
        return state, joined(blocks)

    def _most(self, update: int, wanted: int, keep_every: int) -> int:
        """How many updates to make at once, of so many after an update: none is evaluated but the last."""
        every = 1 if self._others else self.course.run.loss_every
        keepable = max(1, _MOST_KEPT // self.training.model.layout.length) * keep_every
        return min(self.most(wanted), every - update % every, keepable)

    def _advance(self, state: RunState, count: int, keep_every: int) -> tuple[RunState, Block]:
        """Make so many updates at once: the state after them, and what they did."""
        part = self.make(state, count, keep_every)
        made = len(part)
        if made:
            self._pace.take(made, part.spent)
        seconds = self._pace.after(state.seconds, made)
        statuses, found = self._assess(state, part, seconds)
        block = Block(
            first=state.update + 1,
            status=statuses,
            seconds=seconds,
            measures=self._measures(part, found),
            keep_every=keep_every,
            snapshots=part.kept,
            trouble=part.trouble,
        )
        if not made and part.trouble is None:
            return state, block
        status = Status.FAILED if part.trouble is not None else Status(statuses[-1])
        return self.state_after(state, made, float(seconds[-1]) if made else state.seconds, status), block

    # -- what they came to --------------------------------------------------------------------------------------------

    def _assess(self, state: RunState, part: Part, seconds: Floats) -> tuple[NDArray[np.uint8], Passes | None]:
        """The status after each update, and the passes over all examples after the last, if they are due."""
        run, update, statuses = self.course.run, state.update + len(part), np.zeros(len(part), np.uint8)
        if not len(part):
            return statuses, None
        if run.full_batch:
            statuses[part.norms < GRADIENT_TOLERANCE] = Status.CONVERGED
        else:
            known = len(part) == 1 and state.status is Status.CONVERGED
            if update % (run.loss_every * (1 if known else CONVERGENCE_CHECK_EVERY)) == 0 and self._is_at_rest():
                statuses[-1] = Status.CONVERGED
        if part.diverged:
            statuses[-1] = Status.DIVERGED
        due = part.trouble is None and (part.diverged or self.course.evaluates(update, float(seconds[-1])))
        return statuses, passes(self.problem, self.training.model.module) if due else None

    def _is_at_rest(self) -> bool:
        """Whether there is next to no gradient over all examples."""
        full = full_gradient(self.problem, self.training.model.module)
        return bool(torch.linalg.vector_norm(full) < GRADIENT_TOLERANCE)

    def _measures(self, part: Part, found: Passes | None) -> dict[str, Floats]:
        """The columns of the recorded measures, shape (n,) each."""
        known = {"batch_loss": part.losses, "grad_norm": part.norms, "lr": part.rates}
        columns = {one.name: known.get(one.name, np.full(len(part), math.nan)) for one in measures("step", "pass")}
        for one in measures("pass") if found is not None else ():
            columns[one.name][-1] = one.of(found)
        if self._others and len(part):
            point = self.training.model.vector.detach()
            step = Step(float(part.losses[0]), part.gradient, float(part.rates[0]), point)
            for one in self._others:
                columns[one.name][-1] = one.of(step)
        return columns
