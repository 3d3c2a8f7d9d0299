"""When the panels of a race are drawn anew: what a key did at once, the surface whenever it moves, charts in turn."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Coming:
    """Pictures of a scene that are shown once all charts among them are composed.

    Attributes:
        scene, key: which scene.
        pictures: what is to be shown.
        left: the charts that are still to be composed.
        with_words: whether the words about the scene are said only then, too.
    """

    scene: Scene
    key: object
    pictures: list[Panel]
    left: list[ChartPanel]
    with_words: bool


class Drawing:
    """What was drawn last of a race.

    What a key did is said in words, and painted, at once; then comes the surface, and in the frames that follow the
    other pictures, whose charts are composed a few a frame, so that the next key does not wait for them. While time
    goes on, the words wait for the pictures, so that all of them name one update.
    """

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
        self._began_at = -math.inf
        self.forget()

    def forget(self) -> None:
        """Draw all of it again, in one frame, though nothing may have changed in the race."""
        self._moved: object = None
        self._said: object = None
        self._chosen: object = None
        self._pictured: object = None
        self._charted: object = None
        self._coming: _Coming | None = None
        self._at_once = True

    def forget_surface(self) -> None:
        """Draw the surface again."""
        self._moved = None

    def draw(self, scene: Scene) -> None:
        """Draw what changed and is due."""
        began = time.monotonic()
        # a banner or the table, when it fills, moves the others
        sizes = [panel.outer_size for panel in (self._surface, *self._words, *self._pictures)]
        key, chosen = (scene.key, sizes), (scene.chosen, sizes)
        hurried = scene.playing and chosen == self._chosen
        said = not hurried and key != self._said
        if said:
            self._chosen = chosen
            self._say(scene, key)
            self._paint()
        if self._are_due(key, hurried=hurried, now=began):
            self._began_at = began
            self._coming = self._begun(scene, key, (scene.course, sizes), hurried=hurried)
        coming = self._coming
        if coming is not None and not (said and coming.left and not self._at_once):
            self._compose(coming, began)
        shown = coming is not None and self._coming is None
        if key != self._moved and not (hurried and shown):  # one frame has no time for all
            self._moved = key
            self._surface.show(scene)
        self._paint()

    def _say(self, scene: Scene, key: object) -> None:
        """Have the words said."""
        self._said = key
        for panel in self._words:
            panel.show(scene)

    def _are_due(self, key: object, *, hurried: bool, now: float) -> bool:
        """Whether pictures are to be begun: of what a key did as soon as those before are shown, else now and then."""
        if key == self._pictured:
            return False
        if self._coming is not None:
            return not hurried and self._coming.with_words  # which say by now what the key did
        return not hurried or now - self._began_at >= 1 / _NUMBERS_PER_SECOND

    def _begun(self, scene: Scene, key: object, course: object, *, hurried: bool) -> _Coming:
        """The pictures of a scene, none of them composed; charts only where their curves are others."""
        charts = [panel for panel in self._pictures if isinstance(panel, ChartPanel)]
        if course == self._charted:
            return _Coming(scene, key, [one for one in self._pictures if one not in charts], [], hurried)
        self._charted = course
        return _Coming(scene, key, list(self._pictures), charts, hurried)

    def _compose(self, coming: _Coming, began: float) -> None:
        """Compose some charts; once none is left show all, while time goes on in a frame of its own."""
        composes = bool(coming.left)
        while coming.left:
            coming.left.pop().prepare(coming.scene)
            if not self._at_once and time.monotonic() - began >= _LONGEST:
                break
        if coming.left or (composes and coming.with_words):
            return
        if coming.with_words:
            self._say(coming.scene, coming.key)
        for panel in coming.pictures:
            panel.show(coming.scene)
        self._pictured, self._coming, self._at_once = coming.key, None, False
