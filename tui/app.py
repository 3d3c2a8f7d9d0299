"""The screen: layout, the passing of time, wiring. Panels draw, `session` has what changes, `actions` what keys do."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Sized
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult, SystemCommand
from textual.containers import Container, Horizontal
from textual.events import Resize
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from sim.experiment.config import Experiment
from sim.problems.card import Card
from sim.protocol.commands import HISTORY_MEMORY
from tui.actions import DATA_VIEWS
from tui.ahead import load_ahead
from tui.arrangement import LEAST_SIZE, arrange
from tui.draw.palette import Palette
from tui.keys import KEYS, bindings
from tui.notes import NotesApp
from tui.paced import PacedApp, keep_up
from tui.panels.clocks import Clocks
from tui.panels.curves import Curves
from tui.panels.data_view import DataPanel
from tui.panels.drawing import Drawing, Panel
from tui.panels.key_line import KeyLine
from tui.panels.lens import Lens
from tui.panels.predictions import Predictions
from tui.panels.runs_table import RunsTable
from tui.panels.sentence import Sentence
from tui.panels.status_line import StatusLine
from tui.panels.surface import Surface
from tui.panels.this_update import ThisUpdate
from tui.panels.timeline import Timeline
from tui.panels.words import Words
from tui.races import Races
from tui.scene.building import build_scene
from tui.scene.scene import Scene
from tui.session import lockstep
from tui.session.asking import Phase
from tui.session.banner import starting, with_hint
from tui.session.link import Link, ProcessLink
from tui.session.session import Session
from tui.shell import BAD_INPUT
from tui.sturdy import SturdyApp
from tui.themes import ThemedApp, palette_of

FRAMES_PER_SECOND = 32  # so that 30 are shown: now and then one is late
_FEW_RUNS = 5  # with more, a small terminal has room for the table or for "this update"


class GdsimApp(SturdyApp, PacedApp, NotesApp, ThemedApp, Races):
    """The app: several descents side by side on the screen.

    Args:
        experiment: resolved.
        card: of its problem.
        link: the way to the engine.
        new_link: makes the way to a second engine, for the other problem that `m` switches to.
        ticking: whether time goes by; tests call `frame` themselves.
        playing: whether the race begins at once.
        memory: bytes for what is kept of the past of each race.

    Attributes:
        panels: what shows a scene, from the top of the screen to its bottom.
    """

    TITLE = "gdsim"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()  # type: ignore[assignment]
    ENABLE_COMMAND_PALETTE = True
    SESSION: ClassVar[type[Session]] = Session
    NOTIFICATION_TIMEOUT = 3.0

    def __init__(
        self,
        experiment: Experiment,
        card: Card,
        link: Link,
        *,
        new_link: Callable[[], Link] = ProcessLink,
        ticking: bool = True,
        playing: bool = False,
        memory: float = HISTORY_MEMORY,
    ) -> None:
        super().__init__()
        self._memory = memory
        self.session = self.SESSION(experiment, card, link, self.notify, self._came_in, memory)
        self.session.player.playing = playing
        self.scene = None
        self._new_link = new_link
        self._above = (StatusLine(id="status"),)
        self._banner = Static(id="banner")
        self._surface, self._lens = Surface(id="surface"), Lens(id="lens")
        self._predictions = Predictions(id="predictions")
        clocks = Clocks(self.curve_style, id="clocks")
        self._body = (
            self._surface,
            DataPanel(id="data"),
            self._predictions,
            Curves(self.curve_style, id="curves"),
            self._lens,
            ThisUpdate(id="this-update"),
            clocks,
        )
        self._below = (RunsTable(id="runs"), Timeline(id="timeline"))
        self.panels = (*self._above, *self._body, *self._below)
        self._sentence, self._keys = Sentence(id="sentence"), KeyLine(id="keys")
        said = self._sentence, *self._below, self._keys
        numbers: tuple[Panel, ...] = (*self._above, *self._body[1:-1], *clocks.charts, *said)
        words = [panel for panel in numbers if isinstance(panel, Words)]
        pictures = [panel for panel in numbers if not isinstance(panel, Words)]
        self._drawing = Drawing(self._surface, words, pictures, self.paint)
        self.hidden = frozenset()
        self._ticking = ticking
        self._timer: Timer | None = None
        self._last_frame = time.monotonic()
        self._banner_words: str | None = None
        self._runs = 0

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: every key's action, and Textual's own commands."""
        from tui.gallery import choices  # which the first frame does not wait for

        for key in KEYS:
            if key.action != "quit":
                run = partial(self.run_action, key.action)
                words = key.words[0].upper() + key.words[1:]
                shown = key.display or key.key.partition(",")[0]
                yield SystemCommand(words, f"{key.group}: {shown}".rstrip(": "), run)
        for choice in choices():
            name = f"{choice.name}, a model" if choice.is_model else choice.name
            yield SystemCommand(f"Show {name}", choice.sentence, partial(self.show_choice, choice))
        yield from super().get_system_commands(screen)

    # -- layout -------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The panels; `app.tcss` says where."""
        yield from self._above
        yield self._banner
        with Horizontal(id="races"):
            yield Container(*self._body, id="body")
            yield self._companion
        yield self._sentence
        yield from self._below
        yield self._keys
        yield Static(id="too-small")

    async def on_mount(self) -> None:
        """Paint first, then open the experiment."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._leave, number)
        self.theme_changed_signal.subscribe(self, lambda _theme: self.redraw())
        if self._ticking:
            self._timer = self.set_interval(1 / FRAMES_PER_SECOND, self.frame)
        self._show_session()
        if not self.is_headless:
            self.call_after_refresh(load_ahead)

    def _leave(self, number: signal.Signals) -> None:
        """Leave all in order; a second signal ends the program as it is."""
        asyncio.get_running_loop().remove_signal_handler(number)
        self.exit()

    def on_unmount(self) -> None:
        """Leave no process behind."""
        for session in filter(None, (self.session, self._other)):
            session.kill()

    def _show_session(self) -> None:
        """Turn the panels to the session; open its experiment if that has not been done."""
        self._surface.show_problem(self.session.card)
        self._lens.show_nothing()
        card, runs = self.session.card, self.session.asked.runs
        between = (index for index, run in enumerate(runs) if run.batch_size not in (1, "all"))
        self.session.look.selected = next(between, 0)
        self.screen.set_class(card.predictions, "-answers").set_class(not card.predictions, "-drawn")
        if card.drawn is None and not card.predictions:
            self.screen.remove_class(*DATA_VIEWS)
        self._make_room_for(runs)
        self._show_companion()

    def _make_room_for(self, runs: Sized) -> None:
        """With many runs, their table takes the room of the lens, and on a small terminal of "this update", too."""
        self._runs, many, screen = len(runs), len(runs) > _FEW_RUNS, self.screen_stack[0]
        if many != screen.has_class("-many"):  # else the lens is there or not as the user wants it
            screen.set_class(many, "-many").set_class(many, "-no-lens")

    def on_resize(self, event: Resize) -> None:
        """Arrange the panels for the size there is (the app's own is still the one before)."""
        arrange(self.screen, event.size)
        self.make_room()
        self.query_one("#too-small", Static).update(
            f"This terminal is {event.size.width}x{event.size.height}; "
            f"gdsim needs {LEAST_SIZE[0]}x{LEAST_SIZE[1]} at least.\nEnlarge it, or press q to quit."
        )
        self.call_after_refresh(self.redraw)

    @property
    def palette(self) -> Palette:
        """The colours of what is drawn."""
        return palette_of(self.current_theme, self.console.color_system)

    # -- time ---------------------------------------------------------------------------------------------------------

    def frame(self) -> None:
        """So much time went by that it is time for a frame."""
        if not self._banner.is_attached:  # the screen is being taken down
            return
        now = time.monotonic()
        lockstep.go_on(self.races, now - self._last_frame)
        self._last_frame = now
        self._glide_on()
        if not self.held_up:
            self.catch_up()
            self.draw()
        self._leave_if_refused()

    def _glide_on(self) -> None:
        """Draw again what is on its way to another picture; where the terminal is slow, it is there at once."""
        for surface, drawing in (
            (self._surface, self._drawing),
            (self._companion.surface, self._companion.drawing),
        ):
            if surface.gliding:
                surface.glide_on(at_once=self.held_up)
                drawing.forget_surface()

    def _leave_if_refused(self) -> None:
        """Where what was asked for cannot be done, and nothing ever stood, say so in the shell."""
        trouble = self.session.banner
        if trouble is not None and trouble.config and self.session.opened is None and self._other is None:
            self.exit(return_code=BAD_INPUT, message=f"gdsim: {trouble.sentence}")

    def redraw(self) -> None:
        """Draw again what stands, after something about the screen changed."""
        self._drawing.forget()
        self._companion.drawing.forget()
        self.draw()

    def draw(self) -> None:
        """Draw what changed of the races and is due."""
        self._draw(build_scene(self.session, self.hidden, self.palette))
        self._companion.draw(self.palette)

    def _draw(self, scene: Scene | None) -> None:
        self._show_banner()
        if scene is None:
            return
        if len(scene.runs) != self._runs:  # after a fork, say
            self._make_room_for(scene.runs)
        if self.scene is None and not self.is_headless:
            keep_up()
        self.scene = scene
        self._lens.magnify(self._surface.view if self._surface.display else None)
        self._drawing.draw(scene)
        self._surface.take(self.session.look.landscape)
        self._look_closer()

    def _show_banner(self) -> None:
        trouble = next((session.banner for session in self.races if session.banner), None)
        opening = starting(self.session.asked) if self.session.phase is Phase.STARTING else ""
        words = with_hint(trouble.sentence, trouble.details) if trouble else opening
        if words == self._banner_words:
            return
        self._banner_words = words
        self._banner.set_class(bool(words), "-shown").set_class(trouble is not None, "-trouble")
        self._banner.update(Text(words))

    def _look_closer(self) -> None:
        """Have the session look for what there is still to be found out for the screen."""
        look = self.session.look
        look.wanted, look.blank = self._surface.wanted, not self._surface.stands
        look.answers_wanted = self._predictions.display
        look.steps_wanted = True
        look.go_on()

    def _came_in(self) -> None:
        """Show what was found out."""
        if not self._banner.is_attached:  # the screen is being taken down
            return
        self._surface.take(self.session.look.landscape)
        self._draw(build_scene(self.session, self.hidden, self.palette))
        self._look_closer()
        self._companion.drawing.forget_surface()
        self._companion.draw(self.palette)
