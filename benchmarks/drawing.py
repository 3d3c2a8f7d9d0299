"""What a picture costs: our cells against the same picture through plotext.

A full screen of 120 x 40 cells: a background of 13 bands, three trails of 500 points in braille. Ours has the bands at
half cells; plotext has them as block markers, one a cell.
"""

from collections.abc import Iterator

import numpy as np
import plotext
from rich.text import Text

from benchmarks.turns import TURNS, Line, line, seconds
from sim.experiment.geometry import Window
from tui.draw.bands import band_of, loss_levels, trail_colors
from tui.draw.canvas import Canvas
from tui.draw.chart import Chart, Series
from tui.draw.palette import DARK
from tui.draw.viewport import Viewport

THREADS = (1,)
COLUMNS, ROWS, POINTS = 120, 40, 500
WINDOW = Window(-3, 3, -3, 3)


def trails() -> list[np.ndarray]:
    """Three random walks in the window, shape (500, 2) each."""
    random = np.random.default_rng(0)
    return [np.cumsum(random.normal(0, 0.06, (POINTS, 2)), axis=0).clip(-2.9, 2.9) for _ in DARK.runs[:3]]


def background(rows: int) -> np.ndarray:
    """The colours of a tilted valley, shape (rows, 120)."""
    x, y = np.meshgrid(np.linspace(-3, 3, COLUMNS), np.linspace(3, -3, rows))
    losses = (x + y) ** 2 + 0.05 * (x - y) ** 2
    return np.array(DARK.bands)[band_of(losses, loss_levels(losses, len(DARK.bands)))]


def with_cells(walks: list[np.ndarray], colors: np.ndarray) -> None:
    """One frame of ours, from data to strips."""
    canvas = Canvas(COLUMNS, ROWS)
    canvas.background(colors)
    view = Viewport(WINDOW, COLUMNS, ROWS)
    for walk, color, faded in zip(walks, DARK.runs, DARK.faded, strict=False):
        canvas.trail(view.to_dots(walk), trail_colors(POINTS, color, faded, 30), color, POINTS // 2)
    frame = canvas.frame()
    for row in range(ROWS):
        frame.strip(row)


def with_plotext(walks: list[np.ndarray], colors: np.ndarray) -> None:
    """One frame of plotext's, from data to lines of styled text."""
    figure = plotext.figure
    figure.clear()
    figure.plot_size(COLUMNS, ROWS)
    figure.axes(False)
    figure.ruler("x").lim(*WINDOW[:2]).ticks([])
    figure.ruler("y").lim(*WINDOW[2:]).ticks([])
    ys, xs = np.mgrid[3 : -3 : ROWS * 1j, -3 : 3 : COLUMNS * 1j]
    for color in np.unique(colors):
        cells = colors == color
        block = plotext.marker("█", pixel=plotext.pixel(_channels(int(color))))
        figure.draw(figure.signal(xs[cells].tolist(), ys[cells].tolist(), marker=block))
    for walk, color in zip(walks, DARK.runs, strict=False):
        dots = plotext.marker("braille", pixel=plotext.pixel(_channels(color)))
        figure.draw(figure.signal(walk[:, 0].tolist(), walk[:, 1].tolist(), marker=dots).lines())
    Text.from_ansi(figure.build().string())


def _channels(color: int) -> tuple[int, int, int]:
    return color >> 16, color >> 8 & 255, color & 255


def lines() -> Iterator[Line]:
    """The surface, and beside it the curves, which plotext draws."""
    walks, halves, cells = trails(), background(2 * ROWS), background(ROWS)
    updates = np.arange(160.0)
    curves = tuple(Series(updates, np.exp(-updates / 20 / (k + 1)), DARK.runs[k]) for k in range(3))
    turns = [
        (
            seconds(lambda: with_cells(walks, halves)),
            seconds(lambda: with_plotext(walks, cells)),
            seconds(Chart(curves, 80, 18, log_y=True).frame),
        )
        for _ in range(TURNS + 1)  # the first warms up
    ]
    ours, theirs, chart = ([1000 * one for one in column[1:]] for column in zip(*turns, strict=True))
    yield line("surface of 120 x 40, of plotext's", ours, theirs, "ms")
    yield line("curves of 80 x 18", chart, unit="ms")
