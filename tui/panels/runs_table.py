"""The runs side by side, a row each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from rich.text import Text

from sim.experiment.choices import Clock
from sim.measures import measures
from sim.measures.measure import Measure
from sim.protocol.trace import Status
from tui.draw.numbers import count, measured
from tui.draw.palette import Palette, blend, hexadecimal
from tui.panels.words import Words
from tui.scene.scene import RunScene, Scene

_GAP = 2
_HEADING_SHARE = 0.12  # of the text's colour in the background of the heading


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of the table.

    Attributes:
        title: its heading.
        meaning: what it says, for the help.
        cell: its text for a run.
        rank: the higher, the sooner it is left out where there is no room; 0: never.
        applies: whether there is anything to say in this column.
        clock: the one that it is about, on which it is among the last to be left out.
    """

    title: str
    meaning: str
    cell: Callable[[Scene, RunScene], str]
    rank: int = 0
    applies: Callable[[Scene], bool] = lambda _scene: True
    clock: Clock | None = None

    def rank_of(self, scene: Scene) -> int:
        """Its rank on the scene's clock."""
        return min(self.rank, 2) if self.clock == scene.clock else self.rank


def _batch(_scene: Scene, run: RunScene) -> str:
    size = count(run.config.batch_size)
    return f"all {size}" if run.config.full_batch else size


def _optimizer(_scene: Scene, run: RunScene) -> str:
    used = run.values["lr"]
    momentum = f" m{run.config.momentum:g}" if run.config.momentum else ""
    return f"{run.config.optimizer}{momentum} {used if math.isfinite(used) else run.config.lr:.4g}"


_RANKS = {
    "loss": 0,
    "grad_norm": 5,
    "distance_to_minimum": 4,
    "test_loss": 6,
    "test_accuracy": 1,
    "distance_from_plane": 5,
    "updates_per_second": 7,
    "examples_per_second": 8,
}
_USUAL_RANK = 9
_STATUS_MEANING = "running, converged, at a saddle (say) where it stands at no lowest minimum, diverged or failed"
_SHOWN_ELSEWHERE = ("batch_loss", "lr")


def _measured(one: Measure) -> TableColumn:
    """The column of a measure, which is left out where no run has a value."""
    return TableColumn(
        one.short,
        one.sentence,
        lambda _scene, run: measured(run.values[one.name], one.unit),
        _RANKS.get(one.name, _USUAL_RANK),
        lambda scene: not all(math.isnan(run.values[one.name]) for run in scene.runs) or one.cost == "step",
        clock="seconds" if one.unit == "/s" else None,
    )


@cache
def columns() -> tuple[TableColumn, ...]:
    """Every column, in order: what a run is, how far it has come, the measures, how it stands."""
    shown = [one for one in measures("step", "pass", "free") if one.name not in _SHOWN_ELSEWHERE]
    return (
        TableColumn("run", "the descent: a key with its number hides or shows it", lambda _s, r: r.config.name),
        TableColumn("batch", "examples whose mean gradient makes one update", _batch),
        TableColumn("optimizer", "what makes a step of a gradient (m: momentum), and its last rate", _optimizer, 3),
        TableColumn("updates", "steps made", lambda _s, r: count(r.update)),
        TableColumn("epoch", "passes through all examples", lambda _s, r: f"{float(r.seen[-1]['epoch']):,.2f}", 6),
        TableColumn("examples", "examples read", lambda _s, r: count(r.examples), 1),
        *(_measured(one) for one in shown),
        TableColumn("status", _STATUS_MEANING, lambda _s, r: r.status_words),
    )


class RunsTable(Words):
    """The table of the runs; columns that do not fit are left out, the least important first."""

    _rows = 0

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        rows = len(scene.runs)
        if rows != self._rows:
            self._rows = rows
            self.styles.height = rows + 1  # a height of its own accord would be that of lines wrapped at some old width
        self.say(table_text(scene, self.size.width))


def table_text(scene: Scene, width: int) -> Text:
    """The table as text of at most so many columns of cells, a heading first."""
    shown = [column for column in columns() if column.applies(scene)]
    while True:
        cells = [[column.cell(scene, run) for column in shown] for run in scene.runs]
        widths = [max(len(column.title), *(len(row[i]) for row in cells)) for i, column in enumerate(shown)]
        if sum(widths) + _GAP * len(widths) + 3 <= width or max(column.rank_of(scene) for column in shown) == 0:
            break
        shown.remove(max(shown, key=lambda column: column.rank_of(scene)))
    titles = (column.title.ljust(size + _GAP) for column, size in zip(shown, widths, strict=True))
    heading = "   " + "".join(titles)
    shade = hexadecimal(blend(scene.palette.background, scene.palette.text, _HEADING_SHARE))
    lines = [Text(heading.ljust(width), style=f"bold on {shade}")]
    for run, row in zip(scene.runs, cells, strict=True):
        lines.append(_line(run, row, widths, scene.palette, selected=run.index == scene.selected))
    return Text("\n").join(lines)


def _line(run: RunScene, row: list[str], widths: list[int], palette: Palette, *, selected: bool) -> Text:
    color = hexadecimal(run.color)
    line = Text.assemble((f"{'›' if selected else ' '}{run.glyph} ", color))
    for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
        style = color if i == 0 else _status_style(run, palette) if i == len(row) - 1 else ""
        line.append(cell.ljust(width + _GAP), style)
    if not run.shown:
        line.stylize("dim strike")
    return line


def _status_style(run: RunScene, palette: Palette) -> str:
    if run.status.stopped:
        return f"bold {hexadecimal(palette.bad)}"
    return hexadecimal(palette.good) if run.status is Status.CONVERGED and run.kind in (None, "minimum") else ""
