"""Text in a panel, of which only what changes is written to the terminal."""

from collections.abc import Iterator
from itertools import groupby, zip_longest

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip

from tui.panels.cells import Cells


class Words(Cells):
    """A widget with a text; it repaints only the cells that changed, since painting costs more than comparing."""

    _said: tuple[Text, Size, Style] | None = None
    _strips: tuple[Strip, ...] = ()
    _filtered: tuple[Strip, ...] = ()

    def say(self, text: Text) -> None:
        """Show a text, its lines wrapped at the panel's width."""
        saying = text, self.size, self.rich_style
        if saying == self._said or not self.size:
            return
        console = self.app.console
        options = console.options.update(width=self.size.width, height=self.size.height)
        lines = console.render_lines(text, options, style=self.rich_style)
        strips = tuple(Strip(line, self.size.width) for line in lines)
        regions = [
            Region(begin, row, end - begin, 1)
            for row, (old, new) in enumerate(zip_longest(self._strips, strips, fillvalue=Strip([])))
            for begin, end in changed_cells(old, new)
        ]
        self._said, self._strips, self._filtered = saying, strips, strips
        for line_filter in self.get_line_filters():
            background = self.background_colors[1]
            self._filtered = tuple(strip.apply_filter(line_filter, background) for strip in self._filtered)
        if regions:
            self.refresh(*regions)

    def cells(self, part: Region) -> list[Strip] | None:
        """See `Cells`; links under the mouse look otherwise."""
        if part.bottom > len(self._filtered) or self.hover_style.meta:
            return None
        return [strip.crop(part.x, part.right) for strip in self._filtered[part.y : part.bottom]]

    def render_line(self, y: int) -> Strip:
        """One line of the text."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)


def changed_cells(old: Strip, new: Strip) -> Iterator[tuple[int, int]]:
    """Begin and end of each unbroken run of cells in which two strips differ."""
    if old == new:
        return
    begin = 0
    for differs, run in groupby(zip_longest(_cells(old), _cells(new)), lambda pair: pair[0] != pair[1]):
        end = begin + len(list(run))
        if differs:
            yield begin, end
        begin = end


def _cells(strip: Strip) -> list[tuple[str, Style | None, int]]:
    """Character and style of each cell, and which part of the character is in it."""
    cells: list[tuple[str, Style | None, int]] = []
    for text, style, _ in strip:
        narrow = cell_len(text) == len(text)
        cells += [
            (character, style, part) for character in text for part in range(1 if narrow else cell_len(character))
        ]
    return cells
