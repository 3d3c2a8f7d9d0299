"""A second race beside the first, in fewer panels."""

from collections.abc import Callable

from textual.containers import Vertical

from tui.draw.palette import Palette
from tui.panels.curve_style import CurveStyle
from tui.panels.curves import Curves
from tui.panels.drawing import Drawing
from tui.panels.runs_table import RunsTable
from tui.panels.seeking import Sought
from tui.panels.status_line import StatusLine
from tui.panels.surface import Surface
from tui.panels.this_update import ThisUpdate
from tui.scene.building import build_scene
from tui.session.session import Session


class Companion(Vertical):
    """What it is, its surface, its curves, its last updates and its runs.

    Attributes:
        session: what is shown; None: nothing.
        surface: where its runs go.
        drawing: what was drawn last.
    """

    def __init__(self, style: CurveStyle, paint: Callable[[], None], id: str | None = None) -> None:
        """Show nothing yet.

        Args:
            style: of the curves.
            paint: see `Drawing`.
            id: its name on the screen.
        """
        super().__init__(id=id)
        self.session: Session | None = None
        self.surface = Surface()
        self._above, self._below = StatusLine(), (Curves(style), ThisUpdate(), RunsTable())
        curves, this_update, table = self._below
        self.drawing = Drawing(self.surface, (self._above, this_update, table), (curves,), paint)

    def show_session(self, session: Session | None) -> None:
        """Turn to another race, or to none."""
        if session is not None and not self.children:  # the first frame does not wait for them
            self.mount(self._above, self.surface, *self._below)
        if session is not None and session is not self.session:
            self.surface.show_problem(session.card)
        self.session = session
        self.drawing.forget()

    def draw(self, palette: Palette) -> None:
        """Draw what changed, and have looked into what there is still to be found out."""
        session = self.session
        scene = build_scene(session, frozenset(), palette) if session is not None else None
        if session is None or scene is None:
            return
        self.drawing.draw(scene)
        self.surface.take(session.look.landscape)
        session.look.wanted, session.look.blank = self.surface.wanted, not self.surface.stands
        session.look.go_on()

    def on_surface_start_chosen(self, message: Surface.StartChosen) -> None:
        """Begin this race from the point that was clicked on."""
        message.stop()
        if self.session is not None and self.session.card.movable:
            self.session.reset(start=message.point)

    def on_surface_moved(self, message: Surface.Moved) -> None:
        """Draw the window that was chosen."""
        message.stop()
        self.drawing.forget()

    def on_sought(self, message: Sought) -> None:
        """Go to a moment of this race, which is not one of the other's."""
        message.stop()
        if self.session is not None and self.session.history is not None:
            self.session.player.pause()
            self.session.history.seek_to(message.moment)

    def on_runs_table_selected(self, message: RunsTable.Selected) -> None:
        """Look at the run that was clicked on."""
        message.stop()
        if self.session is not None:
            self.session.look.selected = message.index
            self.drawing.forget()
