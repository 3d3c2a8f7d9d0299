"""An experiment under way in the engine: how it goes on, and what is changed of it."""

import time
from dataclasses import dataclass, field

from sim.descent.checkpoints import Checkpoints
from sim.descent.race import Race
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Change
from sim.experiment.resolved import Resolved
from sim.jobs import Jobs
from sim.models.failures import failed
from sim.models.problem import Problem
from sim.models.sources import TensorSource
from sim.protocol.answers import Advanced, Changed, PlaneNews, Refused, Worked
from sim.protocol.commands import Advance, SetPlane, Survey, Work
from sim.slow_work import SlowWork
from sim.views.trails import REFIT_AFTER, REFIT_AT_LAST, Trails

_LIGHT = 0.01  # seconds: a longer update does not gain by being woken up for
_REST = 0.005  # seconds


@dataclass(slots=True)
class UnderWay:
    """An experiment under way.

    Attributes:
        experiment: with nothing left open.
        problem: what is minimised.
        race, trails: the runs, and the plane that they are seen on.
        checkpoints: takes those that are due.
        jobs: the slow work that was begun.
        light: the run to wake up with, if its updates are short ones, of tensors (a data set of the user's own may
            draw random numbers); None before the first warm-up.
        rested: since when there is nothing to do.
    """

    experiment: Resolved
    problem: Problem
    race: Race
    trails: Trails
    checkpoints: Checkpoints
    jobs: Jobs = field(default_factory=lambda: Jobs(failed))
    light: list[int] | None = None
    rested: float = 0.0

    def news(self) -> PlaneNews:
        """What is new on the plane."""
        refit_after = REFIT_AT_LAST if self.jobs.awaits(Survey) else REFIT_AFTER
        news = self.trails.news(self.race.snapshots, self.race.heads, self.race.updates, refit_after=refit_after)
        if not self.trails.fitted:
            self.race.forget_snapshots()
        return news

    def set_plane(self, command: SetPlane) -> PlaneNews:
        """See the parameters on another plane."""
        self.jobs.clear()
        race, trails = self.race, self.trails
        return trails.set_kind(command.kind, race.snapshots, race.heads, race.updates, afresh=command.afresh)

    def advance(self, command: Advance) -> Advanced:
        """Go on with the race."""
        self._warm_up()
        progress = self.race.advance(command.moments, command.span, command.budget)
        self.rested = time.perf_counter()
        race, rows, due = self.race, progress.rows, self.checkpoints.due()
        return Advanced(
            *(rows, progress.covered, race.finished, self.news(), race.lineages, progress.troubles),
            members=race.members,
            checkpoint=due,
        )

    def change(self, change: Change) -> Changed | Refused:
        """Change something from here on."""
        try:
            self.race.change(change)
        except ConfigError as error:
            return Refused(str(error))
        return Changed(self.race.journal, self.race.lineages, self.checkpoints.due())

    def work(self, command: Work) -> Worked:
        """Go on with jobs."""
        slow_work = SlowWork(self.problem, self.race, self.trails)
        results, pending = self.jobs.work(command.jobs, command.budget, slow_work.begin)
        self.rested = time.perf_counter()
        return Worked(tuple(results), tuple(pending))

    def _warm_up(self) -> None:
        """Make discarded updates, so that the costs of a first time, and of waking up, are in nobody's seconds.

        A processor that rested makes its next small update several times as slowly: the first run in the list would
        seem slow.
        """
        if self.light is None:
            runs = self.experiment.runs
            for run in range(len(runs)):
                self.race.warm_up(run)
            lightest = min(range(len(runs)), key=lambda run: runs[run].batch_size)
            began = time.perf_counter()
            self.race.warm_up(lightest)
            light = time.perf_counter() - began < _LIGHT and isinstance(self.problem.source, TensorSource)
            self.light = [lightest] if light else []
        elif time.perf_counter() - self.rested > _REST:
            for run in self.light:
                self.race.warm_up(run)
