"""A row to drag or to go along with the arrow keys, over the values that are usual for a number."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import isfinite
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Slider(Widget, can_focus=True):
    """Stops at equal distances, of which each stands for a value; a value between two stops is shown between them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "less", show=False),
        Binding("right", "step(1)", "more", show=False),
        Binding("home", "step(-999)", "least", show=False),
        Binding("end", "step(999)", "most", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"slider--track", "slider--handle"}

    value: reactive[float] = reactive(0.0)
    """What the handle stands at; what is not finite is ignored."""

    class Moved(Message):
        """The handle was moved by its user, to one of the stops."""

        def __init__(self, slider: "Slider", value: float) -> None:
            """A value of the slider's stops, of their type."""
            super().__init__()
            self.slider = slider
            self.value = value

        @property
        def control(self) -> "Slider":
            """Whose message it is."""
            return self.slider

    def __init__(self, stops: Sequence[float], value: float, name: str) -> None:
        """A slider at a value.

        Args:
            stops: growing.
            value: whatever it is; beyond the stops the handle is at the end.
            name: of what the value is.
        """
        super().__init__(name=name)
        self._stops = stops
        self._grabbed = False
        self.set_reactive(Slider.value, value)

    def validate_value(self, value: float) -> float:
        """Keep what it was where there is no number."""
        return value if isfinite(value) else self.value

    def render(self) -> Text:
        """The track, bright as far as the handle."""
        last = max(self.content_size.width - 1, 0)
        at = round(np.interp(self.value, self._stops, np.linspace(0, last, len(self._stops))))
        track, handle = map(self.get_component_rich_style, ("slider--track", "slider--handle"))
        return Text.assemble(("━" * at, handle), ("●", handle), ("─" * (last - at), track), no_wrap=True)

    def action_step(self, by: int) -> None:
        """Go so many stops along; from between two, to the one or the other first."""
        passed = bisect_right(self._stops, self.value) - 1 if by > 0 else bisect_left(self._stops, self.value)
        self._move(passed + by)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the handle, and bring it there."""
        self._grabbed = True
        self.capture_mouse()
        self._drag(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the handle."""
        if self._grabbed:
            self._drag(event)

    def on_mouse_up(self) -> None:
        """Let it go."""
        self._grabbed = False
        self.release_mouse()

    def _drag(self, event: events.MouseEvent) -> None:
        share = event.x / max(self.content_size.width - 1, 1)
        self._move(round(share * (len(self._stops) - 1)))

    def _move(self, stop: int) -> None:
        value = self._stops[min(max(stop, 0), len(self._stops) - 1)]
        if value != self.value:
            self.value = value
            self.post_message(self.Moved(self, value))
