"""What the keys do that are about all of the race; the modules beside it have those of a panel, a run, a recording."""

import asyncio
import time
from typing import TYPE_CHECKING

from textual.widgets._toast import Toast

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.errors import ConfigError
from tui.curve_actions import CurveActions
from tui.draw.palette import Palette
from tui.options.command_line import command_line
from tui.panels.data_view import DataPanel
from tui.panels.lens import Lens
from tui.panels.predictions import Predictions
from tui.panels.runs_table import RunsTable
from tui.panels.seeking import Sought, Stepped
from tui.record_actions import RecordActions, dated
from tui.run_actions import RunActions
from tui.scene.narrate import what_goes_wrong
from tui.scene.scene import Scene
from tui.session import lockstep
from tui.surface_actions import SHORT, SurfaceActions
from tui.themes import THEMES

if TYPE_CHECKING:
    from tui.gallery import Choice

DATA_VIEWS = ("-data-curves", "-data-surface", "-data-beside")
"""The classes of a screen that shows the data, or a model's answers: where."""


class Actions(SurfaceActions, CurveActions, RunActions, RecordActions):
    """What the keys do; `GdsimApp` has the layout and the passing of time.

    Attributes:
        scene: what was drawn last.
        hidden: the runs that are not shown.
        mishaps: what went wrong beside the race.
    """

    scene: Scene | None
    hidden: frozenset[int]
    mishaps: list[str]

    def frame(self) -> None:
        """Let time go by and draw what changed."""
        raise NotImplementedError

    @property
    def palette(self) -> Palette:
        """The colours of what is drawn."""
        raise NotImplementedError

    def show_choice(self, choice: "Choice") -> None:
        """Begin another problem or model instead of this one."""
        raise NotImplementedError

    # -- keys: time ---------------------------------------------------------------------------------------------------

    def action_toggle_play(self) -> None:
        """Play or pause."""
        playing = self.session.player.playing
        for session in self.races:
            if session.player.playing == playing:
                session.toggle_play()
        self.frame()

    def action_step(self, moments: int) -> None:
        """Go by so many moments."""
        lockstep.step(self.races, moments)
        self.frame()

    def action_seek_first(self) -> None:
        """To the start."""
        for session in self.races:
            session.player.pause()
            if session.history is not None:
                session.history.seek_first()
        self.frame()

    def action_seek_live(self) -> None:
        """To the end of the recording."""
        for session in self.races:
            if session.history is not None:
                session.history.seek_live()
        self.frame()

    def on_sought(self, message: Sought) -> None:
        """To a moment of the recording."""
        for session in self.races:
            session.player.pause()
            if session.history is not None:
                session.history.seek_to(message.moment)
        self.frame()

    def on_stepped(self, message: Stepped) -> None:
        """Some moments on, or back."""
        self.action_step(message.moments)

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
        """Begin again with the runs kept equal in something else: going on would leave those ahead standing."""
        clock = self._next_clock()
        for session in self.races:
            session.begin_on(clock)

    def action_change_clock(self) -> None:
        """Keep the runs equal in something else from here on."""
        clock = self._next_clock()
        for session in self.races:
            session.set_clock(clock)
        self.frame()

    def _next_clock(self) -> Clock:
        """The clock after the present one; the user is notified."""
        clocks = list(CLOCKS)
        clock = clocks[(clocks.index(self.session.clock) + 1) % len(clocks)]
        self.notify(f"{clock}: {CLOCKS[clock].sentence}", title="clock", timeout=SHORT)
        return clock

    def action_problems(self) -> None:
        """Choose another problem or model."""
        from tui.gallery import Gallery  # which the first frame does not wait for

        self.push_screen(Gallery(self.palette), self._take_choice)

    def _take_choice(self, choice: "Choice | None") -> None:
        if choice is not None:
            self.show_choice(choice)

    def action_reset(self) -> None:
        """Begin again; after a crash, with a new engine."""
        for session in self.races:
            session.reset()

    def action_new_seed(self) -> None:
        """Begin again with other batches."""
        seed = self.session.asked.seed + 1
        for session in self.races:
            session.reset(seed=seed)

    def action_reset_start(self) -> None:
        """Begin again as the command asked, from the problem's own start."""
        self.session.reset_to_command()

    def action_kill_engine(self) -> None:
        """Stop the engine, whatever it is doing."""
        self.session.kill()

    def action_select_run(self, step: int) -> None:
        """Look at the next run, or the one before."""
        look, there = self.session.look, self.session.there
        if there:
            at = there.index(look.selected) if look.selected in there else 0
            look.selected = there[(at + step) % len(there)]
        self.frame()

    def on_runs_table_selected(self, message: RunsTable.Selected) -> None:
        """Look at the run that was clicked on."""
        self.session.look.selected = message.index
        self.frame()

    def action_toggle_lens(self) -> None:
        """With or without the lens; on a small terminal, instead of the curves."""
        if self.swap_enlarged(Lens):
            return
        self.screen.toggle_class("-lens-small" if self.screen.has_class("-compact") else "-no-lens")
        self.call_after_refresh(self.redraw)

    def action_toggle_run(self, index: int) -> None:
        """Hide or show the run in a row of the table."""
        if index < len(self.session.there):
            self.hidden = self.hidden ^ {self.session.there[index]}
            self.frame()

    # -- keys: panels -------------------------------------------------------------------------------------------------

    def action_next_view(self) -> None:
        """The data instead of the curves, then instead of the surface, then away; beside them where there is room."""
        if self.session.card.drawn is None and not self.session.card.predictions:
            self.notify("This problem has no data to draw.")
            return
        if self.swap_enlarged(Predictions if self.session.card.predictions else DataPanel):
            return
        beside = self.screen.has_class("-very-wide") and len(self.races) == 1
        states = ["", "-data-beside"] if beside else ["", "-data-curves", "-data-surface"]
        now = next((state for state in states[1:] if self.screen.has_class(state)), "")
        following = states[(states.index(now) + 1) % len(states)]
        self.screen.update_classes({view: view == following for view in DATA_VIEWS})
        self.call_after_refresh(self.redraw)

    # -- keys: keeping ------------------------------------------------------------------------------------------------

    def action_copy_command(self) -> None:
        """The command line that reproduces this."""
        try:
            command = command_line(self.session.reproduced)
        except ConfigError as error:
            self.notify(str(error))
            return
        self.copy_to_clipboard(command)
        self.notify(command, title="copied")

    async def action_export(self) -> None:
        """Write what was recorded to a CSV file in this folder."""
        from tui import export  # which the first frame does not wait for

        history, trails = self.session.history, self.session.trails
        if history is None or trails is None:
            return
        names = [lineage.newest.name for lineage in self.session.lineages]
        path = dated(self.session.card.name, ".csv")
        try:
            rows = export.with_failures(history.all_rows(), self.session.troubles.values())
            await asyncio.to_thread(export.write, rows, names, path, trails)
        except (export.ExportError, ConfigError) as error:
            self.notify(str(error), severity="error")
        else:
            self.notify(f"Exported to {path}")

    async def action_save_screen(self) -> None:
        """Save the screen as an SVG file in this folder, without the notes that lie over it."""
        self.clear_notifications()
        await self.screen.query(Toast).remove()
        self.screen.call_after_refresh(self._save_screen)

    def _save_screen(self) -> None:
        try:
            path = self.save_screenshot(time.strftime("gdsim-%Y%m%d-%H%M%S.svg"), ".")
        except OSError as error:
            self.notify(f"The screen could not be saved: {error.strerror}.", severity="error")
        else:
            self.notify(f"Saved {path}")

    def action_next_theme(self) -> None:
        """Dark or light."""
        dark = self.current_theme.dark
        self.theme = THEMES[1 if dark else 0].name

    def action_details(self) -> None:
        """What went wrong, in full: the traceback, or what the engine printed last."""
        from tui.help import HelpScreen, details_page  # whose Markdown the first frame does not wait for

        banner = self.session.banner
        texts = [f"{trouble.sentence}\n\n{trouble.details}" for trouble in self.session.troubles.values()]
        texts += what_goes_wrong(self.scene) if self.scene else []
        texts += [f"{banner.sentence}\n\n{banner.details}"] if banner else []
        texts += self.mishaps
        if not texts and (output := self.session.output):
            texts = [f"Nothing went wrong so far. The engine printed:\n\n{output}"]
        if texts:
            self.push_screen(HelpScreen(details_page(texts)))
        else:
            self.notify("Nothing went wrong so far.")

    def action_help(self) -> None:
        """The help."""
        from tui.help import HelpScreen, help_page

        self.push_screen(HelpScreen(help_page(self.scene)))
