"""One run of a race: its settings over time, the states that it has been in, and any of them made again."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from sim.descent.course import NEVER, Course
from sim.descent.retention import REPLAYED, KeptSnapshots, KeptStates
from sim.descent.state import RunState, with_settings
from sim.descent.stepper import Block, Stepper, joined
from sim.experiment.config import RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.resolved import Lineage, Run, Stage
from sim.measures.measure import Gradients, Passes
from sim.protocol.trace import Status
from sim.views.plane import on_plane_terms
from sim.views.snapshots import Snapshots

MakeStepper = Callable[[Course], Stepper]

_AT_ONCE = 200_000  # updates that are made again at once, whose columns take some megabytes


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A stretch of a run with the same settings.

    Attributes:
        begin: the update after which it begins.
        course: with its settings.
        asked: what these were resolved from.
        before: the settings up to there; None: it is the first.
    """

    begin: int
    course: Course
    asked: RunConfig
    before: Run | None = None

    def entered(self, state: RunState) -> RunState:
        """A state from which its updates go on: with its own settings, where it begins there."""
        if self.before is None or state.update != self.begin:
            return state
        same = self.course.sampler.origin.update < self.begin
        orders = state.orders if same else tuple(sampler.state(self.begin) for sampler in self.course.samplers)
        return with_settings(state, self.before, self.course.run, orders)

    @property
    def stage(self) -> Stage:
        """The same for those who look at it."""
        return Stage(self.begin, self.course.run, self.asked)


class Racer:
    """One run of a race.

    Attributes:
        legs: the stretches of it, in their order, each with other settings.
        state: where it is.
        reached: the same before what was changed there.
        states: some that it has been in.
        snapshots: what is kept of its way.
        removed: whether it goes on no more, however much there is left to do.
    """

    removed = False

    def __init__(
        self,
        legs: tuple[Leg, ...],
        make: MakeStepper,
        stepper: Stepper,
        state: RunState,
        states: KeptStates,
        snapshots: KeptSnapshots,
    ) -> None:
        self.legs, self._make = legs, make
        self.reached = self.previous = state
        self._looked_at: RunState | None = None  # the last one that was made again: the next one is often near it
        self.state = legs[-1].entered(state)
        self.states, self.snapshots = states, snapshots
        self._stepper = stepper
        self._scratch: Stepper | None = None
        self._scratched: tuple[Leg, bool] | None = None
        self._branch: tuple[int, int, int] | None = None

    @classmethod
    def at_start(
        cls, course: Course, asked: RunConfig, make: MakeStepper, passes: Passes, memory: float, *, keep_all: bool
    ) -> "Racer":
        """A run before its first update; `memory` is in bytes, the rest as `Race` has it."""
        stepper = make(course)
        state = stepper.start(passes)
        states = KeptStates(memory / 2)
        states.take(state)
        snapshots = KeptSnapshots(state.vector.numel(), memory / 2 if keep_all else math.inf)
        snapshots.take(np.zeros(1, np.int64), on_plane_terms(state.vector)[None])
        return cls((Leg(0, course, asked),), make, stepper, state, states, snapshots)

    def limit(self, memory: float, *, keep_all: bool) -> None:
        """Keep within so many bytes from here on."""
        self.states.limit(memory / 2)
        self.snapshots.limit(memory / 2 if keep_all else math.inf)

    @property
    def course(self) -> Course:
        """What it is to do from here on."""
        return self.legs[-1].course

    @property
    def name(self) -> str:
        """Its name, which never changes."""
        return self.course.run.name

    @property
    def left(self) -> float:
        """How many updates there are still to make."""
        return 0 if self.removed else self.course.left(self.state)

    @property
    def lineage(self) -> Lineage:
        """Where it comes from, and its settings over time."""
        stages = tuple(leg.stage for leg in self.legs)
        return Lineage(stages, *self._branch) if self._branch else Lineage(stages)

    def warm_up(self) -> None:
        """Make an update and drop it."""
        self._scratch_on(self.legs[-1]).advance(self.state, 1)

    def advance(self, updates: int, until: float) -> Block:
        """Make updates, in pieces between which a state may be kept."""
        blocks, made = list[Block](), 0
        while not blocks or (made < updates and len(blocks[-1]) and self.left > 0 and self.state.seconds < until):
            before = self.state
            piece = min(until, before.seconds + REPLAYED)
            self.state, block = self._stepper.advance(before, updates - made, piece, self.snapshots.now.stride)
            self.reached = self.state
            blocks.append(block)
            made += len(block)
            if len(block):
                self.previous = before
                self.states.take(self.state)
        return joined(blocks)

    def gradients(self, state: RunState) -> Gradients:
        """The gradient that the update after a state of it uses, and the one over all examples there."""
        return self._scratch_on(self.leg_after(state.update)).gradients(state)

    # -- the past -----------------------------------------------------------------------------------------------------

    def leg_after(self, update: int) -> Leg:
        """The one that makes the update after some update."""
        return next(leg for leg in reversed(self.legs) if leg.begin <= update)

    def past(self, update: int) -> Iterator[RunState | None]:
        """Make the state after an update again, from the nearest one kept.

        Yields None after every tenth of a second of updates and then the state, if the run ever was there.
        """
        for state in self._made_again(update):
            yield None if state is None else self.leg_after(update).entered(state)

    def again(self, first: int, last: int) -> Iterator[Block | None]:
        """Make some updates again, as far as it ever made them: after pieces on the way None, and then blocks."""
        state: RunState | None = None
        for state in self._made_again(first - 1):  # noqa: B007
            yield None
        while state is not None and state.update < min(last, self.reached.update):
            state, block = self._piece(state, last, keep_every=1)
            if not len(block):
                return
            yield block

    def _made_again(self, update: int) -> Iterator[RunState | None]:
        """The same before what was changed there."""
        known = [self.reached, self.previous, self._looked_at, self.states.before(update)]
        state = max((one for one in known if one and one.update <= update), key=lambda one: one.update, default=None)
        while state is not None and state.update < min(update, self.reached.update):
            made, block = self._piece(state, update, keep_every=NEVER)
            if not len(block):
                return
            state = made
            yield None
        if state is not None and state.update == update:
            self._looked_at = state
            yield state

    def _piece(self, state: RunState, update: int, keep_every: int) -> tuple[RunState, Block]:
        """Go on from a state it was in, towards an update, for a tenth of a second; evaluated if they are kept."""
        leg = self.leg_after(state.update)
        ends = min((other.begin for other in self.legs if other.begin > state.update), default=update)
        count, until = min(update, ends) - state.update, state.seconds + REPLAYED
        stepper = self._scratch_on(leg, evaluated=keep_every < NEVER)
        return stepper.advance(leg.entered(state), min(count, _AT_ONCE), until, keep_every=keep_every)

    def _scratch_on(self, leg: Leg, *, evaluated: bool = False) -> Stepper:
        """A second stepper, to look closer with: what a module of the user's own remembers stays undisturbed."""
        if self._scratch is None or (leg, evaluated) != self._scratched:
            course = leg.course.unlimited if evaluated else leg.course.unlimited.unevaluated
            if self._scratch is None:
                self._scratch = self._make(course)
            else:
                self._scratch.follow(course)
            self._scratched = leg, evaluated
        return self._scratch

    # -- changes ------------------------------------------------------------------------------------------------------

    def change(self, run: Run, asked: RunConfig) -> None:
        """Go on with other settings."""
        update = self.reached.update
        legs = _changed(self.legs, update, self.course.index, run, asked)
        idle = legs[-1].before == run and not (self._branch and self._branch[1] == update)
        self.legs = legs[:-1] if idle else legs
        self._stepper.follow(self.course)
        self.state = self.legs[-1].entered(self.reached)

    def fork(self, index: int, update: int, run: Run, asked: RunConfig, moment: int) -> "Racer | None":
        """A run like this one up to an update, which goes on with settings of its own; None where it never was there.

        A run that diverged is forked before it did; one that failed, where it stands.
        """
        state = at_once(self._made_again(update))
        if state is not None and state.status is Status.DIVERGED:
            state = at_once(self._made_again(update - 1))
        if state is None:
            return None
        state = self._as_spent(state)
        if state.status is Status.FAILED:
            state = replace(state, status=Status.RUNNING)
        legs = _changed(self.legs, state.update, index, run, asked)
        stepper = self._make(legs[-1].course)
        states, snapshots = self.states.fork(state), self.snapshots.fork(state.update)
        forked = Racer(legs, self._make, stepper, state, states, snapshots)
        forked._branch = self.course.index, state.update, moment
        return forked

    def restore(self, state: RunState, lineage: Lineage, index: int, snapshots: Snapshots) -> None:
        """Go on from a state that was reached, as if nothing had happened since."""
        self.states, self.snapshots = copy.copy(self.states), copy.copy(self.snapshots)
        if apart := set(self.lineage.stages) ^ set(lineage.stages):
            self.states.forget_after(min(stage.update for stage in apart))
        first, *changes = lineage.stages
        self.legs = _changed(self.legs, 0, index, first.run, first.asked)
        for update, run, asked in changes:
            self.legs = _changed(self.legs, update, index, run, asked)
        self._branch = None if lineage.parent is None else (lineage.parent, lineage.update, lineage.moment)
        self._stepper, self._scratch = self._make(self.course), None
        self.reached = self.previous = state
        self._looked_at = None
        self.state = self.legs[-1].entered(state)
        self.snapshots.now = snapshots
        self.states.forget_after(state.update)

    def make_again(self, update: int, seconds: float, *, keep_all: bool) -> None:
        """Go on to an update, by which it is known to have spent so many seconds; `keep_all` as `Race` has it.

        Raises:
            ConfigError: if it does not come that far now.
        """
        self._stepper.follow(self.course.unlimited)
        state = self.state
        while state.update < update:
            stride = self.snapshots.now.stride if keep_all else NEVER
            state, block = self._stepper.advance(state, min(update - state.update, _AT_ONCE), keep_every=stride)
            if not len(block):
                why = f": {block.trouble.sentence}" if block.trouble else "."
                raise ConfigError(f"Update {update} of {self.course.run.name} cannot be made again{why}")
            self.snapshots.take(block.kept, block.snapshots)
            self.states.take(state)
        self._stepper.follow(self.course)
        if state is not self.state:
            self.reached = self.state = self.previous = replace(state, seconds=seconds)

    def _as_spent(self, state: RunState) -> RunState:
        """The state with the time that this run had spent by then, as far as is known; making it again took another."""
        behind, ahead = self.states.before(state.update), self.states.after(state.update) or self.state
        if behind is None or ahead.update <= behind.update:
            return state
        share = (state.update - behind.update) / (ahead.update - behind.update)
        return replace(state, seconds=behind.seconds + share * (ahead.seconds - behind.seconds))


def _changed(legs: tuple[Leg, ...], update: int, index: int, run: Run, asked: RunConfig) -> tuple[Leg, ...]:
    """The legs of a run that goes on with other settings after an update; what was changed there before is dropped."""
    earlier = tuple(leg for leg in legs if leg.begin < update)
    base = earlier[-1] if earlier else legs[0]
    course = base.course.of(index).changed(run, update)
    return (*earlier, Leg(update, course, asked, base.course.run if earlier else None))


def at_once(pieces: Iterator[RunState | None]) -> RunState | None:
    """What comes of work in pieces in the end."""
    *_, last = None, *pieces
    return last
