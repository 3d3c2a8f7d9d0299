"""Axes with their ticks, and lines as braille patterns, by plotext.

Its axes, ticks and lines are well kept, and cost some 1 ms a line, of one that grew at its end half of that. Its
colours are left out: a cell in which it draws two lines shows both in the later one's, so that every line is built by
itself.

plotext's figure is one for the whole process, and a single NaN in it aborts the process in native code: this module
alone touches it, on the screen's thread, and hands it finite values only.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Patterns = NDArray[np.uint8]

_BRAILLE = 0x2800
_CORNER = "└"
_GROWING = 16  # points at the end of a line that are drawn anew


@cache
def _plotext() -> Any:
    """plotext itself, which takes a quarter of the time to the first frame; there is nothing to draw on that yet."""
    import plotext

    plotext.terminal.limit(False, False)
    return plotext


@lru_cache(maxsize=64)
def axes(
    width: int,
    height: int,
    across: tuple[tuple[float, ...], tuple[str, ...]],
    up: tuple[tuple[float, ...], tuple[str, ...]],
) -> tuple[tuple[str, ...], int, int]:
    """The lines of text of two axes with ticks, and how many columns and rows they leave within.

    Args:
        width, height: of all, in cells.
        across, up: positions of the ticks, as shares of each axis, and their labels.
    """
    figure = _blank(width, height)
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    for name, (shares, labels) in (("x", across), ("y", up)):
        figure.ruler(name).ticks(list(shares), list(labels))
    lines = tuple(line.ljust(width) for line in figure.build().string(True).split("\n")[:height])
    row = next((row for row, line in enumerate(lines) if _CORNER in line), 0)
    return lines, width - lines[row].find(_CORNER) - 1, row


def line_patterns(xs: Floats, ys: Floats, columns: int, rows: int) -> Patterns:
    """The line through points as braille patterns, numbered as in Unicode, shape (rows, columns).

    Args:
        xs, ys: shares of the width from the left and of the height from below, shape (n,); the line breaks where one
            is not finite, or outside.
        columns, rows: in cells.
    """
    settled = (len(xs) - 1) // _GROWING * _GROWING  # of a line that grows, what is before stays as it is
    parts = (slice(settled + 1), slice(settled, None)) if settled > 0 else (slice(None),)
    drawn = [_drawn(xs[part].tobytes(), ys[part].tobytes(), columns, rows) for part in parts]
    patterns: Patterns = np.bitwise_or.reduce(drawn)
    return patterns


@lru_cache(maxsize=256)
def _drawn(across: bytes, up: bytes, columns: int, rows: int) -> Patterns:
    """The line through points, which are given as the bytes of their coordinates."""
    xs, ys = np.frombuffer(across), np.frombuffer(up)
    figure = _blank(columns, rows)
    figure.axes(False)
    for name in ("x", "y"):
        figure.ruler(name).ticks([])
    dots = _plotext().marker("braille")
    inside = (xs >= 0) & (xs <= 1) & (ys >= 0) & (ys <= 1)
    for begin, end in _pieces(inside):
        figure.draw(figure.signal(xs[begin:end].tolist(), ys[begin:end].tolist(), marker=dots).lines(True))
    text = "".join(line.ljust(columns) for line in figure.build().string(True).split("\n")[:rows])
    characters = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").reshape(rows, columns)
    return np.where(characters >= _BRAILLE, characters - _BRAILLE, 0).astype(np.uint8)


def _blank(columns: int, rows: int) -> Any:
    """plotext's figure, emptied, both of its axes from 0 to 1, from edge to edge."""
    figure = _plotext().figure
    figure.clear()
    figure.plot_size(columns, rows)
    figure.canvas("default")
    for name in ("x", "y"):
        figure.ruler(name).lim(0, 1).alignment(lim="edge")
    return figure


def _pieces(inside: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Begin and end of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False])).tolist()
    return zip(edges[::2], edges[1::2], strict=True)
