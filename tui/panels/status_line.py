"""One line that says what is being shown."""

import math
from collections.abc import Callable, Collection

from rich.text import Text

from sim.experiment.choices import CLOCKS, Clock
from tui.draw.numbers import count, duration, quantity
from tui.draw.palette import hexadecimal
from tui.panels.words import Words
from tui.scene.scene import Scene

_KEPT_UP = 0.8  # of the pace asked for: below it the real one is shown
_BUSY_AFTER = 1.0  # seconds
_GAP = "  "
_LEAST_TITLE = 12  # cells: less of a name than that says nothing
_MEANINGS: dict[Clock, str] = {"updates": "", "examples": " read", "seconds": " computing"}
"""What the runs did with what a clock counts."""


class StatusLine(Words):
    """The top line: problem, data, counters, playing or paused, pace, seed, device, as far as the width allows."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        self.say(status_text(scene, self.size.width))


def status_text(scene: Scene, width: int) -> Text:
    """The line at a width; the data's name gives way first, then words, the device, gaps, the seed, and then digits.

    While it is recorded, the file's name stands where the data's name would.
    """
    name = Text.assemble((f" {scene.card.name} ", "bold reverse"))
    many = scene.experiment.seeds
    seed = Text(f"seed {scene.experiment.seed}" if many == 1 else f"{count(many)} seeds")
    backend = scene.experiment.backend
    named = backend != "torch" or CLOCKS[scene.clock].measured  # where time counts, it is said whose time
    device = Text(f"{_GAP}{f'{backend} on ' if named else ''}{scene.device} ")
    sign = Text(" ") + _recording(scene) if scene.recording else Text("")
    full, brief = (
        Text(_GAP).join([transport(scene), counters(scene, explained=explained), seed]) for explained in (True, False)
    )
    room = width - name.cell_len - device.cell_len
    right = full if room - full.cell_len > sign.cell_len else brief
    room -= right.cell_len
    examples = f" · {count(scene.examples)} examples" if scene.examples else ""
    title = Text(f" {scene.card.title}{examples}", style="dim", no_wrap=True)
    if scene.recording:
        title = Text.assemble(sign, f" {scene.recording}", no_wrap=True)
    if room <= sign.cell_len:
        return _tight(scene, width, name, seed)
    if room - 2 >= min(title.cell_len, _LEAST_TITLE):
        title.truncate(room - 2, overflow="ellipsis")
    else:
        title = sign
    return name + title + Text(" " * (room - title.cell_len)) + right + device


def _recording(scene: Scene) -> Text:
    """The sign that all of it is recorded."""
    return Text("●", style=f"bold {hexadecimal(scene.palette.bad)}")


def _tight(scene: Scene, width: int, name: Text, seed: Text) -> Text:
    """The fullest line that fits: no number is cut, and the clock's own counter is always exact."""
    by_weight = sorted(CLOCKS, key=lambda clock: (clock != scene.clock, clock == "seconds"))
    choices = [
        [counters(scene), seed],
        [counters(scene)],
        *([counters(scene, quantity, by_weight[:shown])] for shown in (3, 2, 1)),
    ]
    first = [name, _recording(scene)] if scene.recording else [name]
    lines = [Text(" ").join([*first, transport(scene), *parts]) for parts in choices]
    return next((line for line in lines if line.cell_len <= width), lines[-1])


def transport(scene: Scene) -> Text:
    """Playing or paused, the pace in the clock's unit, and whether the cursor looks back."""
    good, warn = (f"bold {hexadecimal(color)}" for color in (scene.palette.good, scene.palette.warn))
    if scene.busy_for > _BUSY_AFTER:
        doing = "starting the engine" if scene.source else "update running" if scene.end else "warming up"
        return Text(f"… {doing}, {scene.busy_for:.0f} s", style=warn)
    back = "" if scene.live else f", {count(scene.end - scene.cursor)} back"
    if scene.source:
        return _of_a_recording(scene, back)
    if not scene.playing:
        pace = "" if scene.speed == 1 else f", {pace_words(scene)}"
        return Text(f"‖ paused{pace}{back}", style=warn)
    return Text(f"▶ {pace_words(scene)}{back}", style=good)


def _of_a_recording(scene: Scene, back: str) -> Text:
    """The same of a recording: whether it is followed while it is written."""
    growing = scene.source == "being written"
    if scene.playing and scene.live and growing:
        return Text("▶ following live", style=f"bold {hexadecimal(scene.palette.good)}")
    what = "live replay" if growing else "replay"
    sign, color = ("▶", scene.palette.good) if scene.playing else ("‖", scene.palette.warn)
    pace = f", {pace_words(scene)}" if scene.playing else ""
    return Text(f"{sign} {what}{pace}{back}", style=f"bold {hexadecimal(color)}")


def pace_words(scene: Scene) -> str:
    """The pace of playing, in the clock's own unit."""
    if math.isinf(scene.pace):
        return "as fast as possible"
    words = duration if scene.clock == "seconds" else quantity
    behind = scene.playing and scene.live and scene.rate < _KEPT_UP * scene.pace  # NaN: not measured yet
    asked = f"{words(scene.rate)} of {words(scene.pace)}" if behind else words(scene.pace)
    return f"{asked}/s" if scene.clock == "seconds" else f"{asked} {scene.clock}/s"


def counters(
    scene: Scene,
    words: Callable[[int], str] = count,
    shown: Collection[Clock] = CLOCKS.keys(),
    *,
    explained: bool = False,
) -> Text:
    """The counters, each a number or a range over the runs; the clock's is highlighted, the others are in `words`.

    Where they are `explained`, they say what was counted, and whether it is the same of all runs.
    """
    parts = []
    for clock in (clock for clock in CLOCKS if clock in shown):
        here = clock == scene.clock
        counter = _counter(scene, clock, count if here else words)
        meaning = (_MEANINGS[clock] + " each" * (here and "–" not in counter)) * explained
        parts.append(Text(f"{counter}{meaning}", style="bold underline" if here else "dim"))
    return Text(" · ").join(parts)


def _counter(scene: Scene, clock: Clock, words: Callable[[int], str]) -> str:
    least, most = scene.span(clock)
    if clock == "seconds":
        low, high = duration(least), duration(most)
        if low.partition(" ")[2] == high.partition(" ")[2]:
            low = low.partition(" ")[0]
        return high if math.isclose(least, most, rel_tol=0.05) else f"{low}–{high}"
    numbers = words(int(least)) if least == most else f"{words(int(least))}–{words(int(most))}"
    return f"{numbers} {clock if most != 1 else clock.removesuffix('s')}"
