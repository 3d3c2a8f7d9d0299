"""What a slow terminal is spared, and that it comes to see all the same."""

import asyncio

import pytest
from rich.console import RenderableType
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.screen import Screen as TextualScreen

from tests.tui.screen import on_screen
from tui.app import GdsimApp
from tui.panels.status_line import StatusLine
from tui.spans import SpansUpdate


class SlowTerminal:
    """Notes which rows are written, while it is not busy.

    Attributes:
        busy: with the last frame.
        rows: that were written.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.busy = False
        self.rows: set[int] = set()
        monkeypatch.setattr(App, "_display", self._take)
        monkeypatch.setattr(GdsimApp, "held_up", property(lambda _: self.busy))

    def _take(self, _screen: TextualScreen[object], update: RenderableType | None) -> None:
        if isinstance(update, SpansUpdate):
            self.rows.update(piece.y for piece in update.pieces)
        elif isinstance(update, LayoutUpdate):
            self.rows.update(update.region.line_range)


async def test_nothing_is_written_to_a_busy_terminal_and_later_all_that_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_screen() as it:
        terminal = SlowTerminal(monkeypatch)
        terminal.busy = True
        it.surface.refresh()
        await it.pilot.pause()
        assert terminal.rows == set()
        terminal.busy = False
        it.app.catch_up()
        await it.pilot.pause()
        assert terminal.rows == set(it.surface.region.line_range)


async def test_what_is_new_is_drawn_together_with_what_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen() as it:
        terminal = SlowTerminal(monkeypatch)
        terminal.busy = True
        it.surface.refresh()
        await it.pilot.pause()
        terminal.busy = False
        status = it.app.query_one(StatusLine)
        status.refresh()
        while not it.app.screen._dirty_widgets and not terminal.rows:
            await asyncio.sleep(0)
        it.app.catch_up()
        await it.pilot.pause()
        assert terminal.rows == {0, *it.surface.region.line_range}


async def test_what_was_missed_on_a_larger_terminal_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen() as it:
        terminal = SlowTerminal(monkeypatch)
        terminal.busy = True
        it.app.screen.refresh()
        await it.pilot.resize_terminal(80, 24)
        terminal.busy = False
        it.app.catch_up()
        await it.pilot.pause()
        assert terminal.rows == set(range(24))
