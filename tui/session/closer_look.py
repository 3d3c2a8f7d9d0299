"""What is looked at closely: the landscape, single updates, answers. Slow work, which gives way to training."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.experiment.resolved import Run
from sim.protocol.answers import Failed, Worked
from sim.protocol.commands import Imagine, Inspect, Job, Predict, Remake, Survey, Work
from sim.protocol.results import Imagined, Inspected, Predicted, Remade, Surveyed, UpdateReport
from tui.session.angles import Angles
from tui.session.gaps import Gap

if TYPE_CHECKING:
    from tui.session.session import Session

_FIRST_BUDGET = 0.1  # seconds of computing as long as there is no landscape to be seen
_BUDGET = 0.015  # for a piece, between updates
_UNHURRIED = 4.0  # seconds between pieces while it plays as fast as possible
_INSPECTED_EVERY = 0.25  # seconds, while it plays at a human pace
_PATIENCE = 0.1  # seconds between two looks whether it still plays
_SHOWN_EXAMPLES = 24
_DEAR_PASS = 0.05  # seconds

_MISSING: dict[type[Job], str] = {
    Survey: "No landscape",
    Predict: "No answers",
    Inspect: "No look at updates",
    Imagine: "No possible steps",
    Remake: "No moments between those that were kept",
}


class CloserLook:
    """What the engine found out beside the trace, and what is still wanted of it.

    Attributes:
        wanted: the landscape that is missing, or not complete; None if it stands.
        blank: whether there is no landscape at all to be seen.
        answers_wanted: whether answers are to be seen.
        landscape: the last one that came in, complete or not.
        reports: what the updates at the cursor did, for each run, as far as was found.
        angles: of all updates that were looked at.
        predictions: what the runs say of some examples, and after which updates.
        selected: the run whose possible steps are looked at.
        steps_wanted: whether they are to be seen.
        imagined: the last ones that came in.
    """

    def __init__(self, session: "Session", came_in: Callable[[], None]) -> None:
        self._session, self._came_in = session, came_in
        self.wanted: Survey | None = None
        self.blank = True
        self.answers_wanted = self.steps_wanted = False
        self.selected = 0
        self._working = False
        self.begin()

    def begin(self, landscape: Surveyed | None = None) -> None:
        """An experiment begins: forget what was found, but for a landscape that is the same."""
        self.landscape = landscape
        self.reports: tuple[UpdateReport | None, ...] = ()
        self.angles = Angles()
        self.predictions: tuple[tuple[int, ...], Predicted | None] = (), None
        self.imagined: Imagined | None = None
        self._imagined_as: tuple[int, int, Run] | None = None  # which run, which update, made with what
        self._imagined_at = 0.0
        self._reported: tuple[int, ...] = ()
        self._inspected_at = 0.0
        self._refused = set[type[Job]]()
        self._gap: Gap | None = None
        self._closed = False

    def forget_reports(self) -> None:
        """The plane is another one, and so are the slopes along it."""
        self.reports, self._reported, self.imagined = (), (), None

    def ask_again(self) -> None:
        """What could not be done may be possible by now."""
        self._refused.clear()

    def look_again(self) -> None:
        """There may be more to be found of what was looked at; until then it stays."""
        self._reported, self._imagined_as = (), None

    @property
    def possible(self) -> Imagined | None:
        """The selected run's possible steps; None where they are not known, or would be ever older as it plays."""
        stale = self._session.player.playing and self._dear
        return self.imagined if self.imagined and self.imagined.run == self.selected and not stale else None

    @property
    def steps_refused(self) -> bool:
        """Whether possible steps could not be found out."""
        return Imagine in self._refused

    def rest(self) -> None:
        """Nobody is looking: want nothing."""
        self.wanted, self.answers_wanted, self.steps_wanted = None, False, False

    def go_on(self) -> None:
        """See to it that what is wanted is being worked on."""
        if not self._working and self._jobs():
            self._working = True
            self._session.spawn(self._work())

    # -- what is wanted -----------------------------------------------------------------------------------------------

    def _jobs(self) -> tuple[Job, ...]:
        """In their order: what is short first; but a landscape alone where it is blank, then what was left out."""
        if self.blank and self.wanted is not None and Survey not in self._refused:
            return (self.wanted,)
        if (remaking := self._remaking()) is not None:  # until then the cursor is beside what is meant
            return (remaking,)
        wanted: tuple[Job | None, ...] = (self._inspection(), self._imagination(), self._prediction())
        return tuple(job for job in (*wanted, self.wanted) if job is not None and type(job) not in self._refused)

    def _remaking(self) -> Remake | None:
        """What was left out of the record around the cursor, while it stands still."""
        history = self._session.history
        if history is None or self._session.player.playing:
            return None
        before, self._gap = self._gap, self._session.gap
        if self._gap is None:
            return None
        many = self._session.opened is not None and self._session.opened.experiment.seeds > 1
        if many or Remake in self._refused or (self._closed and before is not None and before.spans == self._gap.spans):
            history.cursor = history.cursor  # it stays at what is there
            return None
        self._closed = False
        return Remake(self._gap.spans)

    def _inspection(self) -> Inspect | None:
        """The updates at the cursor, if they are not those that were looked at."""
        session, history = self._session, self._session.history
        if history is None or session.opened is None:
            return None
        updates = history.updates
        every = _UNHURRIED if session.hurried else _INSPECTED_EVERY
        if updates == self._reported or time.monotonic() - self._inspected_at < every * session.player.playing:
            return None
        if session.player.playing and session.opened.pass_seconds > _DEAR_PASS:
            return None  # passes through all of the data wait until there is time
        return Inspect(None if session.player.playing and history.live else updates)

    def _imagination(self) -> Imagine | None:
        """The possible steps of the selected run's update at the cursor; of its first one at the start."""
        session, history = self._session, self._session.history
        if not self.steps_wanted or history is None or session.opened is None:
            return None
        update = max(1, history.updates[self.selected])
        if self.imagined is not None and self._imagined_as == self._made_with(self.selected, update):
            return None
        if session.player.playing and (self._dear or time.monotonic() - self._imagined_at < _INSPECTED_EVERY):
            return None
        return Imagine(self.selected, update)

    def _made_with(self, run: int, update: int) -> tuple[int, int, Run]:
        """An update, and the settings that it was made with, or will be."""
        return run, update, self._session.lineages[run].after(update - 1).run

    @property
    def _dear(self) -> bool:
        """Whether possible steps take so long that they wait until it is paused."""
        session = self._session
        return session.hurried or (session.opened is not None and session.opened.pass_seconds > _DEAR_PASS / 10)

    def _prediction(self) -> Predict | None:
        session, history = self._session, self._session.history
        if not self.answers_wanted or history is None or self.predictions[0] == history.updates:
            return None
        if session.player.playing and time.monotonic() - self._inspected_at < _INSPECTED_EVERY:
            return None
        return Predict(_SHOWN_EXAMPLES, history.updates)

    # -- working ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        session = self._session
        try:
            while jobs := self._jobs():
                began = time.monotonic()
                answer = await session.work(Work(jobs, _FIRST_BUDGET if self.blank else _BUDGET))
                if answer is None:
                    break
                self._take(answer)
                if answer.results:
                    self._came_in()
                await self._let_it_train(_UNHURRIED if session.hurried else 2 * (time.monotonic() - began))
        finally:
            self._working = False

    def _take(self, answer: Worked) -> None:
        for job, result in answer.results:
            match job, result:
                case _, Failed():
                    self._refused.add(type(job))
                    self._session.refuse(f"{_MISSING[type(job)]}: {result.sentence}")
                case Survey(), Surveyed():
                    self.landscape = result
                case Remake(), Remade():
                    if self._gap is not None and self._gap.spans == job.spans:
                        self._session.close(self._gap, result)
                        self._closed = True
                case Inspect(), Inspected():
                    self.reports, self._reported = result.reports, result.updates
                    self.angles.take(result.reports)
                    self._inspected_at = time.monotonic()
                case Imagine(), Imagined():
                    self.imagined, self._imagined_at = result, time.monotonic()
                    self._imagined_as = self._made_with(job.run, job.update)
                case Predict(), Predicted():
                    self.predictions = job.updates or (), result

    async def _let_it_train(self, seconds: float) -> None:
        """Leave the engine to training for so long, while it plays and there is a landscape."""
        until = time.monotonic() + seconds
        while self._session.player.playing and not self.blank and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _PATIENCE))
