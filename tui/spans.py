"""A screen that writes to the terminal the cells that were refreshed, and as little about them as says how they look.

Textual cuts what it writes for a refreshed region of a widget at the region's right, but not at its left: each span
would cost all of its row up to there. And it says all of each piece's style anew.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import Screen

_RESET = "\x1b[0m"


class _Look(NamedTuple):
    """A style as parameters of SGR, ECMA-48's control sequence for how text looks.

    Attributes:
        attributes: bold and the like; "" for none.
        fg, bg: the colours; those of the terminal's own where there are none.
    """

    attributes: str = ""
    fg: str = "39"
    bg: str = "49"


@lru_cache(maxsize=8192)
def _look_of(style: Style | None, system: ColorSystem) -> _Look:
    if style is None:
        return _Look()
    fg, bg = style.color, style.bgcolor
    return _Look(
        style.without_color._make_ansi_codes(system),
        _Look().fg if fg is None else ";".join(fg.downgrade(system).get_ansi_codes()),
        _Look().bg if bg is None else ";".join(bg.downgrade(system).get_ansi_codes(foreground=False)),
    )


class _Writer:
    """Writes cells from wherever the cursor is, in whatever look was written last."""

    def __init__(self, system: ColorSystem) -> None:
        self._system = system
        self._look = _Look()
        self._cursor = (-1, -1)
        self.written: list[str] = []

    def write(self, x: int, y: int, end: int, segments: Iterable[Segment]) -> None:
        """Write the cells of a row from a column up to another one."""
        column, row = self._cursor
        if (column, row) != (x, y):
            ahead = row == y and x > column
            self.written.append(f"\x1b[{x - column}C" if ahead else f"\x1b[{y + 1};{x + 1}H")
        for text, style, _ in segments:
            self._turn_to(_look_of(style, self._system))
            self.written.append(text)
        self._cursor = end, y

    def end(self) -> str:
        """All that was written; what follows looks as it did before."""
        self._turn_to(_Look())
        return "".join(self.written)

    def _turn_to(self, look: _Look) -> None:
        if look.attributes != self._look.attributes:
            self.written.append(_RESET)
            self._look = _Look()
        codes = [new for new, old in zip(look, self._look, strict=True) if new != old]
        if codes:
            self.written.append(f"\x1b[{';'.join(codes)}m")
        self._look = look


class SpansUpdate(ChopsUpdate):
    """A partial update of the screen: spans of rows, each of them cut at both ends."""

    def render_segments(self, console: Console) -> str:
        """See `CompositorUpdate`."""
        writer = _Writer(console._color_system or ColorSystem.TRUECOLOR)
        for y, begin, end in self.spans:
            for stop, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, begin), min(stop, end)
                if strip is not None and left < right:
                    writer.write(left, y, right, strip.crop(left - x, right - x))
        return writer.end()


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
