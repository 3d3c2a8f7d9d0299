"""What is written to the terminal: no more than what changed, and no less."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pyte
import pytest
from rich.console import Console

import tui.session.closer_look
from sim.experiment.config import RunConfig
from tests.tui.screen import WIDE, Screen, on_screen
from tests.tui.traces import make_experiment
from tui.spans import SpansUpdate

FRAMES = 12
LARGE = (200, 60)
MOST_BYTES = {(WIDE, 3): 3000, (WIDE, 9): 3500, (LARGE, 3): 9000}
"""A frame, by the screen's size and the number of runs, all curves drawn anew each time (else five times a second)."""


class Terminal:
    """A terminal that shows what the screen writes after it has been painted once."""

    def __init__(self, it: Screen) -> None:
        columns, rows = it.app.size
        self._it = it
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._console = Console(color_system="truecolor", force_terminal=True)
        self.written = 0
        for row, strip in enumerate(it.app.screen._compositor.render_strips()):
            self._stream.feed(f"\x1b[{row + 1};1H" + strip.render(self._console))

    def take(self, update: SpansUpdate) -> None:
        """Show an update."""
        text = update.render_segments(self._console)
        self.written += len(text.encode())
        self._stream.feed(text)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """All of its cells: characters, colours and weights."""
        buffer, (columns, rows) = self._screen.buffer, self._it.app.size
        return [[tuple(buffer[row][column]) for column in range(columns)] for row in range(rows)]


@asynccontextmanager
async def watched(monkeypatch: pytest.MonkeyPatch, it: Screen) -> AsyncIterator[Terminal]:
    """A terminal that is given every update of a screen."""
    terminal = Terminal(it)
    display = it.app._display

    def tee(screen: object, update: object) -> None:
        assert isinstance(update, SpansUpdate | None), "the whole screen was painted"
        if update is not None:
            terminal.take(update)
        display(screen, update)  # type: ignore[arg-type]

    monkeypatch.setattr(it.app, "_display", tee)
    yield terminal


@pytest.mark.parametrize(("size", "runs"), MOST_BYTES)
async def test_only_what_changes_is_written_and_all_of_it(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], runs: int
) -> None:
    experiment = make_experiment(*(RunConfig(f"run {n}", 2 * n + 1) for n in range(9))) if runs == 9 else None
    monkeypatch.setattr(tui.session.closer_look, "_INSPECTED_EVERY", math.inf)  # else each slow frame has more to write
    async with on_screen(size, experiment) as it, watched(monkeypatch, it) as terminal:
        session = it.app.session
        session.player.playing = True
        for _ in range(FRAMES):
            session.player.owed = 1.01 / 10  # of an update
            before = session.history.cursor if session.history else 0
            session.frame(0.0)
            await it.until(before + 1)
            it.app.redraw()
            await it.pilot.pause()
        assert terminal.written / FRAMES < MOST_BYTES[size, runs]
        assert terminal.cells() == Terminal(it).cells()


async def test_spans_are_cut_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen(WIDE) as it, watched(monkeypatch, it) as terminal:
        await it.pilot.press("1")
        await it.pilot.pause()
        assert terminal.cells() == Terminal(it).cells()
        assert 0 < terminal.written < MOST_BYTES[WIDE, 3]
