"""When the panels of a race are drawn anew: the surface whenever it moves, everything with numbers together."""

import math
import time
from collections.abc import Sequence
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

    def __init__(self, surface: Surface, numbers: Sequence[Panel]) -> None:
        """Nothing is drawn yet.

        Args:
            surface: it is drawn first.
            numbers: the other panels.
        """
        self._surface, self._numbers = surface, numbers
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
        """Draw what changed and is due; what a key did is due at once."""
        # a banner or the table, when it fills, moves the others
        sizes = [panel.size for panel in (self._surface, *self._numbers)]
        key, chosen = (scene.key, sizes), (scene.chosen, sizes)
        if key != self._moved:
            self._moved = key
            self._surface.show(scene)
        now = time.monotonic()
        waits = scene.playing and chosen == self._chosen and now - self._drawn_at < 1 / _NUMBERS_PER_SECOND
        if key != self._counted and not waits:
            self._counted, self._chosen, self._drawn_at = key, chosen, now
            for panel in self._numbers:
                panel.show(scene)
