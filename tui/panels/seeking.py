"""Where a recording lies spread out over a panel's width: a click goes to a moment of it, the wheel steps."""

from dataclasses import dataclass

from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

_WHEEL = 10  # moments


@dataclass
class Sought(Message):
    """A moment was asked for."""

    moment: int


@dataclass
class Stepped(Message):
    """So many moments on, or back, were asked for."""

    moments: int


class Seeking(Widget):
    """A panel in which a click goes to a moment, and the wheel ten moments on or back."""

    def moment_at(self, cell: Offset) -> int | None:
        """The moment that a cell of the content stands for; None for none."""
        raise NotImplementedError

    def on_click(self, event: events.Click) -> None:
        """Go there."""
        offset = event.get_content_offset(self)
        moment = None if offset is None else self.moment_at(offset)
        if moment is not None:
            self.post_message(Sought(moment))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """On."""
        event.stop()
        self.post_message(Stepped(_WHEEL))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Back."""
        event.stop()
        self.post_message(Stepped(-_WHEEL))
