"""Arrays to terminal cells: a background of half blocks, lines of braille dots and glyphs, composed into a frame.

A canvas of `columns` x `rows` cells has `2 * columns` x `4 * rows` dots, about square in a terminal. Dot coordinates
are floats, shape (n, 2): x to the right, y *down*, the dot (i, j) covering [i, i + 1) x [j, j + 1).
`tui.draw.viewport.Viewport` makes them from data. Colours are ints 0xRRGGBB, as in `tui.draw.palette`.
"""

import re
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tui.draw.frame import Frame
from tui.draw.raster import line_dots
from tui.draw.sharing import owners
from tui.draw.wide import REST, cut, in_cells

Integers = NDArray[np.int64]

GROUND, POINT, TRAIL, MARK = range(4)
"""Layers of dots: a cell shows the dots of its highest layer only (contour lines, data, trails, arrows and crosses).

Those on the ground are translucent: they tint the background of their cell.
"""

_BITS = np.array([0, 3, 1, 4, 2, 5, 6, 7])  # Unicode's numbering of the dots of a braille cell, row by row
_SPACE, _HALF, _BRAILLE = ord(" "), ord("▀"), 0x2800
_UPPER, _LOWER = np.uint8(0x1B), np.uint8(0xE4)  # the dots of a cell's halves
_CROWDED, _HAZE = 4, np.uint8(0x95)  # dots of a cell; every second one of them
_TINT = 0.2  # how much of its own colour a dot on the ground has
_WORD = re.compile(r"\S+")
_ARROW_HEAD = 4.0  # dots
_ARROW_TURN = np.array([[-(3**0.5), -1], [1, -(3**0.5)]]) / 2  # by 150 degrees; its transpose turns the other way


class _Ink:
    """The dots of one colour, or of one trail and its shades, on one layer: first the old ones, then the fresh."""

    def __init__(self, rows: int, columns: int) -> None:
        self._dots = np.zeros((2, rows, columns, 8), dtype=np.bool_)
        self._color = np.zeros((2, rows, columns), dtype=np.int64)

    def add(self, xs: Integers, ys: Integers, color: int | Integers, fresh: bool | NDArray[np.bool_] = True) -> None:
        """Set dots; of those in one cell the last one gives the colour."""
        _, rows, columns = self._color.shape
        cells = (np.asarray(fresh) * rows + (ys >> 2)) * columns + (xs >> 1)  # one index is far faster than four
        self._dots.reshape(-1)[8 * cells + _BITS[2 * (ys & 3) + (xs & 1)]] = True
        self._color.reshape(-1)[cells] = color

    def add_patterns(self, patterns: NDArray[np.uint8], color: int) -> None:
        """Set the dots of braille patterns, shape (rows, columns)."""
        self._dots[1] |= np.unpackbits(patterns[..., None], axis=-1, bitorder="little").astype(np.bool_)
        self._color[1][patterns > 0] = color

    def composed(self) -> tuple[NDArray[np.uint8], Integers]:
        """Pattern and colour of each cell: old dots only where no fresh ones are, and never so many as to fill it."""
        bits = np.packbits(self._dots.reshape(-1), bitorder="little")  # of eight dots each: the cells, one by one
        old, fresh = bits.reshape(self._color.shape)
        old = np.where(np.bitwise_count(old) > _CROWDED, old & _HAZE, old)
        return np.where(fresh > 0, fresh, old), np.where(fresh > 0, self._color[1], self._color[0])


class Canvas:
    """A grid of cells to draw on; `frame` composes what was drawn. What lies outside is clipped.

    A cell shows dots of one colour, or of one trail: of those that share it on a layer one is chosen
    (`tui.draw.sharing`), so that no dot ever has another one's colour. A higher layer hides a lower one's dots in its
    cells; glyphs and text hide dots.
    """

    def __init__(self, columns: int, rows: int, background: int = 0) -> None:
        self.columns, self.rows = columns, rows
        self._halves = np.full((rows, 2, columns), background, dtype=np.int64)
        self._inks: dict[tuple[int, int], _Ink] = {}
        self._glyph = np.zeros((rows, columns), dtype=np.uint32)
        self._glyph_fg = np.zeros((rows, columns), dtype=np.int64)
        self._glyph_bg = np.full((rows, columns), -1, dtype=np.int64)
        self._bold = np.zeros((rows, columns), dtype=np.bool_)

    def copy(self) -> "Canvas":
        """What was drawn so far, to be drawn on further."""
        return deepcopy(self)

    def background(self, colors: NDArray[np.integer]) -> None:
        """Fill the background: colours of half cells, shape (2 * rows, columns), or cells, shape (rows, columns)."""
        self._halves[:] = colors.reshape(self.rows, -1, self.columns)

    def shade(self, shares: NDArray[np.float64], color: int) -> None:
        """Mix a colour into the background: its share in each half cell, shape (2 * rows, columns)."""
        self._halves = _mixed(self._halves, np.int64(color), shares.reshape(self._halves.shape))

    def polyline(self, dots: ArrayLike, color: int, layer: int = TRAIL) -> None:
        """Draw the line through points in dot coordinates, shape (n, 2); it breaks where one is not finite."""
        positions = np.asarray(dots, dtype=np.float64).reshape(-1, 2)
        xs, ys, _ = line_dots(positions, 2 * self.columns, 4 * self.rows)
        self._ink(layer, color).add(xs, ys, color)

    def trail(self, dots: ArrayLike, shades: Integers, color: int, old: int = 0) -> None:
        """Draw the line through points, each segment in the shade of the point it leads to.

        Args:
            dots: the points, oldest first, shape (n, 2).
            shades: one colour a point, shape (n,).
            color: what distinguishes this trail from others.
            old: how many of the points are old: their dots give way to fresh ones, and thin out where they crowd.
        """
        positions = np.asarray(dots, dtype=np.float64).reshape(-1, 2)
        xs, ys, leads_to = line_dots(positions, 2 * self.columns, 4 * self.rows)
        self._ink(TRAIL, color).add(xs, ys, shades[leads_to], leads_to >= old)

    def points(self, dots: ArrayLike, color: int, layer: int = TRAIL) -> None:
        """Set single dots, shape (n, 2)."""
        positions = np.asarray(dots, dtype=np.float64).reshape(-1, 2)
        kept = ((positions >= 0) & (positions < (2 * self.columns, 4 * self.rows))).all(axis=1)
        xs, ys = positions[kept].astype(np.int64).T
        self._ink(layer, color).add(xs, ys, color)

    def patterns(self, patterns: NDArray[np.uint8], color: int) -> None:
        """Set the dots of braille patterns, numbered as in Unicode, one a cell, shape (rows, columns)."""
        self._ink(TRAIL, color).add_patterns(patterns, color)

    def arrow(self, begin: Sequence[float], end: Sequence[float], color: int) -> None:
        """Draw an arrow between two positions in dots, its head at `end`."""
        tail, tip = np.asarray(begin, dtype=np.float64), np.asarray(end, dtype=np.float64)
        length = float(np.hypot(*(tip - tail)))
        self.polyline([tail, tip], color, MARK)
        if not (np.isfinite(length) and length > 0):
            return
        barb = (tip - tail) / length * min(_ARROW_HEAD, length)
        left, right = tip + _ARROW_TURN @ barb, tip + barb @ _ARROW_TURN
        self.polyline([left, tip, right], color, MARK)

    def text(self, column: int, row: int, text: str, fg: int, bg: int | None = None, bold: bool = False) -> None:
        """Write characters (a head glyph, a label) from a cell on; without `bg`, on the background."""
        glyphs = in_cells(text)
        begin, end = max(column, 0), min(column + len(glyphs), self.columns)
        if not 0 <= row < self.rows or begin >= end:
            return
        line = self._glyph[row]
        for cell, other in ((begin, begin - 1), (end, end)):  # what is left of a wide one that is written over
            if cell < self.columns and line[cell] == ord(REST):
                line[other] = _SPACE
        line[begin:end] = [ord(glyph) for glyph in cut(glyphs, begin - column, end - column)]
        self._glyph_fg[row, begin:end] = fg
        self._glyph_bg[row, begin:end] = -1 if bg is None else bg
        self._bold[row, begin:end] = bold

    def picture(self, lines: Sequence[str], fg: int) -> None:
        """Write lines of characters one cell wide from the upper left on; their spaces cover nothing."""
        for row, line in enumerate(lines):
            for word in _WORD.finditer(line):
                self.text(word.start(), row, word[0], fg)

    def frame(self) -> Frame:
        """Compose what was drawn so far."""
        upper, lower = self._halves[:, 0], self._halves[:, 1]
        characters = np.where(upper == lower, _SPACE, _HALF).astype(np.uint32)
        fg, bg = upper.copy(), lower.copy()
        for layer in sorted({layer for layer, _ in self._inks}):
            patterns, colors = self._layer(layer)
            dotted = patterns > 0
            behind = np.where(np.bitwise_count(patterns & _UPPER) >= np.bitwise_count(patterns & _LOWER), upper, lower)
            if layer == GROUND:
                colors = _mixed(behind, colors, _TINT)
            characters = np.where(dotted, _BRAILLE + patterns.astype(np.uint32), characters)
            fg, bg = np.where(dotted, colors, fg), np.where(dotted, behind, bg)
        written = self._glyph > 0
        characters = np.where(written, self._glyph, characters)
        fg = np.where(written, self._glyph_fg, fg)
        bg = np.where(written, np.where(self._glyph_bg >= 0, self._glyph_bg, upper), bg)
        return Frame(characters, fg, bg, self._bold.copy())

    def _ink(self, layer: int, color: int) -> _Ink:
        if (layer, color) not in self._inks:
            self._inks[layer, color] = _Ink(self.rows, self.columns)
        return self._inks[layer, color]

    def _layer(self, layer: int) -> tuple[NDArray[np.uint8], Integers]:
        """Pattern and colour of each cell on a layer."""
        composed = [ink.composed() for (of, _), ink in self._inks.items() if of == layer]
        patterns, colors = (np.stack(parts) for parts in zip(*composed, strict=True))
        owner = owners(patterns > 0)[None]
        return np.take_along_axis(patterns, owner, axis=0)[0], np.take_along_axis(colors, owner, axis=0)[0]


def _mixed(background: Integers, colors: Integers | np.int64, shares: NDArray[np.float64] | float) -> Integers:
    """The background with shares of other colours, arrays of 0xRRGGBB of one shape."""
    mixed = np.zeros_like(background)
    for shift in (16, 8, 0):
        behind, before = background >> shift & 255, colors >> shift & 255
        mixed |= np.rint(behind + (before - behind) * shares).astype(np.int64) << shift
    return mixed
