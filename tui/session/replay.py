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
from tui.session.gaps import Gap
from tui.session.history import History
from tui.session.link import EngineGoneError
from tui.session.playback import NEEDS_ENGINE, Playback, no_closer_look
from tui.session.session import Session
from tui.session.trails import PlaneTrails

_EVERY = 0.25  # seconds between two looks whether there is more

_ENDS = {
    "complete": "The recording ends here; home goes to its start.",
    "broken off": "The recording breaks off here: the program that wrote it was ended.",
}


class Replay(Session):
    """A session over a `Playback`: time goes by through what was recorded, and nothing is computed."""

    RECORD_SHARE = 1 / 32  # what was left out is soon read again, and the more there is, the longer a part takes
    MOST_SELECTED = math.inf
    link: Playback
    _waited = 0.0
    _warned = False

    async def open(self) -> None:
        """See the newest of what is being written, else begin at the start."""
        await super().open()
        if self.history is not None and not self.link.computes and self.source != "being written":
            self.history.seek_first()

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
        if self.link.computes:
            super()._go_on(history)
            return
        if self.reading is not None:
            self.reading.go_on()
        self._target = None
        state = self.link.state
        if state != "complete" and self._waited >= _EVERY:
            self._waited = 0.0
            self.spawn(self._look_for_more())
        if state in _ENDS and self.player.playing and history.live:
            self.player.pause()
            self.notify(_ENDS[state])

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
