"""One line that says what is being shown."""

import math

from rich.cells import cell_len
from rich.text import Text

from sim.experiment import CLOCKS, Clock
from tui.numbers import count, duration, quantity
from tui.palette import hexadecimal
from tui.panels.words import Words
from tui.scene import Scene

_BUSY_AFTER = 1.0  # seconds
_GAP = "  "


class StatusLine(Words):
    """Problem, data, counters, playing or paused, pace, seed and device, as much of it as the width allows."""

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        self.say(status_text(scene, self.size.width))


def status_text(scene: Scene, width: int) -> Text:
    """The line at a width; the data's name gives way first, then the device, the gaps, and at last the seed."""
    name = Text.assemble((f" {scene.name} ", "bold reverse"))
    parts = [transport(scene), counters(scene), Text(f"seed {scene.experiment.seed}")]
    right = Text(_GAP).join(parts)
    device = Text(f"{_GAP}{scene.device} ")
    title = Text(f" {scene.card.title} · {count(scene.examples)} examples", style="dim", no_wrap=True)
    room = width - name.cell_len - right.cell_len - device.cell_len
    if room < 0:
        tight = Text(" ").join([name, *parts])
        return tight if tight.cell_len <= width else Text(" ").join([name, *parts[:-1]])
    title.truncate(max(0, room - 2), overflow="ellipsis")
    if cell_len(title.plain) < 12:
        title = Text("")
    filler = " " * max(1, room - title.cell_len)
    return name + title + Text(filler) + right + device


def transport(scene: Scene) -> Text:
    """Playing or paused, the pace in the clock's unit, and whether the cursor looks back."""
    good, warn = (f"bold {hexadecimal(color)}" for color in (scene.palette.good, scene.palette.warn))
    if scene.busy_for > _BUSY_AFTER:
        doing = "update running" if scene.end else "warming up"
        return Text(f"… {doing}, {scene.busy_for:.0f} s", style=warn)
    back = "" if scene.live else f", {count(scene.end - scene.cursor)} back"
    if not scene.playing:
        pace = "" if scene.speed == 1 else f" at {pace_words(scene)}"
        return Text(f"‖ paused{pace}{back}", style=warn)
    return Text(f"▶ {pace_words(scene)}{back}", style=good)


def pace_words(scene: Scene) -> str:
    """The pace of playing, in the clock's own unit."""
    if math.isinf(scene.pace):
        return "as fast as possible"
    return f"{duration(scene.pace)}/s" if scene.clock == "seconds" else f"{quantity(scene.pace)} {scene.clock}/s"


def counters(scene: Scene) -> Text:
    """All three counters, each a number or a range over the runs; the clock's is highlighted."""
    parts = []
    for clock in CLOCKS:
        words = _counter(scene, clock)
        parts.append(Text(words, style="bold underline" if clock == scene.clock else "dim"))
    return Text(" · ").join(parts)


def _counter(scene: Scene, clock: Clock) -> str:
    least, most = scene.span(clock)
    if clock == "seconds":
        low, high = duration(least), duration(most)
        if low.partition(" ")[2] == high.partition(" ")[2]:
            low = low.partition(" ")[0]
        return high if math.isclose(least, most, rel_tol=0.05) else f"{low}–{high}"
    numbers = count(int(least)) if least == most else f"{count(int(least))}–{count(int(most))}"
    return f"{numbers} {clock}"
