"""Which races are on the screen: the one that the keys are about, the other one, or both of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.experiment.config import Experiment
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.problems.card import Card
from tui.actions import DATA_VIEWS, Actions
from tui.arrangement import VERY_TALL, VERY_WIDE
from tui.options.asked import prepare
from tui.options.options import Options
from tui.panels.companion import Companion
from tui.panels.curve_style import CurveStyle
from tui.session.link import Link
from tui.session.session import Session

if TYPE_CHECKING:
    from tui.gallery import Choice

_ROOMY = ("-very-wide", "-very-tall")
_SIDE_BY_SIDE = "-side-by-side"


class Races(Actions):
    """Changes what is raced. The second race has an engine of its own, which starts when it is first wanted."""

    _new_link: Callable[[], Link]
    _memory: float

    def __init__(self) -> None:
        super().__init__()
        self._other: Session | None = None
        self._both = False
        self.curve_style = CurveStyle()
        self._companion = Companion(self.curve_style, self.paint, id="companion")

    def paint(self) -> None:
        """Write what was drawn to the terminal."""
        raise NotImplementedError

    def _came_in(self) -> None:
        """Show what was found out."""
        raise NotImplementedError

    def _show_session(self) -> None:
        """Turn the panels to the session."""
        raise NotImplementedError

    @property
    def races(self) -> tuple[Session, ...]:
        """See `Actions`."""
        other = self._other if self._both else None
        return (self.session,) if other is None else (self.session, other)

    def action_switch_problem(self) -> None:
        """The model instead of the two-parameter problem, or the other way round."""
        playing = self.session.player.playing
        if len(self.races) == 1:
            self._rest(self.session)
        self.session, self._other = self._other or self._second_session(), self.session
        self.session.player.playing = playing
        self.hidden = frozenset()
        self._show_session()

    def action_side_by_side(self) -> None:
        """The two-parameter problem and the model at once, or one of them alone."""
        if len(self.races) > 1:
            other = self.races[1]
            self._both = False
            self._rest(other)
            other.player.speed = self.session.player.speed
        elif self.screen.has_class(*_ROOMY):
            self._both = True
            self.screen.remove_class(*DATA_VIEWS)
            self._other = self._other or self._second_session()
            self._other.player.playing = self.session.player.playing
            if self._other.clock != self.session.clock:
                self._other.begin_on(self.session.clock)
        else:
            self.notify(f"Two races side by side need {VERY_WIDE}x{VERY_TALL} cells; m shows the other one alone.")
        self._show_companion()

    def make_room(self) -> None:
        """Where the terminal has become too small for two races, show the first alone."""
        if len(self.races) > 1 and not self.screen.has_class(*_ROOMY):
            self.action_side_by_side()

    def show_choice(self, choice: "Choice") -> None:
        """Begin another problem or model with its defaults; seed, clock, device and backend stay."""
        self.hidden = frozenset()
        self.session.become(*self._chosen(choice.name, is_model=choice.is_model))
        self._show_session()

    def _show_companion(self) -> None:
        """Turn the second race's panels to it, if there is one, and open what was not opened yet."""
        self.screen.set_class(self._both, _SIDE_BY_SIDE)
        self._companion.show_session(self.races[1] if len(self.races) > 1 else None)
        for session in self.races:
            if session.opened is None and session.generation == 0:
                session.spawn(session.open())
        self.call_after_refresh(self.redraw)

    def _second_session(self) -> Session:
        """The other kind of problem."""
        is_model = not self.session.card.is_model
        name = ModelConfig().model if is_model else ProblemConfig().name
        asked, card = self._chosen(name, is_model=is_model)
        return Session(asked, card, self._new_link(), self.notify, self._came_in, self._memory)

    def _chosen(self, name: str, *, is_model: bool) -> tuple[Experiment, Card]:
        """A problem or a model with its defaults, and the seed, clock and device of this race, and what computes it.

        A model is made from one seed, and what computes it is left open: not every one can be compiled.
        """
        experiment, card = prepare(
            ProblemConfig().name if is_model else name, Options(model=name if is_model else None)
        )
        here = self.session.asked
        backend = "auto" if is_model else here.backend
        kept = replace(experiment, seed=here.seed, clock=self.session.clock, device=here.device, backend=backend)
        return replace(kept, seeds=1 if is_model else here.seeds), card

    @staticmethod
    def _rest(session: Session) -> None:
        """Nobody is looking."""
        session.player.pause()
        session.look.rest()
