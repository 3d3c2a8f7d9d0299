"""What the last update of each run used and measured, and how its gradient differs from the one over all examples."""

import math
from collections.abc import Sequence

from rich.text import Text

from sim.measures import measures
from sim.protocol.results import UpdateReport
from tui.draw.numbers import count, decimal, measured, quantity
from tui.draw.palette import hexadecimal
from tui.panels.words import Words
from tui.scene.scene import RunScene, Scene

_NAMED_EXAMPLES = 4
_ROUNDING, _MODEL_ROUNDING = 1e-12, 1e-5  # relative errors below come from the order of summation
_BLOCKS = "▁▂▃▄▅▆▇█"
_SHORTEST = 4  # cells for a course of angles
_NUMBER, _ANGLE = 6, len("180°")  # cells that are kept for one however short it is, so that nothing moves beside it
_GAP, _INDENT = "  ", Text("  ")
_CELL = 24  # columns for a run where several share a line


class ThisUpdate(Words):
    """What each run's last update did: up to three lines a run, or several runs in a line."""

    BORDER_TITLE = "this update, against the full gradient"
    DEFAULT_CLASSES = "framed"

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        title = self.BORDER_TITLE if scene.experiment.seeds == 1 else f"this update, of seed {scene.experiment.seed}"
        if title != self.border_title:  # another one paints all of the panel anew
            self.border_title = title
        self.say(update_text(scene, self.size.width, self.size.height))


def update_text(scene: Scene, width: int, height: int) -> Text:
    """All shown runs in so many columns and rows of cells, in as many words as there is room for."""
    shown = [run for run in scene.runs if run.shown]
    for lines, of in ((3, _three_lines), (2, _two_lines), (1, _one_line)):
        texts = [of(scene, run, width) for run in shown]
        if len(texts) * lines <= height and all(line.cell_len <= width for text in texts for line in text.split()):
            apart = height >= len(texts) * (lines + 1) - 1
            return Text("\n\n" if apart and lines > 1 else "\n").join(texts)
    across = max(1, min(-(-len(shown) // max(1, height)), width // _CELL))
    cells = [_cell(scene, run, width // across) for run in shown]
    rows = -(-len(cells) // across)
    return Text("\n").join(Text().join(cells[row::rows]) for row in range(rows))


def _head(run: RunScene, most: int) -> Text:
    """A run's glyph and its name, as much of it as fits into so many cells."""
    head = Text.assemble((f"{run.glyph} {run.name}", hexadecimal(run.color)))
    head.truncate(most, overflow="ellipsis")
    return head


def _named(run: RunScene, most: int) -> Text:
    """The same before a number, which is not to be read as part of a name such as "mini-batch 2"."""
    return _head(run, most) + Text(":" * run.name[-1].isdigit())


def _three_lines(scene: Scene, run: RunScene, width: int) -> Text:
    if run.update == 0:
        return _nothing_yet(run, width) + Text("\n\n")
    room = width - len(_INDENT)
    measured_ = _fitting([Text(some) for some in _measured(run)], room)
    return Text("\n").join(
        [
            _beside(_head(run, width // 2), _what(scene, run), width),
            _INDENT + measured_,
            _INDENT + _off(scene, run, room),
        ]
    )


def _two_lines(scene: Scene, run: RunScene, width: int) -> Text:
    if run.update == 0:
        return _nothing_yet(run, width) + Text("\n")
    room = width - len(_INDENT)
    second = _off(scene, run, room) if _looked_into(scene, run) else _and_angles(scene, _measured(run), run, room)
    return _beside(_head(run, width // 2), _what(scene, run), width) + Text("\n") + _INDENT + second


def _one_line(scene: Scene, run: RunScene, width: int) -> Text:
    if run.update == 0:
        return _nothing_yet(run, width)
    if _looked_into(scene, run) and run.report is not None:
        used = _used(scene, run, run.report)
        tails = [Text("  ") + words for words in (_difference(scene, run.report), _figures(scene, run.report))]
        head = _named(run, width // 2)
        tail = _fitting(tails, width - head.cell_len - 1 - len(used[-1]))
        line = _beside(head, used, width - tail.cell_len) + tail
        return _with_course(line, run, width)
    head = _beside(_named(run, width // 2), [f"{words}," for words in _counted(scene, run)], width // 2)
    return head + Text(" ") + _and_angles(scene, _measured(run), run, width - head.cell_len - 1)


def _cell(scene: Scene, run: RunScene, width: int) -> Text:
    """A run in so many columns: of its name as much as the figures leave room for."""
    figures = Text(" –") if run.update == 0 or run.report is None else Text(" ") + _figures(scene, run.report)
    cell = _head(run, max(3, width - figures.cell_len - 1)) + figures
    cell.pad_right(max(0, width - cell.cell_len))
    return cell


def _nothing_yet(run: RunScene, width: int) -> Text:
    return _head(run, width // 2) + Text(" has not moved yet")


def _looked_into(scene: Scene, run: RunScene) -> bool:
    """Whether there is time to read what is known of this very update."""
    return run.reported and not scene.playing


# -- what its own numbers say -----------------------------------------------------------------------------------------


def _what(scene: Scene, run: RunScene) -> list[str]:
    """Which update, and what it used, from the most telling words to the shortest."""
    update = f"update {count(run.update)}"
    if _looked_into(scene, run) and run.report is not None:
        return [f"{update} used {used}" for used in _used(scene, run, run.report)]
    return [*(f"{update} · {counted}" for counted in _counted(scene, run)), update]


def _counted(scene: Scene, run: RunScene) -> list[str]:
    """How many examples the last update read."""
    last, before = run.seen[-1], run.seen[-2]
    adjacent = int(last["update"]) - int(before["update"]) == 1  # of many updates at once only some are reported
    size = int(last["examples"] - before["examples"]) if adjacent else run.config.batch_size
    if not scene.examples:
        return [f"{count(size)} examples", count(size)]
    if size >= scene.examples:
        return [f"all {count(scene.examples)} examples", f"all {count(scene.examples)}", "all"]
    if _ends_an_epoch(run, size):
        return [f"the last {count(size)} of the epoch", f"the last {count(size)}", count(size)]
    return [
        f"{count(size)} of {count(scene.examples)} examples",
        f"{count(size)} of {count(scene.examples)}",
        count(size),
    ]


def _ends_an_epoch(run: RunScene, size: int) -> bool:
    """Whether its last batch was a short one because the epoch had no more examples."""
    return size < run.config.batch_size and not run.changed


def _measured(run: RunScene) -> list[str]:
    """What the last update measured of itself, from the most telling words to the shortest."""
    of = "median " if run.members is not None else ""
    said = [
        f"{of}{one.short} {_number(run.values[one.name]):{_NUMBER}}" for one in measures("step") if one.name != "lr"
    ]
    said.append(f"rate {run.values['lr']:.4g}")
    return [" · ".join(said[:kept]) for kept in range(len(said), 0, -1)]


def _number(value: float) -> str:
    """Three digits, in as many cells as are kept for them."""
    exact = decimal(value, 3)
    return exact if len(exact) <= _NUMBER else quantity(value)


def _and_angles(scene: Scene, choices: Sequence[str], run: RunScene, width: int) -> Text:
    """The first of some words that leaves room for a course of angles and the last of them, and these.

    The shortest words need no more room than for the last one.
    """
    if run.angles:
        update, angle = run.angles[-1]
        when = f" at {count(update)}:" if _seldom_looked_at(scene) and update != run.update else ""
        last = f"{when} {measured(angle, '°'):>{_ANGLE}}"
        for words in choices:
            room = width - len(words) - len(_GAP) - len(last)
            if room >= (0 if words == choices[-1] else _SHORTEST):
                return Text(words + _GAP) + _course(run, room) + last
    return _fitting([Text(words) for words in choices], width)


def _seldom_looked_at(scene: Scene) -> bool:
    """Whether the last update that was looked at may be an old one, even while it plays."""
    return bool(scene.source) or not scene.flat or math.isinf(scene.pace)


def _with_course(words: Text, run: RunScene, width: int) -> Text:
    """Some words, and the course of the angle after them, where there is one and room for it."""
    room = width - words.cell_len - len(_GAP)
    return words + Text(_GAP) + _course(run, room) if room >= _SHORTEST and len(run.angles) > 1 else words


def _course(run: RunScene, cells: int) -> Text:
    """The angles of the updates that were looked at, the last ones of them, the newest at the right edge."""
    angles = [angle for _, angle in run.angles]
    return Text("".join(map(_block, angles))[-cells:].rjust(cells) if cells else "", hexadecimal(run.color))


def _block(angle: float) -> str:
    """How high it stands between 0 and 180 degrees; a gap where there is no angle."""
    return " " if math.isnan(angle) else _BLOCKS[min(len(_BLOCKS) - 1, int(angle / 180 * len(_BLOCKS)))]


def _fitting(choices: Sequence[Text], width: int) -> Text:
    """The first of some words that there is room for, else the last."""
    return next((words for words in choices if words.cell_len <= width), choices[-1])


# -- what a closer look says ------------------------------------------------------------------------------------------


def _off(scene: Scene, run: RunScene, width: int) -> Text:
    """How far the last update that was looked at was off its way, and the course of the angle up to it."""
    if run.report is None:
        return Text("")
    when = Text("" if _looked_into(scene, run) else f"at {count(run.report.update)}: ")
    words = _fitting([when + _difference(scene, run.report), when + _figures(scene, run.report)], width)
    return _with_course(words, run, width)


def _beside(head: Text, words: Sequence[str], width: int) -> Text:
    """The first of the words that there is room for after the head: none is cut, since half a number is another one."""
    return head + Text(next((f" {some}" for some in words if head.cell_len + 1 + len(some) <= width), ""))


def _used(scene: Scene, run: RunScene, report: UpdateReport) -> list[str]:
    """How many and which examples an update used, from the fullest words to the shortest."""
    total, size = count(scene.examples), count(report.batch_size)
    if report.batch_size >= scene.examples:
        return [f"all {total} examples", f"all {total}", "all"]
    if report.batch_size == 1 and report.indices:
        return [f"#{report.indices[0]} (1 of {total})", f"#{report.indices[0]}"]
    last = _ends_an_epoch(run, report.batch_size)
    ways = [f"the last {size}"] if last else [f"{size} of {total}", size]
    words = []
    for named in range(min(_NAMED_EXAMPLES, len(report.indices)), 0, -1):
        some = " ".join(f"#{index}" for index in report.indices[:named]) + " …" * (named < report.batch_size)
        words += [f"{way}: {some}" for way in ways]
    return [*words, *ways]


def _difference(scene: Scene, report: UpdateReport) -> Text:
    """Angle, cosine and relative error; a dash where the full gradient is zero."""
    cosine = report.measures["cosine"]
    if math.isnan(cosine) or report.vanishes:
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
    if math.isnan(report.measures["cosine"]) or report.vanishes:
        return Text("–")
    return Text.assemble((_degrees(report), "bold"), " err ", (_error(scene, report), "bold"))


def _degrees(report: UpdateReport) -> str:
    return measured(report.measures["angle"], "°")


def _error(scene: Scene, report: UpdateReport) -> str:
    rounding = _ROUNDING if scene.flat else _MODEL_ROUNDING
    error = report.measures["relative_error"]
    return decimal(error if error > rounding else 0.0, 3)
