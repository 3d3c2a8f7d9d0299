"""One run of a race: its settings over time, the states that it has been in, and any of them made again."""

import copy
import math
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from sim.descent.course import Course
from sim.descent.retention import REPLAYED, KeptSnapshots, KeptStates
from sim.descent.state import RunState, with_settings
from sim.descent.stepper import Block, Stepper, joined
from sim.experiment.resolved import Lineage, Run, Stage
from sim.measures.measure import Passes
from sim.views.planes import on_plane_terms
from sim.views.snapshots import Snapshots

MakeStepper = Callable[[Course], Stepper]

_NEVER = 2**62


class Leg:
    """A stretch of a run with the same settings.

    Attributes:
        begin: the update after which it begins.
        course: with its settings.
        stepper: makes its updates.
    """

    def __init__(self, begin: int, course: Course, make: MakeStepper, before: Run | None = None) -> None:
        """A leg, and the settings of the one before; None: it is the first."""
        self.begin, self.course, self.stepper = begin, course, make(course)
        self._make, self._before = make, before
        self._scratch: Stepper | None = None

    @property
    def scratch(self) -> Stepper:
        """A second stepper, to look closer with: what a module of the user's own remembers stays undisturbed."""
        if self._scratch is None:
            self._scratch = self._make(self.course.unending)
        return self._scratch

    def entered(self, state: RunState) -> RunState:
        """A state from which its updates go on: with its own settings, where it begins there."""
        if self._before is None or state.update != self.begin:
            return state
        same = self.course.sampler.origin.update < self.begin
        order = state.order if same else self.course.sampler.state(self.begin)
        return with_settings(state, self._before, self.course.run, order)


class Racer:
    """One run of a race.

    Attributes:
        legs: the stretches of it, in their order, each with other settings.
        state: where it is.
        states: some that it has been in.
        snapshots: what is kept of its way.
    """

    def __init__(self, legs: tuple[Leg, ...], state: RunState, states: KeptStates, snapshots: KeptSnapshots) -> None:
        self.legs = legs
        self.state = self.previous = state
        self.states, self.snapshots = states, snapshots
        self._branch: tuple[int, int, int] | None = None

    @classmethod
    def at_start(cls, course: Course, make: MakeStepper, passes: Passes, memory: float, *, keep_all: bool) -> "Racer":
        """A run before its first update; `memory` is in bytes, the rest as `Race` has it."""
        leg = Leg(0, course, make)
        state = leg.stepper.start(passes)
        states = KeptStates(memory / 2)
        states.take(state)
        snapshots = KeptSnapshots(state.vector.numel(), memory / 2 if keep_all else math.inf)
        snapshots.take(np.zeros(1, np.int64), on_plane_terms(state.vector)[None])
        return cls((leg,), state, states, snapshots)

    @property
    def course(self) -> Course:
        """What it is to do from here on."""
        return self.legs[-1].course

    @property
    def left(self) -> float:
        """How many updates there are still to make."""
        return self.course.left(self.state)

    @property
    def lineage(self) -> Lineage:
        """Where it comes from, and its settings over time."""
        stages = tuple(Stage(leg.begin, leg.course.run) for leg in self.legs)
        return Lineage(stages, *self._branch) if self._branch else Lineage(stages)

    def warm_up(self) -> None:
        """Make an update and drop it."""
        self.legs[-1].scratch.advance(self.state, 1)

    def advance(self, updates: int, until: float) -> Block:
        """Make updates, in pieces between which a state may be kept."""
        stepper, blocks, made = self.legs[-1].stepper, list[Block](), 0
        while not blocks or (made < updates and len(blocks[-1]) and self.left > 0 and self.state.seconds < until):
            before = self.state
            piece = min(until, before.seconds + REPLAYED)
            self.state, block = stepper.advance(before, updates - made, piece, self.snapshots.now.stride)
            blocks.append(block)
            made += len(block)
            if len(block):
                self.previous = before
                self.states.take(self.state)
        return joined(blocks)

    # -- the past -----------------------------------------------------------------------------------------------------

    def leg_after(self, update: int) -> Leg:
        """The one that makes the update after some update."""
        return next(leg for leg in reversed(self.legs) if leg.begin <= update)

    def past(self, update: int) -> Generator[None, None, RunState | None]:
        """Make the state after an update again, from the nearest one kept; it is returned at the end.

        It yields after every tenth of a second of updates; None where the run never was there.
        """
        if update == self.state.update:
            return self.state
        known = [self.previous, self.states.before(update)]
        behind = max((one for one in known if one and one.update <= update), key=lambda one: one.update, default=None)
        if behind is None or update > self.state.update:
            return None
        state = self.leg_after(behind.update).entered(behind)
        while state.update < update:
            leg = self.leg_after(state.update)
            ends = min((other.begin for other in self.legs if other.begin > state.update), default=update)
            count, until = min(update, ends) - state.update, state.seconds + REPLAYED
            made, _ = leg.scratch.advance(state, count, until, keep_every=_NEVER)
            if made.update == state.update:
                return None
            state = self.leg_after(made.update).entered(made)
            yield
        return state

    def state_after(self, update: int) -> RunState | None:
        """The same at once."""
        made = self.past(update)
        while True:
            try:
                next(made)
            except StopIteration as end:
                state: RunState | None = end.value
                return state

    # -- changes ------------------------------------------------------------------------------------------------------

    def change(self, run: Run, make: MakeStepper) -> None:
        """Go on with other settings."""
        update, before = self.state.update, self.course
        self.legs = (*self.legs, Leg(update, before.changed(run, update), make, before.run))
        self.state = self.legs[-1].entered(self.state)

    def fork(self, index: int, update: int, run: Run, make: MakeStepper, moment: int) -> "Racer | None":
        """A run like this one up to an update, which goes on with settings of its own; None where it never was there.

        A run that has stopped is forked before it did.
        """
        state = self.state_after(update)
        if state is not None and state.status.stopped:
            state = self.state_after(max(0, update - 1))
        if state is None:
            return None
        state = self._as_spent(state)
        legs = tuple(leg for leg in self.legs if leg.begin <= state.update)
        forked = Racer(legs, state, self.states.fork(state), self.snapshots.fork(state.update))
        forked._branch = self.course.index, state.update, moment
        before = legs[-1].course
        forked.legs = (*legs, Leg(state.update, before.of(index).changed(run, state.update), make, before.run))
        forked.state = forked.previous = forked.legs[-1].entered(state)
        return forked

    def restore(self, state: RunState, lineage: Lineage, index: int, snapshots: Snapshots, make: MakeStepper) -> None:
        """Go on from a state, as if nothing had happened since."""
        self.states, self.snapshots = copy.copy(self.states), copy.copy(self.snapshots)
        if apart := set(self.lineage.stages) ^ set(lineage.stages):
            self.states.forget_after(min(stage.update for stage in apart))
            self.legs = _legs_of(lineage, self.legs[0].course.of(index), make)
        self._branch = None if lineage.parent is None else (lineage.parent, lineage.update, lineage.moment)
        self.state = self.previous = state
        self.snapshots.now = snapshots
        self.states.forget_after(state.update)

    def _as_spent(self, state: RunState) -> RunState:
        """The state with the time that this run had spent by then, as far as is known; making it again took another."""
        behind, ahead = self.states.before(state.update), self.states.after(state.update) or self.state
        if behind is None or ahead.update <= behind.update:
            return state
        share = (state.update - behind.update) / (ahead.update - behind.update)
        return replace(state, seconds=behind.seconds + share * (ahead.seconds - behind.seconds))


def _legs_of(lineage: Lineage, course: Course, make: MakeStepper) -> tuple[Leg, ...]:
    """The legs of a run, which begins with a course of its own."""
    legs = [Leg(0, course, make)]
    for update, run in lineage.stages[1:]:
        before = legs[-1].course
        legs.append(Leg(update, before.changed(run, update), make, before.run))
    return tuple(legs)
