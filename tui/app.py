"""The screen: bindings, state and wiring. What is drawn is in `panels`, what changes is in `session`."""

import asyncio
import signal
import time
from pathlib import Path

from textual.app import App, ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.timer import Timer
from textual.widgets import Footer, Static

from sim.experiment import CLOCKS, ConfigError, Experiment, choose
from sim.problems.formula import Formula
from tui import export
from tui.help import HelpScreen, help_text
from tui.keys import bindings
from tui.link import Link, ProcessLink
from tui.narrate import narrate
from tui.options import command_line
from tui.palette import Palette
from tui.panels.curves import Curves
from tui.panels.data_view import DataPanel
from tui.panels.runs_table import RunsTable
from tui.panels.status_line import StatusLine
from tui.panels.surface import Surface
from tui.panels.this_update import ThisUpdate
from tui.scene import Scene, build_scene
from tui.session import Session
from tui.themes import THEMES, palette_of

FRAMES_PER_SECOND = 30
INSPECTIONS_PER_SECOND = 4
LEAST_SIZE = (80, 24)
_WIDE, _TALL = 116, 34
_VERY_WIDE = 170


class GdsimApp(App[None]):
    """Descents on the screen.

    Args:
        experiment: resolved.
        formula: of its problem.
        link: the way to the engine.
        new_link: makes the way to a second engine, for the other problem that `m` switches to.
        ticking: whether time goes by; tests call `frame` themselves.
        playing: whether the race begins at once.
    """

    TITLE = "gdsim"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()  # type: ignore[assignment]
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, experiment: Experiment, formula: Formula, link: Link, *, ticking: bool = True, playing: bool = False
    ) -> None:
        super().__init__()
        self.session = Session(experiment, formula, link, self._tell)
        self.session.player.playing = playing
        self.scene: Scene | None = None
        self._panels = (
            StatusLine(id="status"),
            Surface(id="surface"),
            DataPanel(id="data"),
            Curves(id="curves"),
            ThisUpdate(id="this-update"),
            RunsTable(id="runs"),
        )
        self._hidden: frozenset[int] = frozenset()
        self._ticking = ticking
        self._timer: Timer | None = None
        self._last_frame = time.monotonic()
        self._last_inspection = 0.0
        self._surveying = False
        self._sizes: list[Size] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    # -- layout -------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The panels; `app.tcss` says where."""
        status, surface, data, curves, this_update, runs = self._panels
        yield status
        yield Static(id="banner")
        with Container(id="body"):
            yield surface
            yield data
            yield curves
            yield this_update
        yield Static(id="sentence")
        yield runs
        yield Footer(show_command_palette=True)
        yield Static(id="too-small")

    async def on_mount(self) -> None:
        """Paint first, then open the experiment."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        self.query_one(Surface).show_problem(self.session.formula)
        self.query_one("#this-update").border_title = "this update, against the full gradient"
        if self._ticking:
            self._timer = self.set_interval(1 / FRAMES_PER_SECOND, self.frame)
        self.run_worker(self.session.open(), name="open")

    def on_unmount(self) -> None:
        """Leave no process behind."""
        self.session.kill()

    def on_resize(self, event: Resize) -> None:
        """Arrange the panels for the size there is (the app's own is still the one before)."""
        width, height = event.size
        self.screen.set_class(width < _WIDE or height < _TALL, "-compact")
        self.screen.set_class(width >= _VERY_WIDE, "-very-wide")
        small = width < LEAST_SIZE[0] or height < LEAST_SIZE[1]
        self.screen.set_class(small, "-too-small")
        self.query_one("#too-small", Static).update(
            f"This terminal is {width}x{height}; gdsim needs {LEAST_SIZE[0]}x{LEAST_SIZE[1]} at least.\n"
            "Enlarge it, or press q to quit."
        )
        self.call_after_refresh(self.redraw)

    @property
    def palette(self) -> Palette:
        """The colours of what is drawn."""
        return palette_of(self.current_theme, self.console.color_system)

    # -- time ---------------------------------------------------------------------------------------------------------

    def frame(self) -> None:
        """A thirtieth of a second went by."""
        now = time.monotonic()
        self.session.frame(now - self._last_frame)
        self._last_frame = now
        if now - self._last_inspection >= 1 / INSPECTIONS_PER_SECOND:
            self._last_inspection = now
            self.session.inspect()
        self._draw(build_scene(self.session, self._hidden, self.palette))

    def redraw(self) -> None:
        """Draw again what stands, after something about the screen changed."""
        self.scene = None
        self._draw(build_scene(self.session, self._hidden, self.palette))

    def _draw(self, scene: Scene | None) -> None:
        self._show_banner()
        sizes = [panel.size for panel in self._panels]  # a banner or the table, when it fills, moves the others
        if scene is None or (self.scene is not None and scene.key == self.scene.key and sizes == self._sizes):
            return
        self.scene, self._sizes = scene, sizes
        for panel in self._panels:
            panel.show(scene)
        self.query_one("#sentence", Static).update(narrate(scene))
        self._survey()

    def _show_banner(self) -> None:
        banner = self.query_one("#banner", Static)
        trouble = self.session.banner
        opening = "" if self.session.opened or trouble else "Starting the engine …"
        words = trouble.sentence if trouble else opening
        banner.set_class(bool(words), "-shown")
        banner.set_class(trouble is not None, "-trouble")
        banner.update(words)

    def _survey(self) -> None:
        if not self._surveying and self.query_one(Surface).wanted is not None:
            self._surveying = True
            self.run_worker(self._fetch_landscape(), name="landscape")

    async def _fetch_landscape(self) -> None:
        """Have the landscape of the window computed, and again as long as the window changes meanwhile."""
        surface = self.query_one(Surface)
        try:
            while (wanted := surface.wanted) is not None:
                answer = await self.session.survey(*wanted)
                if answer is None:
                    return
                surface.set_landscape(answer)
        finally:
            self._surveying = False

    def _tell(self, sentence: str) -> None:
        self.notify(sentence)

    # -- keys: time ---------------------------------------------------------------------------------------------------

    def action_toggle_play(self) -> None:
        """Play or pause."""
        self.session.player.toggle()
        self.frame()

    def action_step(self, moments: int) -> None:
        """Go by so many moments."""
        self.session.step(moments)
        self.frame()

    def action_seek_first(self) -> None:
        """To the start."""
        self.session.player.pause()
        if self.session.history is not None:
            self.session.history.seek_first()
        self.frame()

    def action_seek_live(self) -> None:
        """To the end of the recording."""
        if self.session.history is not None:
            self.session.history.seek_live()
        self.frame()

    def action_speed(self, factor: float) -> None:
        """Faster or slower."""
        self.session.player.multiply_speed(factor)
        self.frame()

    def action_speed_one(self) -> None:
        """The problem's own pace."""
        self.session.player.speed = 1.0
        self.frame()

    # -- keys: the experiment -----------------------------------------------------------------------------------------

    def action_next_clock(self) -> None:
        """Keep the runs equal in something else."""
        clocks = list(CLOCKS)
        clock = clocks[(clocks.index(self.session.experiment.clock) + 1) % len(clocks)]
        self.session.set_clock(clock)
        self.notify(f"{clock}: {CLOCKS[clock]}", title="clock")
        self.frame()

    def action_reset(self) -> None:
        """Begin again; after a crash, with a new engine."""
        self.session.reset()

    def action_new_seed(self) -> None:
        """Begin again with other batches."""
        self.session.reset(seed=self.session.experiment.seed + 1)

    def action_kill_engine(self) -> None:
        """Stop the engine, whatever it is doing."""
        self.session.kill()

    def on_surface_start_chosen(self, message: Surface.StartChosen) -> None:
        """Begin from the place that was clicked on."""
        self.session.reset(start=message.place)
        self.notify(f"Start: {message.place.x:.4g}, {message.place.y:.4g}")

    def action_toggle_run(self, index: int) -> None:
        """Hide or show a run."""
        if index < len(self.session.experiment.runs):
            self._hidden = self._hidden ^ {index}
            self.redraw()

    # -- keys: panels -------------------------------------------------------------------------------------------------

    def action_zoom(self, factor: float) -> None:
        """Nearer or farther."""
        self.query_one(Surface).zoom(factor)
        self.redraw()

    def action_pan(self, across: float, up: float) -> None:
        """Move the window."""
        self.query_one(Surface).pan(across, up)
        self.redraw()

    def action_fit(self) -> None:
        """Show all of the trails."""
        self.query_one(Surface).fit()
        self.redraw()

    def action_toggle_follow(self) -> None:
        """Keep the heads in sight."""
        self.query_one(Surface).follow ^= True
        self.redraw()

    def action_toggle_contours(self) -> None:
        """With or without contour lines."""
        self.query_one(Surface).contours ^= True
        self.redraw()

    def action_next_view(self) -> None:
        """The data in place of the curves, then of the surface, then away; beside them where there is room."""
        if self.session.formula.view is None:
            self.notify("This problem has no data to draw.")
            return
        states = ["", "-data-beside"] if self.screen.has_class("-very-wide") else ["", "-data-curves", "-data-surface"]
        now = next((state for state in states[1:] if self.screen.has_class(state)), "")
        following = states[(states.index(now) + 1) % len(states)]
        self.screen.remove_class("-data-curves", "-data-surface", "-data-beside")
        if following:
            self.screen.add_class(following)
        self.call_after_refresh(self.redraw)

    def action_next_axis(self) -> None:
        """The curves over something else."""
        self.query_one(Curves).next_axis()
        self.redraw()

    def action_toggle_log(self) -> None:
        """Logarithmic or linear curves."""
        self.query_one(Curves).log_y ^= True
        self.redraw()

    def action_next_metric(self) -> None:
        """Loss or gradient norm."""
        self.query_one(Curves).next_metric()
        self.redraw()

    def action_maximise(self) -> None:
        """Enlarge the focused panel (the surface if none), or go back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        else:
            self.screen.maximize(self.focused or self.query_one(Surface))
        self.call_after_refresh(self.redraw)

    # -- keys: keeping ------------------------------------------------------------------------------------------------

    def action_copy_command(self) -> None:
        """The command line that reproduces this."""
        command = command_line(self.session.experiment, self.session.formula)
        self.copy_to_clipboard(command)
        self.notify(command, title="copied", markup=False)

    async def action_export(self) -> None:
        """Write what was recorded to a CSV file in this folder."""
        history = self.session.history
        if history is None:
            return
        names = [run.name for run in self.session.experiment.runs]
        path = Path(time.strftime(f"gdsim-{self.session.experiment.problem.name}-%Y%m%d-%H%M%S.csv"))
        try:
            await asyncio.to_thread(export.write, history.all_rows(), names, path)
        except (export.ExportError, ConfigError) as error:
            self.notify(str(error), severity="error")
        else:
            self.notify(f"Exported to {path}", markup=False)

    def action_save_screen(self) -> None:
        """Save the screen as an SVG file in this folder."""
        try:
            path = self.save_screenshot(time.strftime("gdsim-%Y%m%d-%H%M%S.svg"), ".")
        except OSError as error:
            self.notify(f"The screen could not be saved: {error.strerror}.", severity="error")
        else:
            self.notify(f"Saved {path}", markup=False)

    def action_next_theme(self) -> None:
        """Dark or light."""
        dark = self.current_theme.dark
        self.theme = THEMES[1 if dark else 0].name
        self.redraw()

    def action_help(self) -> None:
        """The help."""
        self.push_screen(HelpScreen(help_text(self.scene)))


def run_app(experiment: Experiment, formula: Formula, *, theme: str | None = None) -> int:
    """Show an experiment on the screen until the user quits; the exit code.

    Raises:
        ConfigError: for an unknown theme.
    """
    app = GdsimApp(experiment, formula, ProcessLink(), playing=True)
    if theme is not None:
        app.theme = choose(theme, app.available_themes, "theme")
    app.run()
    return app.return_code or 0
