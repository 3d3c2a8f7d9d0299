"""When the panels of a race are drawn anew: the surface whenever it moves, everything with numbers from one scene."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from textual.geometry import Size

from tui.panels.surface import Surface
from tui.scene.scene import Scene

_NUMBERS_PER_SECOND = 4  # while it plays: more could not be read, and all of them cost as much as five surfaces
_LONGEST = 0.005  # seconds of a frame after which further pictures wait for the next one while it plays


class Panel(Protocol):
    """What draws a scene."""

    @property
    def size(self) -> Size:
        """Of its content, in cells."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""


class Drawing:
    """What was drawn last of a race. All panels with numbers draw one scene, so that they name one update."""

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
        self._left: list[Panel] = []
        self._scene: Scene | None = None
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
        """Draw what changed and is due; what a key did is due at once, and is painted before the pictures are drawn.

        While it plays, words and pictures are drawn in frames of their own, so that no frame is late, nor a key.
        """
        # a banner or the table, when it fills, moves the others
        sizes = [panel.size for panel in (self._surface, *self._words, *self._pictures)]
        key, chosen, now = (scene.key, sizes), (scene.chosen, sizes), time.monotonic()
        hurried = scene.playing and self._chosen is not None
        early = bool(self._left) or now - self._drawn_at < 1 / _NUMBERS_PER_SECOND
        due = key != self._counted and not (hurried and chosen == self._chosen and early)
        if due:
            for panel in self._words:
                panel.show(scene)
            if chosen != self._chosen:
                self._paint()
            self._counted, self._chosen, self._drawn_at = key, chosen, now
            self._left, self._scene = list(self._pictures), scene
        if key != self._moved:
            self._moved = key
            self._surface.show(scene)
        if not (hurried and due):
            self._draw_pictures(_LONGEST if hurried else math.inf)
        self._paint()

    def _draw_pictures(self, seconds: float) -> None:
        """Draw the scene that the words are about in pictures, for so long."""
        began = time.monotonic()
        while self._scene is not None and self._left and time.monotonic() - began < seconds:
            self._left.pop(0).show(self._scene)
