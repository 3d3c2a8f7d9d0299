"""The runs side by side, a row each."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from sim.experiment.choices import Clock
from sim.protocol.trace import Status
from tui.draw.numbers import count, decimal, quantity
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


def _batch(scene: Scene, run: RunScene) -> str:
    size = count(run.config.size(scene.examples))
    return f"all {size}" if run.config.batch_size == "all" else size


def _optimizer(_scene: Scene, run: RunScene) -> str:
    used = float(run.seen[-1]["lr"])
    momentum = f" m{run.config.momentum:g}" if run.config.momentum else ""
    return f"{run.config.optimizer}{momentum} {used if math.isfinite(used) else run.config.lr:.4g}"


COLUMNS = (
    TableColumn("run", "the descent: a key with its number hides or shows it", lambda _s, r: r.config.name),
    TableColumn("batch", "examples whose mean gradient makes one update", _batch),
    TableColumn("optimizer", "what makes a step of a gradient (m: momentum), and its last rate", _optimizer, 3),
    TableColumn("updates", "steps made", lambda _s, r: count(r.update)),
    TableColumn("epoch", "passes through all examples", lambda _s, r: f"{float(r.seen[-1]['epoch']):,.2f}", 6),
    TableColumn("examples", "examples read", lambda _s, r: count(r.examples), 1),
    TableColumn("loss", "over all examples, when last evaluated", lambda _s, r: decimal(r.loss)),
    TableColumn(
        "‖grad‖", "length of the last batch's gradient", lambda _s, r: decimal(float(r.seen[-1]["grad_norm"])), 5
    ),
    TableColumn(
        "to min",
        "distance to the nearest known minimum",
        lambda _s, r: decimal(r.distance),
        4,
        lambda scene: bool(scene.card.minima),
    ),
    TableColumn(
        "test loss",
        "over the test examples, which no run learns from",
        lambda _s, r: decimal(r.test_loss),
        4,
        lambda scene: scene.tests > 0 and math.isnan(scene.runs[0].test_accuracy),
    ),
    TableColumn(
        "test acc",
        "share of the test examples told right",
        lambda _s, r: f"{100 * r.test_accuracy:.1f}%",
        1,
        lambda scene: not math.isnan(scene.runs[0].test_accuracy),
    ),
    TableColumn(
        "off plane",
        "how far the run is from the plane that is shown",
        lambda _s, r: decimal(r.off_plane, 3),
        5,
        lambda scene: scene.plane is not None,
    ),
    TableColumn(
        "updates/s",
        "in its own computing time",
        lambda _s, r: quantity(r.updates_per_second),
        7,
        clock="seconds",
    ),
    TableColumn(
        "examples/s",
        "in its own computing time",
        lambda _s, r: quantity(r.examples_per_second),
        8,
        clock="seconds",
    ),
    TableColumn("status", "running, converged, diverged or failed", lambda _s, r: r.status_words),
)


class RunsTable(Words):
    """The table; columns that do not fit are left out, the least telling first."""

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
    columns = [column for column in COLUMNS if column.applies(scene)]
    while True:
        cells = [[column.cell(scene, run) for column in columns] for run in scene.runs]
        widths = [max(len(column.title), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
        if sum(widths) + _GAP * len(widths) + 3 <= width or max(column.rank_of(scene) for column in columns) == 0:
            break
        columns.remove(max(columns, key=lambda column: column.rank_of(scene)))
    titles = (column.title.ljust(size + _GAP) for column, size in zip(columns, widths, strict=True))
    heading = "   " + "".join(titles)
    shade = hexadecimal(blend(scene.palette.background, scene.palette.text, _HEADING_SHARE))
    lines = [Text(heading.ljust(width), style=f"bold on {shade}")]
    for run, row in zip(scene.runs, cells, strict=True):
        lines.append(_line(run, row, widths, scene.palette))
    return Text("\n").join(lines)


def _line(run: RunScene, row: list[str], widths: list[int], palette: Palette) -> Text:
    color = hexadecimal(run.color)
    line = Text.assemble((f" {run.glyph} ", color))
    for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
        style = color if i == 0 else _status_style(run.status, palette) if i == len(row) - 1 else ""
        line.append(cell.ljust(width + _GAP), style)
    if not run.shown:
        line.stylize("dim strike")
    return line


def _status_style(status: Status, palette: Palette) -> str:
    if status.stopped:
        return f"bold {hexadecimal(palette.bad)}"
    return hexadecimal(palette.good) if status is Status.CONVERGED else ""
