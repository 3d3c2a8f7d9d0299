"""The runs of a race: where they are and were, what they are changed to, and those that are forked off."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from sim.descent.course import Course
from sim.descent.racer import MakeStepper, Racer, at_once
from sim.descent.rows import rows_of
from sim.descent.state import RunState
from sim.experiment.config import RunConfig, runs_after
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.journal import Change, Fork, Removal, RunChange
from sim.experiment.resolved import Lineage, Resolved, Run, resolve_run
from sim.measures.measure import Gradients, Passes
from sim.protocol.answers import Members
from sim.protocol.trace import ENSEMBLE_ROW, ROW, Rows
from sim.views.snapshots import Snapshots


class Runs:
    """The runs of one experiment, forks among them, by their indices.

    Attributes:
        row: the type of their rows in the trace.
    """

    def __init__(
        self, experiment: Resolved, make: MakeStepper, passes: Passes, memory: float, *, keep_all: bool
    ) -> None:
        """Have every run at its start; see `Race`, and `memory` in bytes for what all of them keep."""
        self._experiment, self._memory, self._keeps_all = experiment, memory, keep_all
        self.row = ENSEMBLE_ROW if experiment.seeds > 1 else ROW
        each = memory / len(experiment.runs)
        self._racers = [
            Racer.at_start(Course(run, index, experiment), asked, make, passes, each, keep_all=keep_all)
            for index, (run, asked) in enumerate(zip(experiment.runs, experiment.asked, strict=True))
        ]

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        """Where each run comes from, and its settings over time."""
        return tuple(racer.lineage for racer in self._racers)

    @property
    def heads(self) -> list[Tensor]:
        """Where the runs are: parameters of shape (P,)."""
        return [racer.state.vector for racer in self._racers]

    @property
    def members(self) -> tuple[Members, ...]:
        """Where the members of each run are; none where each is made from one seed."""
        ensembles = [racer.state.ensemble for racer in self._racers]
        return tuple(Members(one.points, one.statuses) for one in ensembles if one is not None)

    @property
    def updates(self) -> list[int]:
        """How many updates each run has made."""
        return [racer.state.update for racer in self._racers]

    @property
    def snapshots(self) -> list[Snapshots]:
        """Where the runs have been, as far as is kept."""
        return [racer.snapshots.now for racer in self._racers]

    def forget_snapshots(self) -> None:
        """Forget all snapshots, once they were sent."""
        for racer in self._racers:
            racer.snapshots.forget()

    @property
    def finished(self) -> bool:
        """Whether no run has anything left to do."""
        return all(racer.left <= 0 for racer in self._racers)

    def run_state(self, run: int, update: int | None = None) -> RunState | None:
        """A run's state after an update (None: the newest); None where it never was there."""
        racer = self._racers[run]
        return racer.state if update is None else at_once(racer.past(update))

    def past(self, run: int, update: int) -> Iterator[RunState | None]:
        """The same in pieces, as `Racer.past` has it."""
        return self._racers[run].past(update)

    def again(self, run: int, first: int, last: int) -> Iterator[tuple[Rows, Tensor] | None]:
        """Make some updates of a run again, in pieces, as `Racer.again` has it.

        Yields their rows, in which what depends on when they were made is 0, and the parameters after them, (n, P).
        """
        racer = self._racers[run]
        for block in racer.again(first, last):
            if block is None:
                yield None
            else:
                course = racer.leg_after(block.first - 1).course
                yield rows_of(block, course, self.row, np.arange(len(block))), block.snapshots

    def batch(self, run: int, update: int) -> Tensor:
        """The examples that an update of a run uses, in order: int64."""
        return self._racers[run].leg_after(update - 1).course.sampler.batch(update)

    def settings(self, run: int, update: int) -> Run:
        """A run's settings for the update after so many."""
        return self._racers[run].leg_after(update).course.run

    def gradients(self, run: int, state: RunState) -> Gradients:
        """The gradient that the update after a run's state uses, and the one over all examples there."""
        return self._racers[run].gradients(state)

    def warm_up(self, run: int) -> None:
        """Make an update of a run, and drop it."""
        self._racers[run].warm_up()

    # -- changes ------------------------------------------------------------------------------------------------------

    def change_run(self, change: RunChange) -> None:
        """Have a run go on with other settings.

        Raises:
            ConfigError: for what no run can be; nothing has changed then.
        """
        self._check(change)
        racer = self.named(change.run)
        asked = replace(racer.legs[-1].asked, **change.settings)
        racer.change(self._resolved(asked), asked)

    def fork(self, change: Fork) -> None:
        """Have one run more, which has its past in common with another one.

        Raises:
            ConfigError: for what no run can be; nothing has changed then.
        """
        self._check(change)
        parent, index = self.named(change.run), len(self._racers)
        update = min(change.update, parent.state.update)
        asked = replace(parent.leg_after(update).asked, **change.settings)
        forked = parent.fork(index, update, self._resolved(asked), asked, change.moment)
        if forked is None:
            raise ConfigError(f"{change.run} cannot be brought back to update {change.update}.")
        self._racers.append(forked)
        for racer in self._racers:
            racer.limit(self._memory / len(self._racers), keep_all=self._keeps_all)

    def _resolved(self, asked: RunConfig) -> Run:
        return resolve_run(asked, self._experiment.facts, self._experiment.backend)

    def remove(self, change: Removal) -> None:
        """Have a run go on no more.

        Raises:
            ConfigError: for the last one; nothing has changed then.
        """
        self._check(change)
        self.named(change.run).removed = True

    def _check(self, change: Change) -> None:
        """Raise a ConfigError for a change that cannot be made."""
        removed = frozenset(racer.name for racer in self._racers if racer.removed)
        runs_after(tuple(racer.legs[-1].asked for racer in self._there), [change], removed)

    @property
    def _there(self) -> list[Racer]:
        """Those that were not removed."""
        return [racer for racer in self._racers if not racer.removed]

    def named(self, name: str) -> Racer:
        """The run of a name.

        Raises:
            ConfigError: if there is none.
        """
        there = {racer.name: racer for racer in self._there}
        if name not in there:
            raise ConfigError(f"There is no run {name!r}; {suggest(name, there)}")
        return there[name]

    def restore_runs(
        self,
        states: Sequence[RunState],
        snapshots: Sequence[Snapshots],
        lineages: Sequence[Lineage],
        changes: Sequence[Change],
    ) -> None:
        """Have the runs where they were after some changes; forks that came later are dropped."""
        del self._racers[len(states) :]
        for index, (state, kept, lineage) in enumerate(zip(states, snapshots, lineages, strict=True)):
            if index == len(self._racers):
                self._racers.append(copy.copy(self._racers[lineage.parent or 0]))
            self._racers[index].restore(state, lineage, index, kept)
        removed = {change.run for change in changes if isinstance(change, Removal)}
        for racer in self._racers:
            racer.removed = racer.name in removed

    def remember(self, states: Sequence[Sequence[RunState]]) -> None:
        """Know of each run some states more that it has been in, in their order: its past is sooner made again."""
        for racer, known in zip(self._racers, states, strict=True):
            for state in known:
                racer.states.take(state)
