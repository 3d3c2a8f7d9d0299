"""What the keys and the mouse do with the curves."""

from tui.enlarging import Enlarging
from tui.panels.clocks import Clocks
from tui.panels.curve_style import CurveStyle
from tui.panels.curves import Curves
from tui.scene.scene import Scene


class CurveActions(Enlarging):
    """An app with curves, over one axis or over three.

    Attributes:
        scene: what was drawn last.
        curve_style: what the curves show, and how.
    """

    scene: Scene | None
    curve_style: CurveStyle

    def action_next_axis(self) -> None:
        """The curves over something else."""
        if self.query_one(Clocks).display:
            self.notify("Each of the three clocks is an axis already; C shows one chart.")
            return
        self.in_sight(Curves).next_axis()
        self.redraw()

    def action_next_across(self) -> None:
        """The x axes of the curves logarithmic, linear, or as it suits."""
        self.curve_style.next_across()
        self._show_style()

    def action_next_up(self) -> None:
        """Logarithmic curves down to six decades below the start, or to the end, or linear ones."""
        self.curve_style.next_up()
        self._show_style()

    def action_next_measure(self) -> None:
        """Curves of the next measure."""
        if self.scene is not None:
            self.curve_style.next_measure(self.scene)
            self._show_style()

    def _show_style(self) -> None:
        if not self.query_one(Clocks).display:
            self.in_sight(Curves)
        self.redraw()

    def action_toggle_clocks(self) -> None:
        """The same race on the three clocks side by side, or one chart; where there is no room, on the whole screen."""
        clocks = self.query_one(Clocks)
        if clocks.has_class("-large"):
            self.action_maximise()
        elif self.screen.has_class("-compact") or self.screen.has_class("-enlarged"):
            self.screen.add_class("-enlarged")
            self._enlarge(clocks)
        else:
            self.screen.toggle_class("-clocks")
            self.call_after_refresh(self.redraw)
