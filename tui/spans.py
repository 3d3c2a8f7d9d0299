"""A screen that writes to the terminal the cells that were refreshed, and none to the left of them.

Textual cuts what it writes for a refreshed region of a widget at the region's right, but not at its left: each span
would cost all of its row up to there.
"""

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import Screen


class SpansUpdate(ChopsUpdate):
    """A partial update of the screen: spans of rows, each of them cut at both ends."""

    def render_segments(self, console: Console) -> str:
        """See `CompositorUpdate`."""
        written: list[str] = []
        for y, begin, end in self.spans:
            for stop, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, begin), min(stop, end)
                if strip is not None and left < right:
                    written += [Control.move_to(left, y).segment.text, strip.crop(left - x, right - x).render(console)]
        return "".join(written)


class SpansCompositor(Compositor):
    """Textual's compositor, whose partial updates are `SpansUpdate`s."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """See `Compositor`."""
        update = super().render_partial_update()
        return update and SpansUpdate(update.chops, update.spans, update.chop_ends)


class SpansScreen(Screen[object]):
    """A screen that is refreshed by a `SpansCompositor`."""

    def __init__(self) -> None:
        super().__init__(id="_default")
        self._compositor = SpansCompositor()
