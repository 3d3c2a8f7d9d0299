"""A screen that writes to the terminal the cells that were refreshed, and as little about them as says how they look.

Textual cuts what it writes for a refreshed region of a widget at the region's right, but not at its left: each span
would cost all of its row up to there. And it says all of each piece's style anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice, pairwise
from operator import itemgetter
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

_RESET = "\x1b[0m"


class _Look(NamedTuple):
    """A style as parameters of SGR, ECMA-48's control sequence for how text looks.

    Attributes:
        attributes: bold and the like; "" for none.
        bg, fg: the colours; those of the terminal's own where there are none.
    """

    attributes: str = ""
    bg: str = "49"
    fg: str = "39"


@lru_cache(maxsize=8192)
def _look_of(style: Style | None, system: ColorSystem) -> _Look:
    if style is None:
        return _Look()
    fg, bg = style.color, style.bgcolor
    return _Look(
        style.without_color._make_ansi_codes(system),
        _Look().bg if bg is None else ";".join(bg.downgrade(system).get_ansi_codes(foreground=False)),
        _Look().fg if fg is None else ";".join(fg.downgrade(system).get_ansi_codes()),
    )


class _Writer:
    """Writes cells from wherever the cursor is, in whatever look was written last."""

    def __init__(self) -> None:
        self._look = _Look()
        self._cursor = (-1, -1)
        self.written: list[str] = []

    def write(self, look: _Look, y: int, x: int, text: str, width: int) -> None:
        """Write a text of so many cells into a row from a column on."""
        column, row = self._cursor
        if (column, row) != (x, y):
            ahead = row == y and x > column
            self.written.append(f"\x1b[{x - column}C" if ahead else f"\x1b[{y + 1};{x + 1}H")
        self._turn_to(look)
        self.written.append(text)
        self._cursor = x + width, y

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


class Piece(NamedTuple):
    """What stands in a row of the screen from column `x` on."""

    y: int
    x: int
    strip: Strip


class SpansUpdate(CompositorUpdate):
    """A partial update of the screen: pieces of its rows, each cut at both ends."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    def render_segments(self, console: Console) -> str:
        """See `CompositorUpdate`. What looks alike goes together: to say how takes more than to go elsewhere."""
        writer = _Writer()
        for run in sorted(self._runs(console._color_system or ColorSystem.TRUECOLOR), key=itemgetter(0)):
            writer.write(*run)
        return writer.end()

    def _runs(self, system: ColorSystem) -> Iterator[tuple[_Look, int, int, str, int]]:
        """What stands side by side and looks alike: how it looks, row, column, text and width, in reading order."""
        for y, x, strip in self.pieces:
            for segment in strip:
                width = segment.cell_length
                yield _look_of(segment.style, system), y, x, segment.text, width
                x += width


class SpansCompositor(Compositor):
    """Textual's compositor, whose partial updates are `SpansUpdate`s.

    Textual's own renders each row in which something changed as a whole, with all widgets in it. This one asks the
    widget in front for the cells that changed.
    """

    _rows: dict[int, list[tuple[int, int, Widget, Region]]]
    _cuts_of_rows: list[list[int]] | None = None

    def render_partial_update(self) -> SpansUpdate | None:  # type: ignore[override]
        """See `Compositor`."""
        spans = self._regions_to_spans(self._dirty_regions.copy())
        self._dirty_regions.clear()
        pieces = list(self._pieces(spans))
        return SpansUpdate(pieces) if pieces else None

    def _pieces(self, spans: Iterable[tuple[int, int, int]]) -> Iterator[Piece]:
        """What is to be seen in spans: row, begin and end. Rows of a widget below each other are rendered together."""
        rows = defaultdict[tuple[Widget, Region, int, int], list[int]](list)
        for y, begin, end in spans:
            for left, right, widget, region in self._row(y) if 0 <= y < self.size.height else ():
                x, stop = max(left, begin), min(right, end)
                if x < stop:
                    rows[widget, region, x, stop].append(y)
        for (widget, region, x, stop), ys in rows.items():
            for _, unbroken in groupby(enumerate(ys), lambda numbered: numbered[1] - numbered[0]):
                first, *others = (y for _, y in unbroken)
                block = Region(x, first, stop - x, 1 + len(others)).translate(-region.offset)
                for y, strip in enumerate(widget.render_lines(block), start=first):
                    yield Piece(y, x, strip)

    def _row(self, y: int) -> list[tuple[int, int, Widget, Region]]:
        """Which widget is in front in each stretch of a row: its begin and end, the widget and the widget's region."""
        if self._cuts_of_rows is not self.cuts:  # the layout is another one
            self._cuts_of_rows, self._rows = self.cuts, {}
        if y not in self._rows:
            self._rows[y] = [
                (left, right, widget, region)
                for left, right in pairwise(self.cuts[y])
                for widget, region in self._in_front(left, y)
            ]
        return self._rows[y]

    def _in_front(self, x: int, y: int) -> list[tuple[Widget, Region]]:
        """The widget that is to be seen in a cell, if there is any."""
        covering = (
            (widget, region)
            for widget, (region, clip) in self.visible_widgets.items()
            if region.contains(x, y) and clip.contains(x, y)
        )
        return list(islice(covering, 1))


class SpansScreen(Screen[object]):
    """A screen that is refreshed by a `SpansCompositor`."""

    def __init__(self) -> None:
        super().__init__(id="_default")
        self._compositor = SpansCompositor()
