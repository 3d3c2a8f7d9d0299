"""One panel as large as all of them.

Textual's `Screen.maximize` is not enough: a panel that is hidden otherwise, as the data are, stays so, and all others
stay displayed, so that they would go on being drawn.
"""

from typing import TypeVar

from textual.app import App
from textual.widget import Widget

from tui.panels.surface import Surface

_PANELS = "#body > *"

Panel = TypeVar("Panel", bound=Widget)


class Enlarging(App[None]):
    """An app whose panels can be enlarged. The screen's class says whether one is, the panel's own which."""

    def redraw(self) -> None:
        """Draw again what stands."""
        raise NotImplementedError

    def action_maximise(self) -> None:
        """Enlarge the focused panel (the surface if none), or go back."""
        if self.screen.has_class("-enlarged"):
            self.screen.remove_class("-enlarged")
            self.query(_PANELS).remove_class("-large")
            self.call_after_refresh(self.redraw)
        else:
            self.screen.add_class("-enlarged")
            panels = [panel for panel in self.query(_PANELS) if panel.has_focus_within]
            self._enlarge(panels[0] if panels else self.query_one(Surface))

    def swap_enlarged(self, kind: type[Widget]) -> bool:
        """Where a panel is enlarged, enlarge one of a kind instead, or the surface instead of that; whether so."""
        if not self.screen.has_class("-enlarged"):
            return False
        panel = self.query_one(kind)
        self._enlarge(self.query_one(Surface) if panel.has_class("-large") else panel)
        return True

    def in_sight(self, kind: type[Panel]) -> Panel:
        """The panel of a kind; where another one is enlarged, so that it would be hidden, instead of that."""
        panel = self.query_one(kind)
        if self.screen.has_class("-enlarged") and not panel.has_class("-large"):
            self._enlarge(panel)
        return panel

    def _enlarge(self, panel: Widget) -> None:
        self.query(_PANELS).remove_class("-large")
        panel.add_class("-large")
        self.call_after_refresh(self.redraw)
