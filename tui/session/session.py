"""One experiment on the screen: its engine, what was recorded, and the player. What changes is kept here."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sim.experiment.choices import CLOCKS, Clock, PlaneKind
from sim.experiment.config import Experiment
from sim.experiment.geometry import Point
from sim.experiment.journal import clock_after
from sim.experiment.resolved import Resolved
from sim.problems.card import Card, usual_pace
from sim.protocol.answers import Advanced, Changed, Opened, PlaneNews, Trouble, Worked
from sim.protocol.commands import HISTORY_MEMORY, Advance, Command, Open, Retention, SetClock, SetPlane, Work
from sim.protocol.results import Remade
from sim.protocol.trace import Rows
from tui.session.asking import Phase
from tui.session.banner import with_hint
from tui.session.changing import Changing
from tui.session.closer_look import CloserLook
from tui.session.gaps import Gap
from tui.session.history import History
from tui.session.inflow import Inflow
from tui.session.link import Link
from tui.session.members import KeptMembers
from tui.session.player import Meter
from tui.session.record import close, record
from tui.session.trails import PlaneTrails

_BUDGET = 0.033  # seconds of computing for a frame: 30 a second
_FRAMES_AT_ONCE = 3  # computed with one command while it plays as fast as possible
_STEP_BUDGET = 0.1
_MOST_MOMENTS = 100_000_000  # asked for at once while playing: time is what bounds them
_MEASURED_UNITS = 10  # of the clock, over which its real pace is measured
_ROWS = 1024  # of a run in an answer: some hundreds a frame, more than anybody sees go by


class Session(Changing):
    """The experiment on the screen, from its opening to the next one.

    Attributes:
        asked: the experiment as it was asked for; a new one begins as it says.
        card: what is known of the problem beforehand.
        opened: what the engine said of it; None until it stands.
        history: what was recorded; None until it stands.
        trails: where the runs went on the plane; None until it stands.
        clock: what counts now.
        meter: how fast really.
        members: where those of each run were that is made from several seeds.
        look: landscape, reports and answers.
        generation: how many times the experiment was begun.
        troubles: why runs failed, by their index.
        finished: no run has anything left to do.
        filled: how many times what had been left out of the record has come in.
        RECORD_SHARE: of the memory, for the record on this side.
        MOST_SELECTED: how many rows of a selection are recorded: more than are drawn, and thinned within a frame.
    """

    RECORD_SHARE = 1 / 16
    MOST_SELECTED = 24_000.0

    def __init__(
        self,
        asked: Experiment,
        card: Card,
        link: Link,
        notify: Callable[[str], None],
        came_in: Callable[[], None] = lambda: None,
        memory: float = HISTORY_MEMORY,
    ) -> None:
        """Nothing is asked of the engine yet.

        Args:
            asked: the experiment.
            card: of its problem.
            link: the way to the engine.
            notify: shows the user a sentence.
            came_in: is called when there is more to see at the same moment.
            memory: bytes for what is kept of the past, here and in the engine.
        """
        super().__init__(asked, link, notify)
        self.card = card
        self.opened: Opened | None = None
        self.history: History | None = None
        self.trails: PlaneTrails | None = None
        self.clock: Clock = asked.clock
        self.meter = Meter()
        self.generation = 0
        self.troubles: dict[int, Trouble] = {}
        self.finished = False
        self.filled = 0
        self.members = KeptMembers()
        self.look = CloserLook(self, came_in)
        self._memory = memory
        self._first_asked = asked
        self._inflow = Inflow()
        self._outstanding = Counter[type[Command]]()
        self._target: int | None = None  # the moment that steps are to lead to

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def experiment(self) -> Resolved:
        """What is running, with nothing left open."""
        assert self.opened is not None, "an experiment has been opened"
        return self.opened.experiment

    @property
    def source(self) -> str:
        """How the recording stands that is replayed; "" where an engine answers."""
        return ""

    @property
    def retention(self) -> Retention:
        """How much the engine keeps, and how much an answer has."""
        return Retention(_ROWS, (1 - self.RECORD_SHARE) * self._memory)

    @property
    def caught_up(self) -> bool:
        """Whether the cursor is where the engine is, as far as is known."""
        return self.history is not None and self.history.live and self._inflow.empty

    @property
    def hurried(self) -> bool:
        """Whether it plays as fast as possible: the engine then always has a next command waiting."""
        return self.player.playing and math.isinf(self.player.speed)

    @property
    def pace(self) -> dict[Clock, float]:
        """For each clock, units of that clock for each second of playing at speed 1."""
        return usual_pace(self.opened.experiment.examples if self.opened else 1) | dict(self.card.pace)

    # -- commands -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin the experiment from its start, dropping what was recorded once the engine stands."""
        self._target, self.finished, self._killed = None, False, False
        self.player.owed = 0.0
        answer = await self.ask(Open(self.asked, self.retention))
        if isinstance(answer, Opened):
            same = self.opened is not None and answer.experiment.problem == self.opened.experiment.problem
            flat = answer.plane.flat
            self.opened, self.history, self._inflow = (
                answer,
                History(answer.rows, self.RECORD_SHARE * self._memory, self.MOST_SELECTED),
                Inflow(),
            )
            self.trails, self.members = PlaneTrails(answer.plane), KeptMembers()
            self.clock, self.journal = answer.experiment.clock, answer.experiment.changes
            self.lineages = answer.experiment.lineages
            self.look.selected = min(self.look.selected, len(self.lineages) - 1)
            self.generation += 1
            self.troubles, self.banner = {}, None
            self.look.begin(self.look.landscape if same and flat else None)
            self.phase = Phase.STANDING
            if answer.past is not None:
                self._record(answer.past, self.history, self.trails)

    def reset(self, start: Point | None = None, seed: int | None = None) -> None:
        """Begin again, from another start or with another seed if given; a dead engine is started again."""
        asked = self.asked
        self.asked = replace(asked, start=start or asked.start, seed=asked.seed if seed is None else seed)
        moment = self.history.end if self.history else 0
        if self.journal != asked.changes or self.clock != clock_after(asked.clock, asked.changes, moment):
            # what was chosen on the way holds from the start
            if self.settings != asked.runs:
                self.notify("Begun again with the settings as they are; S begins as the command asked.")
            self.asked = replace(self.asked, runs=self.settings, clock=self.clock, changes=())
            self.journal = ()
        self._begin_again()

    def _begin_again(self) -> None:
        self.phase = Phase.BEGINNING_AGAIN if self.phase is Phase.STANDING else Phase.STARTING
        self.banner = None
        self.spawn(self.open())

    def reset_to_command(self) -> None:
        """Begin again where the problem itself does, with the runs and changes that were asked for at first."""
        first = self._first_asked
        self.asked = replace(self.asked, start=None, runs=first.runs, changes=first.changes, clock=self.clock)
        self._begin_again()

    def begin_on(self, clock: Clock) -> None:
        """Begin again, with the runs kept equal in something else."""
        self.asked, self.clock = replace(self.asked, clock=clock, changes=()), clock
        self.reset()

    def become(self, asked: Experiment, card: Card) -> None:
        """Begin another experiment instead of this one."""
        self.asked, self.card, self.clock, self.journal = asked, card, asked.clock, asked.changes
        self._first_asked = asked
        self.reset()

    def toggle_play(self) -> None:
        """Play or pause; what cannot go on stays as it is."""
        if self.phase is Phase.BROKEN:
            self.notify("Nothing can play as things are; press r to begin again.")
        else:
            self.player.toggle()

    def set_clock(self, clock: Clock) -> None:
        """Keep the runs equal in something else from here on."""
        self.clock = clock
        self.player.owed = 0.0
        self._outstanding[SetClock] += 1
        self.spawn(self._set_clock(clock))

    async def _set_clock(self, clock: Clock) -> None:
        try:
            answer = await self.ask(SetClock(clock))
        finally:
            self._outstanding[SetClock] -= 1
        if isinstance(answer, Changed):
            self.journal = answer.journal

    def set_plane(self, kind: PlaneKind) -> None:
        """See the parameters on another plane."""
        self.asked = replace(self.asked, plane=kind)
        self.spawn(self._set_plane(kind))

    async def _set_plane(self, kind: PlaneKind) -> None:
        answer = await self.ask(SetPlane(kind))
        if isinstance(answer, PlaneNews) and self.trails is not None:
            self.trails.take(answer)
            self.look.forget_reports()

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

    # -- time ---------------------------------------------------------------------------------------------------------

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
            self._inflow.put(answer.rows, _FRAMES_AT_ONCE)
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

    # -- the engine ---------------------------------------------------------------------------------------------------

    async def work(self, command: Work) -> Worked | None:
        """Have slow work done; None where the experiment is another one by now, or trouble came."""
        opened = self.opened
        answer = await self.ask(command) if self.phase is Phase.STANDING else None
        return answer if isinstance(answer, Worked) and opened is self.opened else None

    @property
    def gap(self) -> Gap | None:
        """What was left out of the record around the moment that is sought, and can be made again."""
        return None if self.history is None else self.history.gap

    def close(self, gap: Gap, made: Remade) -> None:
        """Record what was left out and was made again."""
        if self.history is not None and self.trails is not None:
            close(gap, made, self.history, self.trails, self.journal)
            self.filled += 1

    def refuse(self, sentence: str) -> None:
        """Say what cannot be done, unless that is known already; training goes on without it."""
        if not any(sentence.split(": ", 1)[-1] in trouble.sentence for trouble in self.troubles.values()):
            self.notify(sentence)
