"""What a recording answers instead of an engine, until something is to be computed. Imports no torch."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.problem import AnyProblem, LoopConfig
from sim.problems.card import Card, card_of
from sim.problems.curvature import losses
from sim.problems.formula import Formula
from sim.protocol.answers import Answer, Failed, Opened, Refused, Worked
from sim.protocol.commands import Advance, Command, Imagine, Inspect, Job, Open, Retention, Survey, Work
from sim.protocol.results import Result, Surveyed, centres
from sim.recording.reader import Recording
from sim.recording.values import NEVER
from tui.session.link import EngineGoneError, Link, ProcessLink
from tui.session.past import Past
from tui.session.recorded_looks import imagined, inspected
from tui.session.resuming import Resumption, require_resumable

NEEDS_ENGINE = "A recording cannot do that; w copies the command that runs it again."
UNRECORDED = "What goes on here is not recorded; gdsim resume goes on in the recording itself."
STILL_WRITTEN = "The recording is still being written; runs can be changed or forked here once it is complete."


class Playback:
    """A link to a recording: its parts are read as they are wanted, and what another process still writes comes after.

    It leads to an engine once that was started, which goes on where the recording ends; nothing of it is recorded. The
    landscape of a two-parameter problem is made of its formula; of that of a model, of possible steps and of reports of
    updates, what was recorded is there.

    Attributes:
        asked: what was asked for.
        card: of its problem.
        state: whether there is more to come.
        journal: what was changed on the way, or will be.
        computes: whether there is an engine.
        past: what its runs did.
        looks: which cloud of possible steps, and which report, were recorded last; 0 where there is none.
    """

    recording = None

    def __init__(self, recording: Recording, new_link: Callable[[], Link] = ProcessLink) -> None:
        """Read what is seen first; `new_link` makes the way to an engine."""
        self._recording, self.asked = recording, recording.asked
        self.card = replace(recorded_card(recording.asked), predictions=False)  # a model that is not there has none
        self.state = recording.state
        self.past = Past(recording)  # before the screen is there, so that trouble is known in the shell
        self.journal, self._landscape = self.past.journal, recording.landscape
        self.looks = recording.looks.newest()
        self._new_link = new_link
        self._engine: Link | None = None
        self.computes = False

    @property
    def process_id(self) -> int | None:
        """See `Link`."""
        return self._engine.process_id if self._engine else None

    @property
    def gone(self) -> EngineGoneError | None:
        """See `Link`."""
        return self._engine.gone if self._engine else None

    @property
    def busy_for(self) -> float:
        """See `Link`."""
        return self._engine.busy_for if self._engine else 0.0

    @property
    def output(self) -> str:
        """See `Link`."""
        return self._engine.output if self._engine else ""

    async def start_engine(self, retention: Retention) -> Answer:
        """Start an engine that goes on where the recording ends, which is complete.

        Raises:
            ConfigError: if it cannot, as where a file of the user's own has changed.
            EngineGoneError: when its process has ended.
        """
        resumption = await asyncio.to_thread(self._resumption)
        self._engine = self._engine or self._new_link()
        answer = await self._engine.request(resumption.question(Open(resumption.asked, retention)))
        self.computes = isinstance(answer, Opened)
        return answer

    def _resumption(self) -> Resumption:
        with closing(Recording(self._recording.path)) as recording:
            require_resumable(recording)
            return Resumption(recording, None, with_past=False)

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        if self.computes and self._engine is not None:
            return await self._engine.request(command)
        if isinstance(command, Work):
            return Worked(tuple([(job, await self._result(job)) for job in command.jobs]), ())
        try:
            if self._recording.copied:
                return await asyncio.to_thread(self.past.alone, self._answer, command)
            return self.past.alone(self._answer, command)
        except ConfigError as error:  # damaged since it was opened
            return Failed(str(error))

    def kill(self) -> None:
        """Let go of the file, and end the engine."""
        self.past.close()
        if self._engine is not None:
            self._engine.kill()

    def _answer(self, command: Command) -> Answer:
        match command:
            case Open():
                return replace(self._recording.opened, past=self.past.news)
            case Advance():
                recording = self._recording
                self.state = recording.state  # first: what is complete by now has no rows after those that come here
                self.journal, self._landscape = recording.journal, recording.landscape
                news = recording.news()
                self.looks = recording.looks.newest()
                return news
            case _:
                return Refused(NEEDS_ENGINE)

    async def _result(self, job: Job) -> Result | Failed:
        match job:
            case Survey() if self.card.formula is not None:
                return await asyncio.to_thread(_survey, self.card.formula, job)
            case Survey() if self._landscape is not None:
                return _seen_through(self._landscape, job)
            case Imagine() | Inspect() if self.looks[isinstance(job, Inspect)]:
                return await asyncio.to_thread(self.past.alone, self._looked, job)
            case _:
                return Failed(NEEDS_ENGINE)

    def _looked(self, job: Imagine | Inspect) -> Result | Failed:
        try:
            looks, lineages = self._recording.looks, self._recording.lineages
            if isinstance(job, Imagine):
                return imagined(looks, lineages, job)
            return inspected(looks, lineages, job.updates or [NEVER] * len(lineages))
        except ConfigError as error:  # damaged since it was opened
            return Failed(str(error))


def _survey(formula: Formula, job: Survey) -> Surveyed:
    """The landscape that a formula gives, row by row: what there is in between takes little room."""
    xs, ys = centres(job.window, job.columns, job.rows)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [losses(formula, (xs[:, None], np.full((len(xs), 1), y))).mean(axis=-1) for y in ys]
    return Surveyed(job.window, np.nan_to_num(rows, nan=np.inf), examples=formula.examples, run=job.run)


def _seen_through(landscape: Surveyed, job: Survey) -> Surveyed:
    """A landscape on the cells of another window: the nearest values, NaN beyond what it covers."""
    xs, ys = centres(job.window, job.columns, job.rows)
    left, right, bottom, top = landscape.window
    rows, columns = landscape.values.shape
    across = np.floor((xs - left) / (right - left) * columns)
    down = np.floor((top - ys) / (top - bottom) * rows)
    inside = ((down >= 0) & (down < rows))[:, None] & (across >= 0) & (across < columns)
    near = np.clip(down, 0, rows - 1).astype(int)[:, None], np.clip(across, 0, columns - 1).astype(int)
    values = np.where(inside, landscape.values[near], np.nan)
    return Surveyed(job.window, values, 1.0, landscape.plane, landscape.examples, job.run)


def no_closer_look(problem: AnyProblem) -> str:
    """Why there is no closer look at what was recorded of a problem."""
    if isinstance(problem, LoopConfig):
        return (
            "The recording has no possible steps and gradients of this loop: a Recorder looks at them where it is "
            "given loss and data, and has the time."
        )
    return "This recording has the numbers and the trails; gradients, possible steps and answers need an engine."


def recorded_card(asked: Experiment) -> Card:
    """What is known of a recorded problem: less, where its data are not here."""
    try:
        return card_of(asked.problem)
    except ConfigError:
        problem = asked.problem
        title = f"{problem.name} on {Path(problem.data).name if problem.data else 'data'} (not at hand)"
        first, second = problem.axes
        return Card(problem.name, title, "", "Its data are not at hand.", (first, second), None, {})
