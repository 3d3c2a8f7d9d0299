"""What the keys and the mouse do with the surface."""

from sim.experiment.choices import PLANES
from tui.enlarging import Enlarging
from tui.panels.surface import Surface
from tui.session.session import Session

SHORT = 2.0  # seconds for words about what is to be seen beneath them


class SurfaceActions(Enlarging):
    """An app with a surface, or with one for each of two races.

    Attributes:
        session: the experiment on the screen.
    """

    session: Session

    @property
    def races(self) -> tuple[Session, ...]:
        """What goes on when it plays: the race that the keys are about, and the one beside it."""
        raise NotImplementedError

    def action_zoom(self, factor: float) -> None:
        """Nearer or farther."""
        self.in_sight(Surface).zoom(factor)
        self.redraw()

    def action_pan(self, across: float, up: float) -> None:
        """Move the window."""
        self.in_sight(Surface).pan(across, up)
        self.redraw()

    def action_fit(self) -> None:
        """Show all of the trails."""
        self.in_sight(Surface).fit()
        self.redraw()

    def action_toggle_follow(self) -> None:
        """Keep the heads in sight."""
        self.in_sight(Surface).follow ^= True
        self.redraw()

    def action_next_plane(self) -> None:
        """See a model's parameters on another plane."""
        kinds = list(PLANES)
        for session, surface in zip(self.races, self.query(Surface), strict=False):
            if session.trails is not None and session.trails.plane.kind in kinds:
                kind = kinds[(kinds.index(session.trails.plane.kind) + 1) % len(kinds)]
                surface.fit_always()
                session.set_plane(kind)
                self.notify(f"{kind}: {PLANES[kind]}", title="plane", timeout=SHORT)
                return
        if self.session.trails is not None:
            self.notify("Two parameters are their own plane; planes are for models.")

    def action_toggle_contours(self) -> None:
        """With or without contour lines."""
        self.in_sight(Surface).contours ^= True
        self.redraw()

    def on_surface_start_chosen(self, message: Surface.StartChosen) -> None:
        """Begin from the point that was clicked on."""
        if not self.session.card.movable:
            self.notify("A model begins as it was made from the seed; R makes it anew from another one.")
            return
        self.session.reset(start=message.point)
        words = f"Start: {message.point.x:.4g}, {message.point.y:.4g}; S goes back to the problem's own."
        self.notify(words, timeout=SHORT)

    def on_surface_moved(self) -> None:
        """Draw the window that was chosen with the mouse, and have its landscape made."""
        self.redraw()
