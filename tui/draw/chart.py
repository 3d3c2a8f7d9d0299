"""Curves over one axis: a calm line for each run before the band of values that it goes through."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.draw.canvas import POINT, Canvas
from tui.draw.frame import Frame
from tui.draw.numbers import decimal
from tui.draw.palette import CHANGE
from tui.draw.plotting import axes, line_patterns
from tui.draw.scale import Scale, scale_across, scale_up
from tui.draw.smoothing import envelope, smoothed, usual_values

Floats = NDArray[np.float64]

ABOVE, BELOW = "▴", "▾"
"""They stand at the edges of a logarithmic axis for values that are not on it."""

_SMALLEST = (12, 4)  # columns and rows below which there is no room for a curve and its axes
_MOST_ROOM = 0.5  # of the width, for tags
_BAND_VALUES = 4  # for each step of a band, at least, where they lie evenly
_TICK_ROWS, _TICK_COLUMNS = 3, 10  # for each tick, at least


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One curve: `x` increasing, `y`, both of shape (n,). It is interrupted where one of them is not finite.

    Attributes:
        color: 0xRRGGBB.
        swath: values, like `x` and `y`, whose band from the least to the greatest is drawn behind; they do not widen
            the axes.
        swath_color: its background.
        mark: a glyph that stands where the curve has got to, with the last finite value there, if any.
        reached: where that is on the x axis; the line may end before it.
        value: what the curve is at there, if that is not among `y`.
        notes: what happened on the way: where on the x axis, and in words.
    """

    x: Floats
    y: Floats
    color: int
    swath: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
    swath_color: int = 0
    mark: str = ""
    reached: float = np.inf
    value: float = np.nan
    notes: tuple[tuple[float, str], ...] = ()

    @property
    def newest(self) -> float:
        """The last finite value where it has got to; NaN without any."""
        if np.isfinite(self.value):
            return self.value
        known = self.y[np.isfinite(self.y) & (self.x <= self.reached)]
        return float(known[-1]) if len(known) else np.nan

    @property
    def tag(self) -> str:
        """The mark and the value, and a gap after it."""
        return f"{self.mark} {decimal(self.newest, 3)} " if self.mark and np.isfinite(self.newest) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves in `width` x `height` cells, axes included.

    Attributes:
        series: what to draw; later swaths cover earlier ones.
        width, height: in cells.
        log_x, log_y: logarithmic axes, which have room for positive values only.
        x_end: how far the x axis goes at least; it ends at a round number, so that it seldom changes.
        decades: how many powers of ten a logarithmic y axis goes below the first values at most; it then goes one above
            them at most. Infinite: as far as there are values.
        cursor: where to draw a vertical line, if inside the axis.
        ink: colour of the axes, their labels and the cursor.
        background: of all cells.
    """

    series: tuple[Series, ...]
    width: int
    height: int
    log_x: bool = False
    log_y: bool = False
    x_end: float = 0.0
    decades: float = np.inf
    cursor: float | None = None
    ink: int = 0x8A8F98
    background: int = 0x0C0E14

    def frame(self) -> Frame:
        """The picture."""
        canvas = Canvas(max(self.width, 0), max(self.height, 0), self.background)
        area = self._area(canvas)
        if area is None:
            return canvas.frame()
        area.draw_swaths(self.series)
        if self.cursor is not None:
            area.draw_cursor(self.cursor, self.ink)
        for series in self.series:
            area.draw_line(series)
        tags = area.tags(self.series)
        for series in self.series:
            area.draw_notes(series, tags)
        for tag in tags:
            area.draw_words(tag, bold=True)
        return canvas.frame()

    def nearest(self, column: int, row: int) -> tuple[int, float] | None:
        """Which line is the nearest to a cell, and the cell's value on the x axis; None beside the axes.

        It is one that is above or below the cell, if there is any.
        """
        area = self._area(Canvas(max(self.width, 0), max(self.height, 0)))
        return area.nearest(self.series, column, row) if area else None

    def _area(self, canvas: Canvas) -> "_Area | None":
        """The part of a canvas within the axes, which are drawn; None where there is no room."""
        if self.width < _SMALLEST[0] or self.height < _SMALLEST[1]:
            return None
        up = self._scale_up()
        up_ticks = up.ticks(max(3, self.height // _TICK_ROWS))
        across = self._scale_across(self.width - 1 - max(map(len, up_ticks[1]), default=0))
        across_ticks = across.ticks(max(3, self.width // _TICK_COLUMNS))
        lines, columns, rows = axes(self.width, self.height, across_ticks, up_ticks)
        canvas.picture(lines, self.ink)
        return _Area(canvas, across, up, self.width - columns, rows, self.background)

    def _scale_up(self) -> Scale:
        across = self._scale_across(self.width)
        usual = [usual_values(across.shares(series.x), series.y, self.width) for series in self.series]
        values = np.concatenate([np.empty(0), *usual])
        starts = [series.y[0] for series in self.series if len(series.y) and series.y[0] > 0]
        return scale_up(values, self.log_y, max(starts, default=np.inf), self.decades)

    def _scale_across(self, columns: int) -> Scale:
        xs = np.concatenate([[self.x_end], *(series.x for series in self.series)])
        xs = xs[np.isfinite(xs) & (xs > 0)]
        tag = max((len(series.tag) for series in self.series), default=0)
        first, last = (float(xs.min()), float(xs.max())) if xs.size else (1.0, 1.0)
        return scale_across(first, last, self.log_x, min(tag / columns, _MOST_ROOM))


class _Area:
    """The part of a canvas within the axes: above its last rows, and right of some columns."""

    def __init__(self, canvas: Canvas, across: Scale, up: Scale, left: int, rows: int, background: int) -> None:
        self._canvas, self._across, self._up, self._left, self._rows = canvas, across, up, left, rows
        self._columns, self._background = canvas.columns - left, background

    def draw_swaths(self, series: Sequence[Series]) -> None:
        """The bands of least and greatest values, in half cells."""
        halves = np.full((2 * self._canvas.rows, self._canvas.columns), self._background, dtype=np.int64)
        within = halves[: 2 * self._rows, self._left :]
        height = np.arange(2 * self._rows)[::-1, None]  # of half cells, counted from below
        for one in series:
            across = self._across.shares(one.swath[0])
            shown = (across >= 0) & (across <= 1)
            ends = self._band(across[shown], one.swath[1][shown])
            low, high = (np.floor(self._up.shares(end) * 2 * self._rows) for end in ends)
            low = np.nan_to_num(low, nan=-1.0)  # values that are not on a logarithmic axis are below all others
            within[(height >= low) & (height <= high)] = one.swath_color
        self._canvas.background(halves)

    def _band(self, across: Floats, values: Floats) -> tuple[Floats, Floats]:
        """The envelope for each column, in steps wide enough for some values each: of one there would be no band."""
        last = float(across.max(initial=0.0))
        wide = last * self._columns * _BAND_VALUES / max(len(across), 1)
        step = min(1 << math.ceil(math.log2(max(wide, 1.0))), self._columns)  # a power of 2, which seldom changes
        parts = -(-self._columns // step)
        ends = envelope(across * (self._columns / (parts * step)), values, parts)
        beyond = np.arange(self._columns) > last * self._columns
        low, high = (np.where(beyond, np.nan, end.repeat(step)[: self._columns]) for end in ends)
        return low, high

    def draw_cursor(self, x: float, ink: int) -> None:
        """A vertical line, behind all others."""
        share = float(self._across.shares(x))
        if 0 <= share <= 1:
            column = 2 * self._left + min(int(share * 2 * self._columns), 2 * self._columns - 1)
            self._canvas.polyline([(column, 0), (column, 4 * self._rows - 1)], ink, POINT)

    def draw_line(self, series: Series) -> None:
        """The calm line, and at the edges where values lie beyond."""
        xs, ys = self._calm(series)
        shares = self._up.shares(ys)
        known = np.isfinite(ys)
        above, below = known & (shares > 1), known & ~(shares >= 0)
        patterns = np.zeros((self._canvas.rows, self._canvas.columns), dtype=np.uint8)
        patterns[: self._rows, self._left :] = line_patterns(
            xs, np.where(below, 0.0, np.minimum(shares, 1.0)), self._columns, self._rows
        )
        self._canvas.patterns(patterns, series.color)
        for beyond, row, mark in ((above, 0, ABOVE), (below, self._rows - 1, BELOW)):
            for share in xs[beyond]:
                self._canvas.text(self._column(share), row, mark, series.color)

    def draw_notes(self, series: Series, tags: Sequence["_Tag"]) -> None:
        """A mark on the line for each note, and its words above it where they fit and no tag stands."""
        if not series.notes:
            return
        xs, ys = self._calm(series)
        xs, ys = xs[np.isfinite(ys)], self._up.shares(ys[np.isfinite(ys)])
        for x, words in series.notes if len(xs) else ():
            share = float(self._across.shares(x))
            if not xs[0] <= share <= xs[-1]:
                continue
            column, row = self._column(share), self._row(float(np.interp(share, xs, ys)))
            self._canvas.text(column, row, CHANGE, series.color, bold=True)
            note = _Tag(column - self._left, row - 1, words, series.color)
            free = not any(tag.row == note.row and tag.meets(note) for tag in tags)
            if free and row > 0 and note.begin + len(words) <= self._columns:
                self.draw_words(note)

    def nearest(self, series: Sequence[Series], column: int, row: int) -> tuple[int, float] | None:
        """See `Chart.nearest`."""
        column -= self._left
        if not (0 <= column < self._columns and 0 <= row < self._rows):
            return None
        share, up = (column + 0.5) / self._columns, 1 - (row + 0.5) / self._rows
        distances = [self._distance(one, share, up) for one in series]
        if not np.isfinite(distances).any():
            return None
        return min(range(len(series)), key=lambda index: distances[index]), self._across.value(share)

    def _distance(self, series: Series, share: float, up: float) -> tuple[float, float]:
        """How far a line is from a point: first whether it ends beside it, then how far above or below it is."""
        xs, ys = self._calm(series)
        xs, ys = xs[np.isfinite(ys)], self._up.shares(ys[np.isfinite(ys)])
        if not len(xs):
            return math.inf, math.inf
        beside = max(xs[0] - share, share - xs[-1], 0.5 / self._columns)
        return float(beside), float(abs(np.interp(share, xs, np.nan_to_num(ys).clip(0, 1)) - up))

    def _calm(self, series: Series) -> tuple[Floats, Floats]:
        """The calm line through the values that are on the x axis: shares of it, and values."""
        shares = self._across.shares(series.x)
        shown = (shares >= 0) & (shares <= 1)
        return smoothed(shares[shown], series.y[shown], self._columns)

    def tags(self, series: Sequence[Series]) -> list["_Tag"]:
        """What stands at the lines, from the highest to the lowest, none of it on another one."""
        tags = sorted((tag for one in series if (tag := self._tag(one))), key=lambda tag: tag.row)
        for i, tag in enumerate(tags):
            tag.row = max([tag.row, *(above.row + 1 for above in tags[:i] if above.meets(tag))])
        for i, tag in reversed(list(enumerate(tags))):
            tag.row = min([tag.row, self._rows - 1, *(below.row - 1 for below in tags[i + 1 :] if below.meets(tag))])
        return tags

    def draw_words(self, tag: "_Tag", *, bold: bool = False) -> None:
        """Words where they belong."""
        self._canvas.text(self._left + tag.begin, tag.row, tag.words, tag.color, self._background, bold=bold)

    def _tag(self, series: Series) -> "_Tag | None":
        """The tag of a line, where it has got to."""
        words = series.tag
        if not words:
            return None
        reached = series.reached if np.isfinite(series.reached) else series.x[-1]
        across = float(np.nan_to_num(self._across.shares(reached)).clip(0, 1))
        begin = max(0, min(self._column(across) - self._left, self._columns - len(words)))
        return _Tag(begin, self._row(float(self._up.shares(series.newest))), words, series.color)

    def _column(self, share: float) -> int:
        return self._left + min(int(share * self._columns), self._columns - 1)

    def _row(self, share: float) -> int:
        return min(int((1 - float(np.nan_to_num(share).clip(0, 1))) * self._rows), self._rows - 1)


@dataclass(slots=True)
class _Tag:
    """Words at a position within the axes."""

    begin: int
    row: int
    words: str
    color: int

    def meets(self, other: "_Tag") -> bool:
        """Whether the two have columns in common."""
        return self.begin < other.begin + len(other.words) and other.begin < self.begin + len(self.words)
