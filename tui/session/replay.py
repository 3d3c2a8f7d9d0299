"""A recording on the screen: a session whose record is there from the start, and may still grow.

Where a run is changed or forked, an engine is started, and it is a session like others from there on.
"""

import math

from sim.experiment.choices import Clock
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import clock_after
from sim.protocol.answers import Advanced, Answer, Failed, Opened
from sim.protocol.commands import Advance, ChangeRun, Command, ForkRun, RemoveRun
from sim.protocol.trace import Excerpt, together
from tui.session.banner import Banner
from tui.session.gaps import Gap
from tui.session.history import History
from tui.session.link import EngineGoneError
from tui.session.parts import Parts
from tui.session.playback import NEEDS_ENGINE, Playback, no_closer_look
from tui.session.record import fill
from tui.session.session import Session
from tui.session.trails import PlaneTrails

_EVERY = 0.25  # seconds between two looks whether there is more
_GATHERED = 2  # parts that are recorded at once
_UNSEEN = 8  # times that parts are recorded until the curves are drawn with them: that takes as long as to record some

_ENDS = {
    "complete": "The recording ends here; home goes to its start.",
    "broken off": "The recording breaks off here: the program that wrote it was ended.",
}


class Replay(Session):
    """A session over a `Playback`: time goes by through what was recorded, and nothing is computed."""

    RECORD_SHARE = (
        1 / 32
    )  # what was left out is soon read again, and recording a part takes as long as there is much else
    MOST_SELECTED = math.inf
    link: Playback
    _waited = 0.0
    _warned = False
    _parts: Parts | None = None  # None: nothing of it is to be read any more
    _gathered: list[tuple[int, Excerpt]]
    _being_read = False
    _unseen = 0

    async def open(self) -> None:
        """See the newest of what is being written, else begin at the start."""
        self._parts = None
        await super().open()
        if self.link.computes or self.history is None or self.trails is None:
            return
        self._take_overview(self.history, self.trails)
        await self._look_for_more()
        self.history.seek_to(self.history.end if self.source == "being written" else 0)

    @property
    def gap(self) -> Gap | None:
        """What is missing is read, as long as there is no engine to make it again."""
        return super().gap if self.link.computes else None

    @property
    def source(self) -> str:
        """See `Session`."""
        return "" if self.link.computes else self.link.state

    async def ask(self, command: Command) -> Answer | None:
        """See `Session`; what changes runs starts the engine."""
        if isinstance(command, ChangeRun | ForkRun | RemoveRun) and not self.link.computes and not await self._start():
            return None
        return await super().ask(command)

    async def _start(self) -> bool:
        """Start the engine, where the recording ends; whether it goes on now."""
        self.notify("An engine is being started where the recording ends; the recording stays as it is.")
        await self._look_for_more()
        try:
            answer = await self.link.start_engine(self.retention)
        except (ConfigError, EngineGoneError) as error:
            self.notify(str(error))
            return False
        if not isinstance(answer, Opened):
            self.notify(answer.sentence if isinstance(answer, Failed) else str(answer))
        elif self.trails is not None and not answer.plane.flat:
            self.trails.take(answer.plane, self.lineages)
        self.finished = False
        self.look.ask_again()
        self.look.look_again()
        return isinstance(answer, Opened)

    def frame(self, seconds: float) -> None:
        """See `Session`."""
        self._waited += seconds
        super().frame(seconds)
        if self.history is not None:
            self.clock = clock_after(self.asked.clock, self.journal, self.history.cursor - 1)

    def reset(self, start: Point | None = None, seed: int | None = None) -> None:
        """Nothing begins again without an engine."""
        if self.link.computes:
            super().reset(start, seed)
        else:
            self.notify(NEEDS_ENGINE)

    def begin_on(self, clock: Clock) -> None:
        """What was recorded has the clock that it had."""
        if self.link.computes:
            super().begin_on(clock)

    def refuse(self, sentence: str) -> None:
        """Say once what a recording has not."""
        if NEEDS_ENGINE not in sentence:
            self.notify(sentence)
        elif not self._warned and self.link.state != "being written":  # else it may still come
            self._warned = True
            self.notify(no_closer_look(self.asked.problem))

    def _go_on(self, history: History) -> None:
        if self.trails is not None:
            self._read_on(history, self.trails)
        if self.link.computes:
            super()._go_on(history)
            return
        self._target = None
        state = self.link.state
        if state != "complete" and self._waited >= _EVERY:
            self._waited = 0.0
            self.spawn(self._look_for_more())
        if state in _ENDS and self.player.playing and history.live:
            self.player.pause()
            self.notify(_ENDS[state])

    # -- what is read -------------------------------------------------------------------------------------------------

    def _take_overview(self, history: History, trails: PlaneTrails) -> None:
        """Begin with where the runs were at the ends of parts; what is in no part is news."""
        ends = self.link.part_ends
        if not len(ends):
            return
        self.journal = self.link.journal
        begun = tuple(lineage for lineage in self.link.lineages if lineage.moment <= ends[-1])
        for lineage in begun[len(self.lineages) :]:
            trails.fork(lineage)
        self.branch(begun, history)
        fill(self.link.overview, history, trails, self.journal, begun)
        self._parts, self._gathered = Parts(len(ends), self.link.forked_in), []

    def _read_on(self, history: History, trails: PlaneTrails) -> None:
        """Have one part read: one that is looked at, else one of the rest; none while one is being read."""
        if self._parts is None or self._being_read:
            return
        part = self._parts.needed(history, self.link.part_ends)
        needed = part is not None
        if part is None:
            part = self._parts.next()
        if part is None:
            self._record_parts(history, trails)
            self._show_more(after=1)
        else:
            self._being_read = True
            self.spawn(self._read(part, history, trails, needed=needed))

    async def _read(self, part: int, history: History, trails: PlaneTrails, *, needed: bool) -> None:
        try:
            excerpt = await self.link.part(part)
        except ConfigError as error:  # damaged, or gone
            self._parts = None
            self._break(Banner(str(error)))
            return
        finally:
            self._being_read = False
        if self._parts is not None and self.history is history:
            self._gathered.append((part, excerpt))
            if needed or len(self._gathered) == _GATHERED:
                self._record_parts(history, trails)

    def _record_parts(self, history: History, trails: PlaneTrails) -> None:
        """Record the parts that were read: several at once, since that takes about as long as one."""
        if self._parts is not None and self._gathered:
            for part, _ in self._gathered:
                self._parts.note(part, history)
            every = together([excerpt for _, excerpt in self._gathered])
            fill(every, history, trails, self.journal, self.lineages)
            self._gathered = []
            self._unseen += 1
            self._show_more(after=_UNSEEN)

    def _show_more(self, after: int) -> None:
        """Have the curves drawn with what was recorded in between, if that was done so often."""
        if self._unseen >= after:
            self._unseen = 0
            self.filled += 1

    async def _look_for_more(self) -> None:
        """Take what was written since; while paused, the cursor stays."""
        looks = self.link.looks
        answer = await self.ask(Advance(0, math.inf, 0.0))
        if isinstance(answer, Advanced) and self.history is not None and self.trails is not None:
            self._take(answer, self.history, self.trails)
            if self.link.looks != looks:
                self.look.look_again()

    def _take(self, answer: Advanced, history: History, trails: PlaneTrails) -> None:
        sought, plane = history.sought, trails.plane.number
        self.journal = self.link.journal
        self.look.ask_again()
        self._record(answer, history, trails)
        if trails.plane.number != plane:
            self.look.forget_reports()
        if not self.player.playing:
            history.seek_to(sought)
