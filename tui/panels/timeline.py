"""The whole recording as a line, as players have it: the cursor, what happened when, a click to go there."""

from collections.abc import Iterator

from rich.text import Text
from textual.geometry import Offset

from sim.experiment.journal import Change, ClockChange, Fork
from sim.protocol.trace import Status
from tui.draw.numbers import count
from tui.draw.palette import hexadecimal
from tui.panels.seeking import Seeking
from tui.panels.words import Words
from tui.scene.scene import RunScene, Scene

_ON, _AHEAD, _HERE, _CHANGE = "━", "─", "◉", "┃"


class Timeline(Seeking, Words):
    """The recording as a line from the first moment to the last."""

    _end = 0
    _line = 0

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        words = f" {count(scene.cursor)} of {count(scene.end)} moments "
        self._end, self._line = scene.end, max(1, self.size.width - len(words))
        self.say(timeline_text(scene, self._line) + Text(words, style="dim"))

    def moment_at(self, cell: Offset) -> int | None:
        """See `Seeking`."""
        return round(cell.x / max(1, self._line - 1) * self._end) if cell.x < self._line else None


def timeline_text(scene: Scene, width: int) -> Text:
    """The line in so many cells: what lies before the cursor and after it, changes of the clock, ends of runs."""

    def cell(moment: float) -> int:
        return round(moment / max(1, scene.end) * (width - 1))

    here = cell(scene.cursor)
    line = Text(_ON * here + _AHEAD * (width - here), style=hexadecimal(scene.palette.muted))
    line.stylize(hexadecimal(scene.palette.text), 0, here)
    for moment, sign, color in _marks(scene):
        column = cell(moment)
        line = line[:column] + Text(sign, style=hexadecimal(color)) + line[column + 1 :]
    return line[:here] + Text(_HERE, style=f"bold {hexadecimal(scene.palette.text)}") + line[here + 1 :]


def _marks(scene: Scene) -> Iterator[tuple[int, str, int]]:
    """What happened at which moment: a sign and a colour."""
    colors = {run.config.name: run.color for run in scene.runs}
    for change in scene.changes:
        if change.moment <= scene.end:
            yield change.moment, _CHANGE, colors.get(_changed(change), scene.palette.warn)
    for run in scene.runs:
        if (moment := _stopped_at(run)) is not None:
            yield moment, run.glyph, scene.palette.bad


def _changed(change: Change) -> str:
    """The name of the run that a change is about; "" where it is about all."""
    match change:
        case ClockChange():
            return ""
        case Fork(settings=settings):
            return str(settings["name"])
        case _:
            return change.run


def _stopped_at(run: RunScene) -> int | None:
    """The moment at which a run diverged; None if it did not."""
    last = run.recorded[-1]
    return int(last["moment"]) if Status(last["status"]) is Status.DIVERGED else None
