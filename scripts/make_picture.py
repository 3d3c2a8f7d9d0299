"""The README's picture: the real screen, with the real engine, drawn without a terminal.

    python scripts/make_picture.py [docs/screen.svg]

The engine runs in this process and time goes by a picture at a time, so that no clock on the wall has a say in it: the
same version of gdsim on the same machine gives the same trails. What is timed (the milliseconds in the header) differs.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from moving_svg import Picture, moving_svg, picture
from textual.pilot import Pilot

from tui.app import GdsimApp
from tui.draw.palette import hexadecimal
from tui.options.asked import prepare
from tui.options.options import Options
from tui.panels.surface import Surface
from tui.session import closer_look
from tui.session.link import InlineLink

SIZE = (120, 40)
PLAYED_FOR = 0.1  # seconds, each picture while it plays
SCRIPT = (
    ("", 50),  # the race
    ("space", 4.0),  # the cloud of the mini-batch
    ("down", 4.0),  # that of a single example
    ("full_stop", 1.2),
    ("full_stop", 1.2),
    ("full_stop", 1.2),
    ("up", 0.5),
    *[("left", 0.4)] * 5,  # back
    ("right_parenthesis", 2.0),  # a fork, with twice the batch
    ("right_parenthesis", 3.0),
    ("space", 50),  # what would have happened, beside what did
    ("space", 5.0),
)
"""Keys, and what is seen after each: so many pictures while it plays, or one for so many seconds."""


class FilmTime:
    """The time in the film, instead of the module of that name.

    Attributes:
        now: seconds.
    """

    now = 0.0

    def monotonic(self) -> float:
        """See `time`."""
        return self.now


class Film:
    """A screen, and the pictures that were taken of it."""

    def __init__(self, pilot: Pilot[None], app: GdsimApp, time: FilmTime) -> None:
        self.pictures = list[Picture]()
        self.seconds = list[float]()
        self._pilot, self._app, self._time = pilot, app, time

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the app work, and draw what came of it, until something holds."""
        while not condition():
            self._app.redraw()  # what was drawn before its panel had its size asks for another landscape
            await self._pilot.pause()

    async def take(self, seconds: float) -> None:
        """Take a picture, once all of it is drawn, which is seen for so long."""
        session = self._app.session
        self._app.redraw()
        for _ in range(3):  # what was found out is drawn, and asks for more
            await self._pilot.pause()
            await self.until(lambda: self._app.query_one(Surface).wanted is None)
        palette = self._app.palette
        strips = self._app.screen._compositor.render_strips()
        self.pictures.append(picture(strips, hexadecimal(palette.text), hexadecimal(palette.background)))
        self.seconds.append(seconds)
        self._time.now += seconds
        session.frame(seconds)


async def film() -> str:
    """The default problem, with what the keys of the script do to it."""
    time = FilmTime()
    vars(closer_look)["time"] = time
    experiment, card = prepare("linear", Options(device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False, playing=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        taken = Film(pilot, app, time)
        await taken.until(lambda: app.session.history is not None)
        for key, seen in SCRIPT:
            await pilot.press(*filter(None, [key]))
            played = [PLAYED_FOR] * seen if isinstance(seen, int) else [seen]
            for seconds in played:
                await taken.take(seconds)
        return moving_svg(taken.pictures, taken.seconds, hexadecimal(app.palette.background))


def main() -> None:
    """Write the picture."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screen.svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    path.write_text(asyncio.run(film()), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
