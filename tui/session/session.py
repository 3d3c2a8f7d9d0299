"""One experiment on the screen: its engine, what was recorded, and the player. What changes is kept here."""

from collections.abc import Callable
from dataclasses import replace

from sim.experiment.choices import Clock, PlaneKind
from sim.experiment.config import Experiment
from sim.experiment.geometry import Point
from sim.experiment.journal import clock_after
from sim.experiment.resolved import Resolved
from sim.problems.card import Card, usual_pace
from sim.protocol.answers import Changed, Opened, PlaneNews, Worked
from sim.protocol.commands import HISTORY_MEMORY, Open, Retention, SetClock, SetPlane, Work
from tui.session.asking import Phase
from tui.session.closer_look import CloserLook
from tui.session.keeping import Keeping
from tui.session.link import Link

_ROWS = 1024  # of a run in an answer: some hundreds a frame, more than anybody sees go by


class Session(Keeping):
    """The experiment on the screen, from its opening to the next one.

    Attributes:
        asked: the experiment as it was asked for; a new one begins as it says.
        card: what is known of the problem beforehand.
        opened: what the engine said of it; None until it stands.
        look: landscape, reports and answers.
        generation: how many times the experiment was begun.
    """

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
        super().__init__(asked, link, notify, memory)
        self.card = card
        self.opened: Opened | None = None
        self.generation = 0
        self.look = CloserLook(self, came_in)
        self._first_asked = asked

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
            self.opened = answer
            self._begin_record(answer)
            self.look.selected = min(self.look.selected, len(self.lineages) - 1)
            self.generation += 1
            self.banner = None
            self.look.begin(self.look.landscape if same and answer.plane.flat else None)
            self.phase = Phase.STANDING

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

    # -- the engine ---------------------------------------------------------------------------------------------------

    async def work(self, command: Work) -> Worked | None:
        """Have slow work done; None where the experiment is another one by now, or trouble came."""
        opened = self.opened
        answer = await self.ask(command) if self.phase is Phase.STANDING else None
        return answer if isinstance(answer, Worked) and opened is self.opened else None

    def refuse(self, sentence: str) -> None:
        """Say what cannot be done, unless that is known already; training goes on without it."""
        if not any(sentence.split(": ", 1)[-1] in trouble.sentence for trouble in self.troubles.values()):
            self.notify(sentence)
