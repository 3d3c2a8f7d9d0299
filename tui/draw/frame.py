"""A composed picture of terminal cells, and in which of them it differs from another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.draw.wide import REST, cut

Integers = NDArray[np.int64]


@lru_cache(maxsize=4096)
def style_of(fg: int, bg: int, bold: bool = False) -> Style:
    """The rich Style of two colours 0xRRGGBB."""
    triplets = (ColorTriplet(color >> 16, color >> 8 & 255, color & 255) for color in (fg, bg))
    front, back = map(Color.from_triplet, triplets)
    return Style(color=front, bgcolor=back, bold=bold or None)


class Span(NamedTuple):
    """Cells of one row: the columns from `begin` to before `end`."""

    row: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A composed picture: for each cell its character, colours and weight, arrays of shape (rows, columns).

    Attributes:
        characters: Unicode code points, uint32.
        fg, bg: colours 0xRRGGBB, int64.
        bold: bool.
    """

    characters: NDArray[np.uint32]
    fg: Integers
    bg: Integers
    bold: NDArray[np.bool_]

    @classmethod
    def of_text(cls, lines: Sequence[str], fg: int, bg: int) -> "Frame":
        """Lines of one length, of characters one cell wide, in one pair of colours."""
        shape = len(lines), len(lines[0]) if lines else 0
        characters = np.frombuffer("".join(lines).encode("utf-32-le"), dtype="<u4").reshape(shape)
        return cls(characters, np.full(shape, fg, np.int64), np.full(shape, bg, np.int64), np.zeros(shape, np.bool_))

    def with_inset(self, other: "Frame", row: int, column: int) -> "Frame":
        """This frame with another one, which has to fit in, over a part of it."""
        rows, columns = other.fg.shape
        there = slice(row, row + rows), slice(column, column + columns)
        both = Frame(self.characters.copy(), self.fg.copy(), self.bg.copy(), self.bold.copy())
        both.characters[there], both.bold[there] = other.characters, other.bold
        both.fg[there], both.bg[there] = other.fg, other.bg
        return both

    def lines(self) -> list[str]:
        """The plain characters, one string a row."""
        return [row.astype("<u4").tobytes().decode("utf-32-le") for row in self.characters]

    def strip(self, row: int, begin: int = 0, end: int | None = None) -> Strip:
        """The cells of a row from one column to before another one as run-length segments."""
        line = self.characters[row].astype("<u4").tobytes().decode("utf-32-le")
        cells, text = slice(begin, end), cut(line, begin, len(line) if end is None else end)
        looks = zip(*(part[row, cells].tolist() for part in (self.fg, self.bg, self.bold)), strict=True)
        segments, stop = list[Segment](), 0
        for look, same in groupby(looks):
            start, stop = stop, stop + len(list(same))
            segments.append(Segment(text[start:stop].replace(REST, ""), style_of(*look)))
        return Strip(segments, len(text))

    def changes(self, previous: "Frame | None") -> list[Span]:
        """The cells that differ from an earlier frame; all of them where its size differs or there was none."""
        if previous is None or previous.fg.shape != self.fg.shape:
            return [Span(row, 0, self.fg.shape[1]) for row in range(len(self.fg))]
        changed = (
            (self.characters != previous.characters)
            | (self.fg != previous.fg)
            | (self.bg != previous.bg)
            | (self.bold != previous.bold)
        )
        rests = self.characters[:, 1:] == ord(REST)
        if rests.any():  # a wide character is painted as a whole
            changed[:, :-1] |= changed[:, 1:] & rests
            changed[:, 1:] |= changed[:, :-1] & rests
        edges = np.diff(np.pad(changed, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        rows, begins = np.nonzero(edges == 1)
        ends = np.nonzero(edges == -1)[1]
        return [Span(*span) for span in zip(rows.tolist(), begins.tolist(), ends.tolist(), strict=True)]
