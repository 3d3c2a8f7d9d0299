"""What the last update of each run used, and how its gradient differs from the one over all examples."""

import math
from collections.abc import Sequence

from rich.text import Text

from sim.protocol.answers import UpdateReport
from tui.draw.numbers import count, decimal, measured
from tui.draw.palette import hexadecimal
from tui.panels.words import Words
from tui.scene.scene import RunScene, Scene, vanishes

_NAMED_EXAMPLES = 4
_ROUNDING, _MODEL_ROUNDING = 1e-12, 1e-5  # relative errors below come from the order of summation
_STALE = 50  # updates: of a report that is further behind, a line says of which update it is
_CELL = 24  # columns for a run where several share a line


class ThisUpdate(Words):
    """What each run's last update did: two lines a run, one where there is little room, or several runs in a line."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        self.say(update_text(scene, self.size.width, self.size.height))


def update_text(scene: Scene, width: int, height: int) -> Text:
    """All shown runs in so many columns and rows of cells, in as many words as there is room for."""
    shown = [run for run in scene.runs if run.shown]
    if height >= 3 * len(shown) - 1:
        return Text("\n\n").join(_two_lines(scene, run, width) for run in shown)
    if height >= 2 * len(shown):
        return Text("\n").join(_two_lines(scene, run, width) for run in shown)
    lines = [_one_line(scene, run, width) for run in shown]
    if len(lines) <= height and all(line.cell_len <= width for line in lines):
        return Text("\n").join(lines)
    across = max(1, min(-(-len(shown) // max(1, height)), width // _CELL))
    cells = [_cell(scene, run, width // across) for run in shown]
    rows = -(-len(cells) // across)
    return Text("\n").join(Text().join(cells[row::rows]) for row in range(rows))


def _head(run: RunScene) -> Text:
    return Text.assemble((f"{run.glyph} {run.config.name}", hexadecimal(run.color)))


def _two_lines(scene: Scene, run: RunScene, width: int) -> Text:
    if run.update == 0 or run.report is None:
        return _nothing_yet(run) + Text("\n")
    words = [f"update {count(run.report.update)} used {used}" for used in _used(scene, run.report)]
    return _beside(_head(run), words, width) + Text("\n  ") + _difference(scene, run.report)


def _one_line(scene: Scene, run: RunScene, width: int) -> Text:
    if run.update == 0 or run.report is None:
        return _nothing_yet(run)
    tail = Text("  ") + _difference(scene, run.report)
    used = _used(scene, run.report)
    if run.update - run.report.update > _STALE:
        used = [f"{some} at update {count(run.report.update)}" for some in used]
    return _beside(_head(run), used, width - tail.cell_len) + tail


def _cell(scene: Scene, run: RunScene, width: int) -> Text:
    """A run in so many columns: of its name as much as the figures leave room for."""
    figures = Text(" –") if run.update == 0 or run.report is None else Text(" ") + _figures(scene, run.report)
    head = _head(run)
    head.truncate(max(3, width - figures.cell_len - 1), overflow="ellipsis")
    cell = head + figures
    cell.pad_right(max(0, width - cell.cell_len))
    return cell


def _nothing_yet(run: RunScene) -> Text:
    return _head(run) + Text(f" update {count(run.update)} …" if run.update else " has not moved yet")


def _beside(head: Text, words: Sequence[str], width: int) -> Text:
    """The first of the words that there is room for after the head: none is cut, since half a number is another one."""
    return head + Text(next((f" {some}" for some in words if head.cell_len + 1 + len(some) <= width), ""))


def _used(scene: Scene, report: UpdateReport) -> list[str]:
    """How many and which examples an update used, from the fullest words to the shortest."""
    total, size = count(scene.examples), count(report.batch_size)
    if report.batch_size >= scene.examples:
        return [f"all {total} examples", f"all {total}", "all"]
    if report.batch_size == 1:
        return [f"#{report.indices[0]} (1 of {total})", f"#{report.indices[0]} of {total}", f"#{report.indices[0]}"]
    words = []
    for named in range(min(_NAMED_EXAMPLES, report.batch_size), 0, -1):
        some = " ".join(f"#{index}" for index in report.indices[:named]) + " …" * (named < report.batch_size)
        words += [f"{size} of {total}: {some}", f"{size}: {some}"]
    return [*words, f"{size} of {total}", size]


def _difference(scene: Scene, report: UpdateReport) -> Text:
    """Angle, cosine and relative error; a dash where the full gradient is zero."""
    cosine = report.measures["cosine"]
    if math.isnan(cosine) or vanishes(report):
        return Text.assemble(("–", "bold"), " the full gradient is zero")
    return Text.assemble(
        (_degrees(report), "bold"),
        " off · cosine ",
        (f"{round(cosine, 2) + 0.0:.2f}", "bold"),
        " · error ",
        (_error(scene, report), "bold"),
    )


def _figures(scene: Scene, report: UpdateReport) -> Text:
    """The difference in few columns; a dash where it is not known."""
    if math.isnan(report.measures["cosine"]) or vanishes(report):
        return Text("–")
    return Text.assemble((_degrees(report), "bold"), " err ", (_error(scene, report), "bold"))


def _degrees(report: UpdateReport) -> str:
    return measured(report.measures["angle"], "°")


def _error(scene: Scene, report: UpdateReport) -> str:
    rounding = _ROUNDING if scene.flat else _MODEL_ROUNDING
    error = report.measures["relative_error"]
    return decimal(error if error > rounding else 0.0, 3)
