"""What the last update of each run used, and how its gradient differs from the one over all examples."""

import math
import textwrap

from rich.text import Text
from textual.widgets import Static

from sim.commands import UpdateReport
from tui.numbers import count, decimal
from tui.scene import RunScene, Scene

_NAMED_EXAMPLES = 4
_ROUNDING = 1e-12  # relative errors of this size come from the order of summation


class ThisUpdate(Static):
    """Two lines a run, or one where there is little room."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        shown = [run for run in scene.runs if run.shown]
        roomy = self.size.height >= 3 * len(shown) - 1
        lines = []
        for run in shown:
            lines += (_two_lines if roomy else _one_line)(scene, run, self.size.width)
            if roomy and self.size.height >= 3 * len(shown):
                lines.append(Text(""))
        self.update(Text("\n").join(lines))


def _head(run: RunScene) -> Text:
    return Text.assemble((f"{run.glyph} {run.config.name}", f"#{run.color:06x}"))


def _two_lines(scene: Scene, run: RunScene, width: int) -> list[Text]:
    if run.update == 0 or run.report is None:
        return [_nothing_yet(run), Text("")]
    words = f"update {count(run.report.update)} used {_used(scene, run.report)}"
    return [_beside(_head(run), words, width), Text("  ") + _difference(run.report)]


def _one_line(scene: Scene, run: RunScene, width: int) -> list[Text]:
    if run.update == 0 or run.report is None:
        return [_nothing_yet(run)]
    tail = Text("  ") + _difference(run.report)
    line = _beside(_head(run), _used(scene, run.report), width - tail.cell_len) + tail
    line.truncate(width, overflow="ellipsis")
    return [line]


def _nothing_yet(run: RunScene) -> Text:
    return _head(run) + Text(f" update {count(run.update)} …" if run.update else " has not moved yet")


def _beside(head: Text, words: str, width: int) -> Text:
    """As many of the words as there is room for after the head: none is cut, since half a number is another one."""
    return head + Text(" " + textwrap.shorten(words, max(1, width - head.cell_len - 1), placeholder=" …"))


def _used(scene: Scene, report: UpdateReport) -> str:
    if report.batch_size >= scene.examples:
        return f"all {count(scene.examples)} examples"
    if report.batch_size == 1:
        return f"#{report.indices[0]} (1 of {count(scene.examples)})"
    named = " ".join(f"#{index}" for index in report.indices[:_NAMED_EXAMPLES])
    more = " …" if report.batch_size > _NAMED_EXAMPLES else ""
    return f"{count(report.batch_size)} of {count(scene.examples)}: {named}{more}"


def _difference(report: UpdateReport) -> Text:
    """Angle, cosine and relative error; dashes where the full gradient is zero, or not known any more."""
    if math.isnan(report.full_gradient[0]):
        return Text("its gradient is gone: only the newest update's is kept", style="dim")
    if math.isnan(report.cosine):
        return Text.assemble(("–", "bold"), " the full gradient is zero")
    degrees = math.degrees(math.acos(report.cosine))
    error = report.relative_error if report.relative_error > _ROUNDING else 0.0
    return Text.assemble(
        (f"{degrees:.0f}°", "bold"),
        " off · cosine ",
        (f"{report.cosine:.2f}", "bold"),
        " · error ",
        (decimal(error, 3), "bold"),
    )
