"""A frame is composed only when the terminal has taken the last one: frames are dropped, never queued."""

import gc
import math
import sys

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.screen import Screen

from tui.driver import PacedDriver
from tui.spans import SpansUpdate

_LONGEST_FRAME = 0.25  # seconds that a slow terminal is busy with one: for that long it cannot show what a key did
_SWITCH = 0.001  # seconds: a key goes through three threads, each of which may wait for so long until it has its turn
_NEVER = 2**31 - 1


def keep_up() -> None:
    """Have nothing in this process hold up frames and keys for long.

    What is there by now stays. To go through it, and through what has stayed since, takes as long as a frame, and has
    nothing to collect: what goes is young.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
    sys.setswitchinterval(_SWITCH)


class PacedApp(App[None]):
    """An app that keeps pace with a slow terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._missed: set[Region] = set()
        self._next_row = 0

    def get_driver_class(self) -> type[Driver]:
        """See `App`."""
        usual = super().get_driver_class()
        return PacedDriver if usual is LinuxDriver else usual

    @property
    def held_up(self) -> bool:
        """Whether the terminal is still busy with the last frame."""
        return isinstance(self._driver, PacedDriver) and self._driver.output.busy

    def catch_up(self) -> None:
        """Have drawn what was dropped, as it is by now."""
        if self._missed:
            screen = self.screen
            parts = (region.intersection(screen.region) for region in self._missed)  # it may have become smaller
            screen._compositor._dirty_regions.update(part for part in parts if part)
            self._missed.clear()
            screen._dirty_widgets.add(screen)  # its `refresh` would have it forget what else is to be drawn
            screen.check_idle()

    def paint(self) -> None:
        """Write what was drawn of the race, now: Textual would only see to it when all messages have been handled."""
        screen = self.screen
        if screen is not self.screen_stack[0] or self._batch_count:
            return  # what lies over the race is painted together with it
        drawn = {widget for widget in screen._compositor.visible_widgets if widget._repaint_regions}
        screen._compositor.update_widgets(drawn)
        for widget in drawn:
            widget._repaint_required = False
        screen._compositor_refresh()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        room = self._driver.output.rate * _LONGEST_FRAME if isinstance(self._driver, PacedDriver) else math.inf
        if isinstance(renderable, CompositorUpdate) and (self.held_up or room < math.inf):
            renderable = self._part(renderable, 0 if self.held_up else room)
        super()._display(screen, renderable)

    def _part(self, update: CompositorUpdate, room: float) -> SpansUpdate | None:
        """Keep about so many bytes of an update, its rows taking turns; the rest is dropped for now."""
        if not isinstance(update, SpansUpdate):
            self._missed.update(Region(0, y, self.size.width, 1) for y in range(self.size.height))
            return None
        # the first row shows what most keys did
        rows = sorted(update.pieces, key=lambda piece: (piece.y > 0, (piece.y - self._next_row) % self.size.height))
        kept = []
        while rows and room > 0:
            kept.append(rows.pop(0))
            room -= len(SpansUpdate(kept[-1:]).render_segments(self.console))
        if rows:
            self._next_row = rows[0].y
            self._missed.update(Region(x, y, strip.cell_length, 1) for y, x, strip in rows)
        return SpansUpdate(sorted(kept, key=lambda piece: piece[:2])) if kept else None
