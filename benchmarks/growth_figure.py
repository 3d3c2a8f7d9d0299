"""The figure of `growth`."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.growth import SIZES, Point

_COLOURS = {"torch": "#c2410c", "compiled": "#0369a1"}
_GREY = "#6b7280"  # legible on light and on dark grounds
_STYLE = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _GREY),
    "svg.hashsalt": "growth",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw time and memory against each quantity, as an SVG on no ground."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 4.4), layout="constrained")
        grid = figure.subplots(2, len(SIZES), sharey="row")
        for column, quantity in enumerate(SIZES):
            for backend, colour in _COLOURS.items():
                own = [one for one in points if (one.quantity, one.backend) == (quantity, backend)]
                sizes = [one.size for one in own]
                times = [statistics.median(one.microseconds) for one in own]
                for axes, values in zip(grid[:, column], (times, [one.megabytes for one in own]), strict=True):
                    axes.loglog(sizes, values, "o-", color=colour, markersize=4, label=backend)
                    axes.grid(color=_GREY, alpha=0.2)
            grid[1, column].set_xlabel("updates so far" if quantity == "updates" else quantity)
        grid[0, 0].set_ylabel("µs an update")
        grid[1, 0].set_ylabel("MB at most")
        grid[0, 0].legend(frameon=False)
        figure.savefig(path, transparent=True, metadata={"Date": None})
