"""What is on the terminal while the screen is loaded: its panels, empty, where they will be."""

import asyncio
import re

import pyte
import pytest

from tests.tui.screen import COMPACT, VERY_WIDE, WIDE, on_screen
from tui.curtain import Curtain
from tui.panels.lens import Lens
from tui.panels.surface import Surface
from tui.panels.this_update import ThisUpdate

_CORNERS = "╭╮╰╯"
_SIZES = [WIDE, COMPACT, VERY_WIDE, (200, 60), (81, 60), (170, 40)]


def corners(lines: list[str]) -> set[tuple[int, int, str]]:
    """Where the panels' borders have their corners."""
    return {(row, match.start(), match[0]) for row, line in enumerate(lines) for match in re.finditer("[╭╮╰╯]", line)}


@pytest.mark.parametrize("size", _SIZES, ids=str)
async def test_its_panels_are_where_those_of_the_screen_are(size: tuple[int, int]) -> None:
    curtain = Curtain()
    await asyncio.to_thread(curtain.run, headless=True, size=size)
    terminal = pyte.Screen(*size)
    pyte.Stream(terminal).feed(curtain.frame)
    async with on_screen(size) as it:
        shown = [
            "".join(segment.text for segment in line) for line in it.app.screen._compositor.render_strips(it.app.size)
        ]
    assert corners(terminal.display) == corners(shown) != set()
    assert terminal.display[-1] == shown[-1], "the keys"
    assert f"╭─ {Surface.BORDER_TITLE} " in terminal.display[1]
    if size == WIDE:
        for panel in (Lens, ThisUpdate):
            assert any(f"╭─ {panel.BORDER_TITLE} " in line for line in terminal.display)
