"""Curves over one axis, through plotext.

plotext's figure is one for the whole process, and a single NaN in it aborts the process in native code: this module
alone touches it, on the screen's thread, and hands it finite values only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import plotext
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.draw.axes import log_ticks, nice_ticks, tick_labels

Floats = NDArray[np.float64]

NON_POSITIVE = "▾"
"""Stands at the bottom edge of a logarithmic axis for values that have no place on it."""

_LARGEST = 1e300  # differences of such values are finite
_SMALLEST = (12, 4)  # columns and rows below which there is no room for a curve and its axes

plotext.terminal.limit(False, False)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One curve: `x` increasing, `y`, both of shape (n,). It is interrupted where one of them is not finite.

    Attributes:
        color: 0xRRGGBB.
        style: "line" joins the points; "dots" does not.
    """

    x: Floats
    y: Floats
    color: int
    style: Literal["line", "dots"] = "line"


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves in `width` x `height` cells, axes included; later series are drawn over earlier ones.

    Attributes:
        series: what to draw.
        width, height: in cells.
        log_y: a logarithmic y axis; its range is that of the positive values.
        x_limits: the ends of the x axis; None: those of the data.
        x_label: written below the axis, if any.
        cursor: where to draw a vertical line, if inside the axis.
        ink: colour of the axes, their labels and the cursor.
    """

    series: tuple[Series, ...]
    width: int
    height: int
    log_y: bool = False
    x_limits: tuple[float, float] | None = None
    x_label: str = ""
    cursor: float | None = None
    ink: int = 0x8A8F98

    def strips(self) -> list[Strip]:
        """One strip a row; cells have no background of their own."""
        return [_strip(line, self.width) for line in self._draw(colorless=False)]

    def lines(self) -> list[str]:
        """The plain characters, one string of `width` a row."""
        return [line.ljust(self.width) for line in self._draw(colorless=True)]

    def _draw(self, *, colorless: bool) -> list[str]:
        if self.width < _SMALLEST[0] or self.height < _SMALLEST[1]:
            return [""] * max(self.height, 0)
        left, right = self._x_range()
        series = [_within(one, left, right, self.width) for one in self.series]
        low, high = _y_range([one.y for one in series], self.log_y)
        figure = self._blank_figure()
        for one in series:
            self._add(figure, one, low)
        ticks = (log_ticks if self.log_y else nice_ticks)(low, high, max(3, self.height // 3))
        places = [float(np.log10(tick)) if self.log_y else tick for tick in ticks]
        ends = np.log10([low, high]).tolist() if self.log_y else (low, high)
        figure.ruler("y").lim(*ends).ticks(places, tick_labels(ticks))
        across = nice_ticks(left, right, max(3, self.width // 10))
        figure.ruler("x").lim(left, right).ticks(across, tick_labels(across))
        if self.cursor is not None and left <= self.cursor <= right:
            figure.line(self.cursor, 1, pixel=_pixel(self.ink))
        lines: list[str] = figure.build().string(colorless).split("\n")
        return lines[: self.height]

    def _blank_figure(self) -> Any:
        figure = plotext.figure
        figure.clear()
        figure.plot_size(self.width, self.height)
        figure.canvas("default")
        ink = _pixel(self.ink)
        figure.axes(True, pixel=ink)
        figure.axes(False, axis="x", side="upper")
        figure.axes(False, axis="y", side="right")
        figure.ruler("x").pixel(ink)
        figure.ruler("y").pixel(ink)
        if self.x_label:
            figure.label(plotext.colorize(self.x_label).fill(ink), "x")
        return figure

    def _add(self, figure: Any, series: Series, low: float) -> None:
        """Draw one decimated series, unbroken piece by unbroken piece."""
        shown = np.isfinite(series.y) & (series.y > 0 if self.log_y else True)
        places = np.log10(series.y, where=shown, out=np.zeros_like(series.y)) if self.log_y else series.y
        dots = plotext.marker("braille", pixel=_pixel(series.color))
        for begin, end in _pieces(shown):
            signal = figure.signal(series.x[begin:end].tolist(), places[begin:end].tolist(), marker=dots)
            figure.draw(signal.lines(series.style == "line"))
        if self.log_y and (below := series.x[np.isfinite(series.y) & ~shown]).size:
            mark = plotext.marker(NON_POSITIVE, pixel=_pixel(series.color))
            figure.draw(figure.signal(below.tolist(), [float(np.log10(low))] * below.size, marker=mark))

    def _x_range(self) -> tuple[float, float]:
        if self.x_limits is not None:
            low, high = self.x_limits
            return _apart(max(low, -_LARGEST), min(high, _LARGEST))
        xs = np.concatenate([np.empty(0), *(one.x for one in self.series)])
        xs = xs[np.isfinite(xs)].clip(-_LARGEST, _LARGEST)
        return _apart(float(xs.min()), float(xs.max())) if xs.size else (0.0, 1.0)


def decimate(x: Floats, y: Floats, buckets: int) -> tuple[Floats, Floats]:
    """The least and the greatest value in each of `buckets` equal parts of the x axis, in their order.

    `x` increases; both have shape (n,). What is not finite is left out, and stands as one NaN between parts where it
    begins or ends one, or fills it: a gap of a part or more stays a gap. At most 4 points a part remain.
    """
    good = np.isfinite(x) & np.isfinite(y)
    if len(x) <= 2 * buckets or not good.any():
        return x, np.where(good, y, np.nan)
    first, last = x[good][[0, -1]].tolist()
    scaled = (np.where(np.isfinite(x), x, first) - first) / max(last - first, np.finfo(float).tiny) * buckets
    bucket = np.clip(scaled, 0, buckets - 1).astype(np.int64)
    begins = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    sizes = np.diff(np.r_[begins, len(x)])
    kept = np.zeros(len(x), dtype=np.bool_)
    for reduce, filler in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        values = np.where(good, y, filler)
        found = np.flatnonzero(good & (values == np.repeat(reduce.reduceat(values, begins), sizes)))
        part = np.repeat(np.arange(len(begins)), sizes)[found]
        kept[found[np.r_[True, part[1:] != part[:-1]]]] = True
    edges = np.r_[begins, begins + sizes - 1]
    kept[edges[~good[edges]]] = True
    return x[kept], np.where(good, y, np.nan)[kept]


def _within(series: Series, left: float, right: float, columns: int) -> Series:
    """The part of a series that an axis shows, decimated to about two points a column, its values kept in bounds."""
    shown = ~((series.x < left) | (series.x > right))
    x, y = decimate(series.x[shown], series.y[shown], columns)
    return Series(x, y.clip(-_LARGEST, _LARGEST), series.color, series.style)


def _y_range(values: list[Floats], log: bool) -> tuple[float, float]:
    """The ends of the y axis: of all finite values, or of the positive ones; 0.1 to 1 or 0 to 1 without any."""
    ys = np.concatenate([np.empty(0), *values])
    ys = ys[np.isfinite(ys) & (ys > 0 if log else True)]
    if not ys.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(ys.min()), float(ys.max())
    if log:
        low, high = max(low, 1 / _LARGEST), max(high, 1 / _LARGEST)
        return (low, high) if high > low * 1.01 else (low / 2, high * 2)
    return _apart(low, high)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, drawn apart where they are too close to be told apart on it."""
    reach = max(abs(low), abs(high))
    if reach < 1 / _LARGEST:
        return -0.5, 0.5
    return (low, high) if high - low > 1e-9 * reach else (low - 0.5 * reach, high + 0.5 * reach)


def _pieces(shown: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Begin and end of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, shown, False])).tolist()
    return zip(edges[::2], edges[1::2], strict=True)


def _pixel(color: int) -> Any:
    return plotext.pixel((color >> 16, color >> 8 & 255, color & 255))


_BACKGROUND = re.compile(r"\x1b\[48;[\d;]*m")  # plotext paints its axes on white; the widget's own shall show
_SGR = re.compile(r"\x1b\[([\d;]*)m")


@lru_cache(maxsize=256)
def _style(code: str) -> Style | None:
    """The style of a foreground that plotext set, such as "38;2;86;180;233"; None: of anything else."""
    if not code.startswith("38;2;"):
        return None
    red, green, blue = map(int, code.split(";")[2:])
    return Style(color=Color.from_rgb(red, green, blue))


def _strip(line: str, width: int) -> Strip:
    """A line of plotext's, whose colours are all foregrounds, as a strip."""
    text, *coloured = _SGR.split(_BACKGROUND.sub("", line))
    segments = [Segment(text)] if text else []
    segments += [Segment(part, _style(code)) for code, part in zip(coloured[::2], coloured[1::2], strict=True) if part]
    return Strip(segments).adjust_cell_length(width)
