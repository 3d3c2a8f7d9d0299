"""The figure of `growth`."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.growth import SIZES, Point

_COLOURS = {"torch": "#c2410c", "compiled": "#0369a1"}
_GREY = "#6b7280"  # legible on light and on dark grounds
_STYLE: Any = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _GREY),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 0),
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "growth",
}


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw time and memory against each quantity, on no ground."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 4.4), layout="constrained")
        grid = figure.subplots(2, len(SIZES), sharex="col", sharey="row")
        for column, quantity in enumerate(SIZES):
            times, memory = grid[:, column]
            for backend, colour in _COLOURS.items():
                own = [one for one in points if (one.quantity, one.backend) == (quantity, backend)]
                sizes, style = [one.size for one in own], {"color": colour, "markersize": 4, "label": backend}
                times.loglog(sizes, [statistics.median(one.microseconds) for one in own], "o-", **style)
                memory.semilogx(sizes, [one.megabytes for one in own], "o-", **style)
            for axes in (times, memory):
                axes.grid(color=_GREY, alpha=0.2)
            memory.set_xlabel("updates so far" if quantity == "updates" else quantity)
        grid[1, 0].set_ylim(bottom=0)
        grid[0, 0].set_ylabel("µs an update")
        grid[1, 0].set_ylabel("MB at most")
        grid[0, -1].legend(frameon=False, loc="upper right")  # where there is room
        figure.savefig(path, transparent=True, metadata={"Date": None} if path.suffix == ".svg" else None)
