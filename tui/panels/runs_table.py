"""The runs side by side, a row each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message

from sim.experiment.choices import CLOCKS, Clock
from sim.measures import measures
from sim.measures.measure import Measure, Unit
from sim.protocol.trace import BANDS, Status
from tui.draw.numbers import count, measured, short
from tui.draw.palette import blend, hexadecimal
from tui.draw.sparkline import calm_range, calm_step, sparkline
from tui.draw.wide import padded
from tui.panels.words import Words
from tui.scene.comparison import waits
from tui.scene.scene import RunScene, Scene

_GAP = 2
_MARGIN = 3  # cells before the first column: the mark of the selected run, and its glyph
_COUNT, _RATE = 7, 9  # cells
_LONGEST_NAME = 24  # cells, so that there is room for what the run has come to
_STATUS_WIDTH, _STATUSES_WIDTH = len("in a local minimum"), len("253 running, 3 diverged")
_WIDTHS: dict[Unit, int] = {"": 9, "%": 6, "°": 4, "/s": 6}
_DATED = len("0.1234 at 9,999")  # cells
_MANY_EPOCHS = 1000  # from where on their hundredths matter no more
_COURSE = "loss so far"
_SHORTEST_COURSE, _LONGEST_COURSE = 12, 64  # cells
_DECADES = 6.0  # below the start, that a course shows at most
_HEADING_SHARE = 0.12  # of the text's colour in the background of the heading


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of the table.

    Attributes:
        title: its heading.
        meaning: what it says, for the help.
        cell: its text for a run.
        width: cells that are kept for it however short its numbers are, so that no column comes or goes as they grow.
        rank: the higher, the sooner it is left out where there is no room; 0: never.
        applies: whether there is anything to say in this column.
        clock: the one that it is about, on which it is among the last to be left out.
        median: whether it is the median over the seeds, where a run is made from many.
        right: whether it ends at the right edge, as whole numbers do; others have their points below each other.
    """

    title: str
    meaning: str
    cell: Callable[[Scene, RunScene], str]
    width: int = 0
    rank: int = 0
    applies: Callable[[Scene], bool] = lambda _scene: True
    clock: Clock | None = None
    median: bool = False
    right: bool = False

    def heading(self, scene: Scene) -> str:
        """Its title in a scene."""
        return f"median {self.title}" if self.median and scene.experiment.seeds > 1 else self.title

    def rank_of(self, scene: Scene) -> int:
        """Its rank on the scene's clock."""
        return min(self.rank, 2) if self.clock == scene.clock else self.rank

    def aligned(self, text: str, width: int) -> str:
        """A text in so many cells."""
        return text.rjust(width) if self.right else padded(text, width)


def _name(_scene: Scene, run: RunScene) -> str:
    name = Text(run.config.name)
    name.truncate(_LONGEST_NAME, overflow="ellipsis")
    return name.plain


def _batch(_scene: Scene, run: RunScene) -> str:
    size = count(run.config.batch_size)
    return f"all {size}" if run.config.full_batch else size


def _optimizer(_scene: Scene, run: RunScene) -> str:
    momentum = f" m{run.config.momentum:g}" if run.config.momentum else ""
    rate = f"{_rate(run):.4g}"
    return f"{run.config.optimizer}{momentum} {rate if run.config.schedule == 'constant' else rate.ljust(_RATE)}"


def _rate(run: RunScene) -> float:
    """The rate that its next update is made with, or for a schedule on its way that of the last one."""
    return run.config.lr if run.update == 0 or run.changed or run.config.schedule == "constant" else run.values["lr"]


def _loss(scene: Scene, run: RunScene) -> str:
    """Its last loss over all examples, and after which update that was, where it is not known of the last one.

    Where that may come to be, there is room for it from the start.
    """
    when = "" if run.loss_update == run.update else f" at {short(run.loss_update)}"
    seldom = not scene.flat or any(other.config.loss_every > 1 for other in scene.runs)
    return f"{measured(run.loss, '')}{when}".ljust(_DATED * seldom)


def _epoch(_scene: Scene, run: RunScene) -> str:
    epoch = float(run.seen[-1]["epoch"])
    return f"{epoch:,.2f}" if epoch < _MANY_EPOCHS else short(round(epoch))


def _status(scene: Scene, run: RunScene) -> str:
    words = "waits" if waits(scene, run) else run.status_words
    return words.ljust(_STATUSES_WIDTH * (scene.experiment.seeds > 1))


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
_STATUS_MEANING = (
    "running; converged, at a minimum; in a local minimum, at a saddle, on a plateau or just standing still, with next "
    "to no gradient; waits, for others to come as far on the clock; diverged or failed; of many seeds how many are what"
)
_SHOWN_ELSEWHERE = ("batch_loss", "lr")


def _known(scene: Scene, one: Measure) -> bool:
    """Whether a measure has a value of any run, or will have; of many seeds, one that is about all of them."""
    if scene.experiment.seeds > 1 and one.cost == "free" and one.unit != "/s":
        return False
    return one.cost == "step" or one.unit == "/s" or not all(math.isnan(run.values[one.name]) for run in scene.runs)


def _measured(one: Measure) -> TableColumn:
    """The column of a measure, which is left out where no run will have a value."""
    loss = one.name == "loss"
    return TableColumn(
        one.short,
        f"{one.sentence}: 0.226 at 48, if that was not the last one" if loss else one.sentence,
        _loss if loss else lambda _scene, run: measured(run.values[one.name], one.unit),
        _WIDTHS[one.unit],
        _RANKS.get(one.name, _USUAL_RANK),
        lambda scene: _known(scene, one),
        clock="seconds" if one.unit == "/s" else None,
        median=one.name in BANDS,
        right=one.unit != "",
    )


@cache
def columns() -> tuple[TableColumn, ...]:
    """Every column, in order: what a run is, how far it has come, the measures, how it stands."""
    shown = [one for one in measures("step", "pass", "free") if one.name not in _SHOWN_ELSEWHERE]
    return (
        TableColumn("run", "the descent: a key with its number hides or shows it", _name),
        TableColumn("batch", "examples whose mean gradient makes one update", _batch, right=True),
        TableColumn("optimizer", "what makes a step of a gradient (m: momentum), and its rate", _optimizer, rank=3),
        TableColumn("updates", "steps made", lambda _s, r: short(r.update), _COUNT, right=True),
        TableColumn("epoch", "passes through all examples", _epoch, _COUNT, rank=6, right=True),
        TableColumn("examples", "examples read", lambda _s, r: short(r.examples), _COUNT, rank=1, right=True),
        *(_measured(one) for one in shown),
        TableColumn("status", _STATUS_MEANING, _status, _STATUS_WIDTH),
    )


class RunsTable(Words):
    """The table of the runs; columns that do not fit are left out, the least important first."""

    @dataclass
    class Selected(Message):
        """A run was clicked on."""

        index: int

    _indices: tuple[int, ...] = ()

    def on_click(self, event: events.Click) -> None:
        """Select the run of that line."""
        offset = event.get_content_offset(self)
        if offset is not None and 1 <= offset.y <= len(self._indices):
            self.post_message(self.Selected(self._indices[offset.y - 1]))

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        indices = tuple(run.index for run in scene.runs)
        if indices != self._indices:
            self._indices = indices
            # a height of its own accord would be that of lines wrapped at some old width
            self.styles.height = len(indices) + 1
        self.say(table_text(scene, self.size.width))


def table_text(scene: Scene, width: int) -> Text:
    """The table as text of at most so many columns of cells, a heading first; where there is room, with the courses."""
    shown = [column for column in columns() if column.applies(scene)]
    while True:
        cells = [[column.cell(scene, run) for column in shown] for run in scene.runs]
        widths = [
            max(column.width, len(column.heading(scene)), *(cell_len(row[i]) for row in cells))
            for i, column in enumerate(shown)
        ]
        room = width - _MARGIN - sum(widths) - _GAP * (len(widths) - 1)
        if room >= 0 or max(column.rank_of(scene) for column in shown) == 0:
            break
        shown.remove(max(shown, key=lambda column: column.rank_of(scene)))
    courses = _courses(scene, min(room - _GAP, _LONGEST_COURSE)) if room >= _GAP + _SHORTEST_COURSE else None
    titles = [column.aligned(column.heading(scene), size) for column, size in zip(shown, widths, strict=True)]
    heading = " " * _MARGIN + (" " * _GAP).join([*titles, _COURSE if courses else ""])
    shade = hexadecimal(blend(scene.palette.background, scene.palette.text, _HEADING_SHARE))
    lines = [Text(heading.rstrip().ljust(width), style=f"bold on {shade}")]
    for number, (run, row) in enumerate(zip(scene.runs, cells, strict=True)):
        aligned = [column.aligned(cell, size) for column, cell, size in zip(shown, row, widths, strict=True)]
        line = _line(scene, run, aligned)
        if courses:
            line.append(courses[number], hexadecimal(run.color))
        if not run.shown:
            line.stylize("dim strike")
        line.truncate(width)
        lines.append(line)
    return Text("\n").join(lines)


def _line(scene: Scene, run: RunScene, row: list[str]) -> Text:
    color = hexadecimal(run.color)
    line = Text.assemble((f"{'›' if run.index == scene.selected else ' '}{run.glyph} ", color))
    for i, cell in enumerate(row):
        style = color if i == 0 else _status_style(scene, run) if i == len(row) - 1 else ""
        line.append(cell + " " * _GAP, style)
    return line


def _status_style(scene: Scene, run: RunScene) -> str:
    if run.status.stopped:
        return f"bold {hexadecimal(scene.palette.bad)}"
    converged = run.status is Status.CONVERGED and run.kind == "minimum" and not waits(scene, run)
    return hexadecimal(scene.palette.good) if converged else ""


def _courses(scene: Scene, room: int) -> list[str]:
    """For each run the loss over the clock so far, in so many cells, all on the same axes."""
    column = CLOCKS[scene.clock].column
    evaluated = []
    for run in scene.runs:
        kept = run.evaluations[run.evaluations < len(run.seen)]
        evaluated.append((run.recorded[column][kept].astype(np.float64), run.recorded["loss"][kept]))
    extent = calm_range(np.concatenate([losses for _, losses in evaluated]), _DECADES)
    step = calm_step(scene.span(scene.clock)[1], room)
    ends = (float(run.seen[-1][column]) for run in scene.runs)
    return [sparkline(x, losses, end, step, extent) for (x, losses), end in zip(evaluated, ends, strict=True)]
