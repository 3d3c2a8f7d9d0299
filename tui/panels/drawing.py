"""When the panels of a race are drawn anew: the surface whenever it moves, everything with numbers together."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from textual.geometry import Size

from tui.panels.chart_panel import ChartPanel
from tui.panels.surface import Surface
from tui.scene.scene import Scene

_NUMBERS_PER_SECOND = 4  # while it plays: more could not be read, and all of them cost as much as five surfaces
_LONGEST = 0.005  # seconds of a frame after which further charts wait for the next one, so that none of them is late


class Panel(Protocol):
    """What draws a scene."""

    @property
    def outer_size(self) -> Size:
        """Of all of it, in cells."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""


class Drawing:
    """What was drawn last of a race. All panels with numbers are drawn at one time, so that they name one update."""

    def __init__(
        self, surface: Surface, words: Sequence[Panel], pictures: Sequence[Panel], paint: Callable[[], None]
    ) -> None:
        """Nothing is drawn yet.

        Args:
            surface: it is drawn whenever something moved.
            words: the panels with words; they show what a key did, and take little time.
            pictures: the other panels; charts take the most.
            paint: writes to the terminal what was drawn.
        """
        self._surface, self._words, self._pictures, self._paint = surface, words, pictures, paint
        self._drawn_at = -math.inf
        self.forget()

    def forget(self) -> None:
        """Draw all of it again, though nothing may have changed in the race."""
        self._moved: object = None
        self._counted: object = None
        self._chosen: object = None
        self._ahead: tuple[Scene, object] | None = None
        self._left: list[ChartPanel] = []

    def forget_surface(self) -> None:
        """Draw the surface again."""
        self._moved = None

    def draw(self, scene: Scene) -> None:
        """Draw what changed and is due; what a key did is due at once, and is painted before the pictures are drawn."""
        # a banner or the table, when it fills, moves the others
        sizes = [panel.outer_size for panel in (self._surface, *self._words, *self._pictures)]
        key, chosen = (scene.key, sizes), (scene.chosen, sizes)
        hurried = scene.playing and chosen == self._chosen
        numbers, counted = self._prepared(scene, key) if hurried else (scene if key != self._counted else None, key)
        if numbers is not None:
            for panel in self._words:
                panel.show(numbers)
            if not hurried:
                self._drawn_at = time.monotonic()
                self._paint()
        if key != self._moved:
            self._moved = key
            self._surface.show(scene)
        if numbers is not None:
            for panel in self._pictures:
                panel.show(numbers)
            self._counted, self._chosen, self._ahead, self._left = counted, chosen, None, []
        self._paint()

    def _prepared(self, scene: Scene, key: object) -> tuple[Scene | None, object]:
        """While it plays, the scene that the numbers are of next, and its key, once the charts of it are composed.

        That takes some frames, of each a little, so that no frame is late, and no key waits for long.
        """
        began = time.monotonic()
        if self._ahead is None and key != self._counted and began - self._drawn_at >= 1 / _NUMBERS_PER_SECOND:
            self._drawn_at, self._ahead = began, (scene, key)
            self._left = [panel for panel in self._pictures if isinstance(panel, ChartPanel)]
        if self._ahead is None:
            return None, None
        while self._left:
            self._left.pop().prepare(self._ahead[0])
            if time.monotonic() - began >= _LONGEST:
                return None, None
        return self._ahead
