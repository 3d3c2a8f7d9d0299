"""The README's picture: the real screen, with the real engine, drawn without a terminal.

    python scripts/make_picture.py [docs/screen.svg]

The engine runs in this process and the frames are asked for one at a time, so that no clock has a say in it: the same
version of gdsim on the same machine gives the same trails. What is timed (the table's rates) differs.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from tui.app import GdsimApp
from tui.options.options import Options, prepare
from tui.panels.surface import Surface
from tui.session.link import InlineLink

SIZE = (120, 40)
UPDATES = 120


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app work until something holds."""
    while not condition():
        await pilot.pause()


async def picture() -> str:
    """The screen after some updates of the default problem, paused, as SVG."""
    experiment, card = prepare("linear", Options())
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    session = app.session
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: session.history is not None)
        session.step(UPDATES)
        await until(pilot, lambda: session.history is not None and session.history.cursor >= UPDATES)
        app.redraw()
        await until(pilot, lambda: any(session.look.reports))
        await until(pilot, lambda: app.query_one(Surface).wanted is None)
        app.redraw()
        await pilot.pause()
        return without_web_fonts(app.export_screenshot(title="gdsim"))


def without_web_fonts(svg: str) -> str:
    """The picture in the reader's own monospaced font: nothing is fetched to show it."""
    return re.sub(r"@font-face\s*{[^}]*}\s*", "", svg).replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Write the picture."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screen.svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    path.write_text(asyncio.run(picture()), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
