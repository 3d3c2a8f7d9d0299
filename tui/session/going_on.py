"""How an experiment on the screen goes on: what is due is asked of the engine, and what it answers recorded."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import Experiment
from sim.experiment.journal import clock_after
from sim.protocol.answers import Advanced, Trouble
from sim.protocol.commands import Advance, Command, SetClock
from sim.protocol.trace import Rows
from tui.session.asking import Phase
from tui.session.banner import with_hint
from tui.session.changing import Changing
from tui.session.history import History
from tui.session.inflow import Inflow
from tui.session.link import Link
from tui.session.members import KeptMembers
from tui.session.player import Meter
from tui.session.record import record
from tui.session.trails import PlaneTrails

_BUDGET = 0.033  # seconds of computing for a frame: 30 a second
_FRAMES_AT_ONCE = 6  # computed with one command while it plays as fast as possible: each answer costs some ms
_STEP_BUDGET = 0.1
_MOST_MOMENTS = 100_000_000  # asked for at once while playing: time is what bounds them
_MEASURED_UNITS = 10  # of the clock, over which its real pace is measured


class GoingOn(Changing):
    """An experiment whose time goes by; `Session` has the rest.

    Attributes:
        clock: what counts now.
        meter: how fast really.
        members: where those of each run were that is made from several seeds.
        troubles: why runs failed, by their index.
        finished: no run has anything left to do.
        generation: how many times the experiment was begun.
    """

    generation: int

    def __init__(self, asked: Experiment, link: Link, notify: Callable[[str], None]) -> None:
        super().__init__(asked, link, notify)
        self.clock: Clock = asked.clock
        self.meter = Meter()
        self.members = KeptMembers()
        self.troubles: dict[int, Trouble] = {}
        self.finished = False
        self._inflow = Inflow()
        self._outstanding = Counter[type[Command]]()
        self._target: int | None = None  # the moment that steps are to lead to

    @property
    def pace(self) -> dict[Clock, float]:
        """For each clock, units of that clock for each second of playing at speed 1."""
        raise NotImplementedError

    @property
    def caught_up(self) -> bool:
        """Whether the cursor is where the engine is, as far as is known."""
        return self.history is not None and self.history.live and self._inflow.empty

    @property
    def hurried(self) -> bool:
        """Whether it plays as fast as possible: the engine then always has a next command waiting."""
        return self.player.playing and math.isinf(self.player.speed)

    def catch_up(self) -> None:
        """See `Changing`."""
        if self.history is not None:
            self._store(self._inflow.rest())

    def step(self, moments: int) -> None:
        """Pause and go by so many moments, through what was recorded and then on; or back."""
        self.player.pause()
        history = self.history
        if history is not None:
            self._store(self._inflow.rest())
            missing = history.seek(moments)
            self._target = max(self._target or 0, history.end) + missing if missing else None
            self.frame(0.0)

    def frame(self, seconds: float) -> None:
        """So much wall time went by: replay what was recorded, or have more computed."""
        history, player = self.history, self.player
        if history is None or self.phase is not Phase.STANDING:
            return
        if self.link.gone is not None:
            self._lose_engine(self.link.gone)
            return
        self._store(self._inflow.part() if self.hurried else self._inflow.rest())
        player.elapse(seconds)
        if player.playing and not history.live:
            player.owed = history.replay(player.owed, self.pace)
        elif player.playing:
            whole = not CLOCKS[self.clock].measured
            window = max(1.0, _MEASURED_UNITS / (self.pace[self.clock] * player.speed)) if whole else 1.0
            self.meter.elapse(seconds, (self.clock, player.speed, self.generation), window)
        self._go_on(history)

    def _go_on(self, history: History) -> None:
        """Have computed what is due, if the engine has nothing to do."""
        player = self.player
        if self._outstanding[Advance] >= (2 if self.hurried else 1):
            return
        if player.playing:
            self._target = None
        if self._target is not None:
            self._pull(self._target - history.end, math.inf, _STEP_BUDGET)
        elif player.playing and history.live and self._due() and self._can_go_on():
            budget = _FRAMES_AT_ONCE * _BUDGET if self.hurried else _BUDGET
            self._pull(_MOST_MOMENTS, player.owed * self.pace[self.clock], budget)

    def _due(self) -> bool:
        """Whether anything could complete in the time owed: on a clock that counts, whole units only."""
        least = 0.0 if CLOCKS[self.clock].measured else 1.0
        return self.player.owed * self.pace[self.clock] >= least

    def _can_go_on(self) -> bool:
        if self.finished:
            self.player.pause()
            self.notify("Every run has stopped; press r to begin again.")
        return self.player.playing

    def _pull(self, moments: int, span: float, budget: float) -> None:
        # counted from here on, not from when the task begins: another frame may come before it does
        self._outstanding[Advance] += 1
        self.spawn(self._advance(Advance(moments, span, budget)))

    async def _advance(self, command: Advance) -> None:
        clock, speed = self.clock, self.player.speed
        try:
            answer = await self.ask(command)
        finally:
            self._outstanding[Advance] -= 1
        if not isinstance(answer, Advanced) or self.history is None or self.trails is None:
            self._target = None
            return
        self._record(answer, self.history, self.trails)
        if (self.clock, self.player.speed) == (clock, speed):  # else nothing is owed in that currency
            self.player.owed -= answer.covered / self.pace[clock]
        stepped = self._target is not None and self.history.end >= self._target
        if stepped or (command.span == math.inf and not len(answer.rows)):
            self._target = None
        if (self.hurried or self._target is not None) and self.phase is Phase.STANDING:
            self._go_on(self.history)

    def _store(self, rows: Rows) -> None:
        if self.history is not None and self.trails is not None:
            record(rows, self.history, self.trails, self.journal)

    def _record(self, answer: Advanced, history: History, trails: PlaneTrails) -> None:
        self._store(self._inflow.rest())
        rows = answer.rows
        for made in range(len(self.lineages) + 1, len(answer.lineages) + 1):  # forks that were planned
            before = rows["moment"] <= answer.lineages[made - 1].moment
            self._store(rows[before])
            rows = rows[~before]
            self.branch(answer.lineages[:made], history)
        self.branch(answer.lineages, history)
        answer = replace(answer, rows=rows)
        if self.hurried and not answer.finished:
            # one part more is shown until the next answer is in
            self._inflow.put(answer.rows, _FRAMES_AT_ONCE + 1)
        else:
            self._store(answer.rows)
        trails.take(answer.plane, answer.lineages)
        if len(answer.rows):
            self.members.take(int(answer.rows[-1]["moment"]), answer.members)
        if len(answer.rows) and not self._outstanding[SetClock]:
            self.clock = clock_after(self.asked.clock, self.journal, int(answer.rows[-1]["moment"]))
        self.finished = answer.finished
        self.meter.cover(answer.covered)
        for trouble in answer.troubles:
            self.troubles[trouble.run] = trouble
            self.notify(with_hint(trouble.sentence, trouble.details))
