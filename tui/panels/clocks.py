"""The same race on the three clocks, side by side: who leads depends on what is counted."""

from collections.abc import Callable
from itertools import zip_longest

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal

from sim.experiment.choices import CLOCKS, Clock
from tui.draw.canvas import Canvas
from tui.draw.frame import Frame
from tui.draw.numbers import count, duration
from tui.panels.chart_panel import AXES, ChartPanel
from tui.panels.curve_style import CurveStyle
from tui.panels.plot import fitting
from tui.scene.comparison import leaders, reached, unmoved
from tui.scene.scene import Scene

_CAPTION_ROWS = 1

Piece = tuple[str, int]
"""Words and their colour."""

_AMOUNTS: dict[Clock, Callable[[float], str]] = {
    "updates": lambda number: _plural(round(number), "update"),
    "examples": lambda number: _plural(round(number), "example"),
    "seconds": duration,
}


class ClockChart(ChartPanel):
    """The chart over one clock, with who leads beneath it."""

    def __init__(self, style: CurveStyle, clock: Clock) -> None:
        super().__init__(style, clock)
        self.clock: Clock = clock

    def entitle(self, scene: Scene, log_x: bool) -> None:
        """See `ChartPanel`."""
        equal = scene.clock == self.clock and len(scene.runs) > 1
        over = f"per {self.clock.removesuffix('s')}" + (" (log)" if log_x else "")
        long, brief = (", kept equal", ", equal") if equal else ("", "")
        name = self.curve_style.measure_of(scene).title
        words = fitting([f"{name} {over}{long}", f"{over}{long}", f"{over}{brief}"], self.size.width)
        title = f"[bold]{words}[/bold]" if equal else words
        if title != self.border_title:
            self.border_title = title
            self.set_class(equal, "-equal")

    def composed(self, scene: Scene) -> Frame:
        """See `ChartPanel`."""
        width, height = self.size
        canvas = Canvas(width, height, scene.palette.background)
        column = 1
        for words, color in caption(scene, self.clock, width - 2):
            canvas.text(column, height - 1, words, color, bold=color != scene.palette.muted)
            column += cell_len(words)
        return canvas.frame().with_inset(self.chart_frame(scene, height - _CAPTION_ROWS), 0, 0)


class Clocks(Horizontal):
    """The three charts.

    Attributes:
        charts: these, each of which draws a scene for itself.
    """

    def __init__(self, style: CurveStyle, id: str | None = None) -> None:
        super().__init__(id=id)
        self.charts = [ClockChart(style, clock) for clock in CLOCKS]

    def compose(self) -> ComposeResult:
        """Side by side."""
        yield from self.charts


def caption(scene: Scene, clock: Clock, width: int) -> list[Piece]:
    """Who has the lowest loss where all have come on a clock, and where that is: as much as a width has room for.

    Where that is too soon to compare two runs: who has not moved by then.
    """
    runs = [run for run in scene.runs if run.shown]
    ahead, still = leaders(runs, clock), unmoved(runs, clock)
    if ahead:
        of, does = ahead, " leads" if len(ahead) == 1 else " are level"
    elif still and len(runs) > 1:
        of, does = still, f" {'has' if len(still) == 1 else 'have'} not moved"
    else:
        return []
    muted = scene.palette.muted
    verb, where = (does, muted), (f" after {_AMOUNTS[clock](reached(runs, AXES[clock]))}", muted)
    glyphs = _listed([(run.glyph, run.color) for run in of], muted)
    names = _listed([(f"{run.glyph} {run.config.name}", run.color) for run in of], muted)
    choices = [[*names, verb, where], [*names, verb], [*glyphs, verb]]
    if len(of) == len(runs):
        choices = (
            [[("all", muted), verb, where], [("all", muted), verb]] if ahead else [[("too soon to compare", muted)]]
        )
    return next((pieces for pieces in choices if sum(cell_len(words) for words, _ in pieces) <= width), choices[-1])


def _listed(pieces: list[Piece], muted: int) -> list[Piece]:
    """Pieces with what stands between them."""
    between = [(", ", muted)] * (len(pieces) - 2) + [(" and ", muted)] * (len(pieces) > 1)
    return [piece for pair in zip_longest(pieces, between) for piece in pair if piece]


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")
