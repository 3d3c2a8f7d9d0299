"""When the panels of a race are drawn anew: the surface whenever it moves, everything with numbers together."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from textual.geometry import Size

from tui.panels.surface import Surface
from tui.scene.scene import Scene

_NUMBERS_PER_SECOND = 4  # while it plays: more could not be read, and all of them cost as much as five surfaces


class Panel(Protocol):
    """What draws a scene."""

    @property
    def size(self) -> Size:
        """Of its content, in cells."""

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
            pictures: the other panels, which take the most.
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

    def forget_surface(self) -> None:
        """Draw the surface again."""
        self._moved = None

    def draw(self, scene: Scene) -> None:
        """Draw what changed and is due; what a key did is due at once, and is painted before the pictures are drawn."""
        # a banner or the table, when it fills, moves the others
        sizes = [panel.size for panel in (self._surface, *self._words, *self._pictures)]
        key, chosen, now = (scene.key, sizes), (scene.chosen, sizes), time.monotonic()
        waits = scene.playing and chosen == self._chosen and now - self._drawn_at < 1 / _NUMBERS_PER_SECOND
        due = key != self._counted and not waits
        if due:
            for panel in self._words:
                panel.show(scene)
            if chosen != self._chosen:
                self._paint()
            self._counted, self._chosen, self._drawn_at = key, chosen, now
        if key != self._moved:
            self._moved = key
            self._surface.show(scene)
        if due:
            for panel in self._pictures:
                panel.show(scene)
        self._paint()
