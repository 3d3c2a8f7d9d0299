"""Arrays to terminal cells: a background of half blocks, lines of braille dots and glyphs, composed into strips.

A canvas of `columns` x `rows` cells has `2 * columns` x `4 * rows` dots, about square in a terminal. Dot coordinates
are floats, shape (n, 2): x to the right, y *down*, the dot (i, j) covering [i, i + 1) x [j, j + 1).
`tui.draw.viewport.Viewport` makes them from data. Colours are ints 0xRRGGBB, as in `tui.draw.palette`.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GROUND, POINT, TRAIL, MARK = range(4)
"""Layers of dots: a cell shows the dots of its highest layer only (contour lines, data, trails, arrows and crosses).

Those on the ground are translucent: they tint the background of their cell.
"""

_BITS = np.array([[0, 3], [1, 4], [2, 5], [6, 7]])  # Unicode's numbering of the dots of a braille cell
_SPACE, _HALF, _BRAILLE = ord(" "), ord("▀"), 0x2800
_TINT = 0.2  # how much of its own colour a dot on the ground has
_FAR = 1e150  # differences and quotients of such coordinates still are finite
_ARROW_HEAD = 4.0  # dots
_ARROW_TURN = np.array([[-(3**0.5), -1], [1, -(3**0.5)]]) / 2  # by 150 degrees; its transpose turns the other way


@lru_cache(maxsize=4096)
def style_of(fg: int, bg: int, bold: bool = False) -> Style:
    """The rich Style of two colours 0xRRGGBB."""
    triplets = (ColorTriplet(color >> 16, color >> 8 & 255, color & 255) for color in (fg, bg))
    front, back = map(Color.from_triplet, triplets)
    return Style(color=front, bgcolor=back, bold=bold or None)


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

    def lines(self) -> list[str]:
        """The plain characters, one string a row."""
        return [row.astype("<u4").tobytes().decode("utf-32-le") for row in self.characters]

    def strip(self, row: int) -> Strip:
        """One row as run-length segments."""
        text = self.characters[row].astype("<u4").tobytes().decode("utf-32-le")
        fg, bg, bold = self.fg[row], self.bg[row], self.bold[row]
        begins = np.flatnonzero(np.r_[True, (fg[1:] != fg[:-1]) | (bg[1:] != bg[:-1]) | (bold[1:] != bold[:-1])])
        styles = zip(fg[begins].tolist(), bg[begins].tolist(), bold[begins].tolist(), strict=True)
        bounds = [*begins.tolist(), len(text)]
        segments = [
            Segment(text[begin:end], style_of(*style))
            for begin, end, style in zip(bounds[:-1], bounds[1:], styles, strict=True)
        ]
        return Strip(segments, len(text))

    def strips(self) -> list[Strip]:
        """All rows as strips."""
        return [self.strip(row) for row in range(len(self.characters))]

    def changed_rows(self, previous: "Frame | None") -> list[int]:
        """The rows that differ from an earlier frame; all of them where its size differs or there was none."""
        if previous is None or previous.fg.shape != self.fg.shape:
            return list(range(len(self.fg)))
        same = (
            (self.characters == previous.characters)
            & (self.fg == previous.fg)
            & (self.bg == previous.bg)
            & (self.bold == previous.bold)
        )
        changed: list[int] = np.flatnonzero(~same.all(axis=1)).tolist()
        return changed


class Canvas:
    """A grid of cells to draw on; `frame` composes what was drawn. What lies outside is clipped.

    Later dots win a cell's colour within a layer; a higher layer hides a lower one's dots in its cells; glyphs and
    text hide dots.
    """

    def __init__(self, columns: int, rows: int, background: int = 0) -> None:
        self.columns, self.rows = columns, rows
        self._halves = np.full((rows, 2, columns), background, dtype=np.int64)
        self._dots = np.zeros((rows, columns, 8), dtype=np.bool_)
        self._dot_color = np.zeros((rows, columns), dtype=np.int64)
        self._layer = np.full((rows, columns), -1, dtype=np.int8)
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

    def polyline(self, dots: ArrayLike, color: int | Integers, layer: int = TRAIL) -> None:
        """Draw the line through points in dot coordinates, shape (n, 2); it breaks where one is not finite.

        `color` may be one a point, shape (n,): a segment has that of the point it leads to.
        """
        places = np.asarray(dots, dtype=np.float64).reshape(-1, 2)
        begins, ends = places[:-1], places[1:]
        kept = np.isfinite(begins).all(axis=1) & np.isfinite(ends).all(axis=1)
        colors = np.broadcast_to(color, len(places))[1:][kept]
        begins, ends, inside = _clip(begins[kept], ends[kept], 2 * self.columns, 4 * self.rows)
        xs, ys, segment = _rasterise(begins, ends)
        self._plot(xs, ys, colors[inside][segment], layer)

    def points(self, dots: ArrayLike, color: int | Integers, layer: int = TRAIL) -> None:
        """Set single dots, shape (n, 2); `color` may be one a point."""
        places = np.asarray(dots, dtype=np.float64).reshape(-1, 2)
        kept = ((places >= 0) & (places < (2 * self.columns, 4 * self.rows))).all(axis=1)
        xs, ys = places[kept].astype(np.int64).T
        self._plot(xs, ys, np.broadcast_to(color, len(places))[kept], layer)

    def arrow(self, begin: Sequence[float], end: Sequence[float], color: int, layer: int = MARK) -> None:
        """Draw an arrow between two places in dot coordinates, its head at `end`."""
        tail, tip = np.asarray(begin, dtype=np.float64), np.asarray(end, dtype=np.float64)
        length = float(np.hypot(*(tip - tail)))
        self.polyline([tail, tip], color, layer)
        if not (np.isfinite(length) and length > 0):
            return
        barb = (tip - tail) / length * min(_ARROW_HEAD, length)
        left, right = tip + _ARROW_TURN @ barb, tip + barb @ _ARROW_TURN
        self.polyline([left, tip, right], color, layer)

    def text(self, column: int, row: int, text: str, fg: int, bg: int | None = None, bold: bool = False) -> None:
        """Write single-width characters (a head glyph, a label) from a cell on; without `bg`, on the background."""
        if not 0 <= row < self.rows:
            return
        for place, character in enumerate(text, start=column):
            if 0 <= place < self.columns:
                self._glyph[row, place] = ord(character)
                self._glyph_fg[row, place] = fg
                self._glyph_bg[row, place] = -1 if bg is None else bg
                self._bold[row, place] = bold

    def frame(self) -> Frame:
        """Compose what was drawn so far."""
        upper, lower = self._halves[:, 0], self._halves[:, 1]
        dotted, written = self._layer >= 0, self._glyph > 0
        characters = np.where(upper == lower, _SPACE, _HALF).astype(np.uint32)
        patterns = np.packbits(self._dots, axis=-1, bitorder="little")[..., 0]
        characters = np.where(dotted, _BRAILLE + patterns.astype(np.uint32), characters)
        fg = np.where(dotted, self._dot_color, upper)
        ground = self._layer == GROUND
        fg[ground] = _tinted(upper[ground], self._dot_color[ground])
        bg = np.where(dotted, upper, lower)
        characters = np.where(written, self._glyph, characters)
        fg = np.where(written, self._glyph_fg, fg)
        bg = np.where(written, np.where(self._glyph_bg >= 0, self._glyph_bg, upper), bg)
        return Frame(characters, fg, bg, self._bold.copy())

    def _plot(self, xs: Integers, ys: Integers, colors: Integers, layer: int) -> None:
        rows, columns = ys >> 2, xs >> 1
        shown = self._layer[rows, columns] <= layer
        xs, ys, rows, columns = xs[shown], ys[shown], rows[shown], columns[shown]
        covered = self._layer[rows, columns] < layer
        self._dots[rows[covered], columns[covered]] = False
        self._dots[rows, columns, _BITS[ys & 3, xs & 1]] = True
        self._dot_color[rows, columns] = colors[shown]  # of repeated cells, numpy keeps the last
        self._layer[rows, columns] = layer


def _tinted(background: Integers, colors: Integers) -> Integers:
    """The background with a share of other colours, arrays of 0xRRGGBB."""
    shifts = np.array([[16], [8], [0]])
    behind, before = background >> shifts & 255, colors >> shifts & 255
    mixed: Integers = (np.rint(behind + (before - behind) * _TINT).astype(np.int64) << shifts).sum(axis=0)
    return mixed


def _clip(begins: Floats, ends: Floats, width: int, height: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The parts of segments inside the box [0, width] x [0, height] (Liang and Barsky), and which have one.

    Shapes (n, 2), (n, 2) to (m, 2), (m, 2) and (n,).
    """
    begins, ends = begins.clip(-_FAR, _FAR), ends.clip(-_FAR, _FAR)
    box = np.array([width, height], dtype=np.float64)
    span = ends - begins
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        near, far = (0 - begins) / span, (box - begins) / span
    still = span == 0
    outside = still & ((begins < 0) | (begins > box))
    enter = np.where(still, 0.0, np.minimum(near, far)).max(axis=1, initial=0.0)
    leave = np.where(still, 1.0, np.maximum(near, far)).min(axis=1, initial=1.0)
    inside = (enter <= leave) & ~outside.any(axis=1)
    begins, span = begins[inside], span[inside]
    first = begins + enter[inside, None] * span
    last = begins + leave[inside, None] * span
    limit = box - 1  # the last dot; the box's far edge belongs to it
    return np.floor(first).clip(0, limit), np.floor(last).clip(0, limit), inside


def _rasterise(begins: Floats, ends: Floats) -> tuple[Integers, Integers, Integers]:
    """The dots of segments between whole dots, one for each step along the longer axis: x, y and which segment."""
    span = ends - begins
    steps = np.abs(span).max(axis=1, initial=0.0).astype(np.int64)
    segment = np.repeat(np.arange(len(steps)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    place = np.arange(len(segment)) - first[segment]
    part = place / np.maximum(steps, 1)[segment]
    dots = np.rint(begins[segment] + part[:, None] * span[segment]).astype(np.int64)
    return dots[:, 0], dots[:, 1], segment
