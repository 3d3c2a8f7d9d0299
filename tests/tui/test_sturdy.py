"""Whatever keys, clicks and sizes come, in whatever order and however fast, the race goes on."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events
from textual.app import ComposeResult
from textual.command import CommandList, CommandPalette
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from sim.protocol.answers import Failed
from sim.protocol.commands import Job, Predict
from sim.protocol.results import Result
from tests.tui.screen import WIDE, app_of, on_screen, ready, settled, text_of, wait_for
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.help import HelpScreen
from tui.keys import KEYS
from tui.panels.surface import Surface
from tui.session.player import Player

EVENTS, BURST, SEED = 1000, 100, 0
SIZES = ((120, 40), (80, 24), (180, 50), (90, 34), (60, 15), (20, 5), (1, 1))
OWN_KEYS = [name for key in KEYS for name in key.key.split(",")]
OTHER_KEYS = ["tab", "shift+tab", "escape", "enter", "up", "down", "pageup", "pagedown", "ctrl+home", "ctrl+end"]


class AnyLink(ReplayLink):
    """It replays the same race, whatever problem is asked for; a model's answers it does not know."""

    def _result(self, job: Job) -> Result:
        return Failed("No answers were recorded.") if isinstance(job, Predict) else super()._result(job)


def make_app(gate: asyncio.Event) -> GdsimApp:
    """The screen over a replayed race, and engines for all other problems that are not ready before a gate opens."""
    experiment = make_experiment()
    race = make_race(experiment, 60)

    def waiting() -> AnyLink:
        link = AnyLink(race)
        link.gate = gate
        return link

    return GdsimApp(experiment, CARD, AnyLink(race), new_link=waiting, ticking=False)


async def stay(_app: GdsimApp) -> None:
    """Instead of quitting."""


class Monkey:
    """Types, clicks, scrolls, pastes and resizes at random."""

    def __init__(self, app: GdsimApp, seed: int) -> None:
        self._app = app
        self._random = random.Random(seed)

    def _act(self) -> None:
        kinds = {self._press: 70, self._open_palette: 2, self._click: 8, self._scroll: 8, self._move: 6}
        kinds |= {self._resize: 3, self._paste: 1, self._app.frame: 2}
        (act,) = self._random.choices(list(kinds), list(kinds.values()))
        act()

    def _send(self, event: events.Event) -> None:
        event.set_sender(self._app)
        self._app.post_message(event)

    def _press(self) -> None:
        name = self._random.choice(self._random.choice((OWN_KEYS, OWN_KEYS, OWN_KEYS, OWN_KEYS, OTHER_KEYS)))
        self._send(events.Key(name, name if len(name) == 1 else None))

    def _open_palette(self) -> None:
        self._send(events.Key("ctrl+p", None))

    def _position(self) -> tuple[int, int]:
        width, height = self._app.size
        return self._random.randrange(max(1, width)), self._random.randrange(max(1, height))

    def _mouse(self, kind: type[events.MouseEvent], x: int, y: int, button: int = 0) -> None:
        self._send(kind(None, x, y, 0, 0, button, False, False, False, x, y))

    def _click(self) -> None:
        x, y = self._position()
        self._mouse(events.MouseDown, x, y, 1)
        self._mouse(events.MouseUp, x, y, 1)

    def _scroll(self) -> None:
        self._mouse(self._random.choice((events.MouseScrollUp, events.MouseScrollDown)), *self._position())

    def _move(self) -> None:
        self._mouse(events.MouseMove, *self._position())

    def _resize(self) -> None:
        size = Size(*self._random.choice(SIZES))
        assert self._app._driver is not None
        self._app._driver._size = size
        self._send(events.Resize(size, size))

    def _paste(self) -> None:
        self._send(events.Paste("loss\x1b[31m\n"))

    async def run_wild(self, acts: int) -> None:
        """Do so many things, let the app work for a moment now and then, and wait until it has heard of all."""
        for _ in range(acts):
            self._act()
            (turns,) = self._random.choices((0, 1, 3, 10, 30), (970, 10, 10, 5, 5))
            for _ in range(turns):
                await asyncio.sleep(0)
        await all_heard(self._app)


async def all_heard(app: GdsimApp) -> None:
    """Wait until the app has handled all that was sent to it (`Pilot.pause` also waits for what is being closed)."""
    heard = asyncio.Event()
    app.call_later(heard.set)
    while not heard.is_set():
        assert app._running
        assert app._exception is None
        await asyncio.sleep(0)


async def test_a_monkey_does_not_end_the_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # what it exports and saves
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))
    monkeypatch.setattr(GdsimApp, "action_quit", stay)
    gate = asyncio.Event()
    app = make_app(gate)
    async with app.run_test(notifications=True, tooltips=True) as pilot:
        await ready(pilot)
        monkey = Monkey(app, SEED)
        for _ in range(EVENTS // BURST):
            await monkey.run_wild(BURST)
        await assert_it_races(pilot, gate)


async def assert_it_races(pilot: Pilot[None], gate: asyncio.Event) -> None:
    """With all closed, and the engine started again, the keys still do what they do."""
    app = app_of(pilot)
    for _ in range(3):  # what is closed may just have had something opened
        await all_heard(app)
        while len(app.screen_stack) > 1:
            await app.pop_screen()
    await pilot.resize_terminal(*WIDE)
    if app.session.card.formula is None:
        await pilot.press("m")
    gate.set()
    await pilot.press("r")
    await wait_for(pilot, lambda: app.session.history is not None and app.session.history.end == 0)
    await pilot.press("full_stop")
    await wait_for(pilot, lambda: app.session.history is not None and app.session.history.end == 1)
    await settled(pilot)
    assert " 1 update" in text_of(app.query_one("#status"))


# -- what ends the app, and what does not -----------------------------------------------------------------------------


class Brittle(ModalScreen[None]):
    """Lies over the race, and breaks when a key reaches its input."""

    def compose(self) -> ComposeResult:
        yield BrittleInput()


class BrittleInput(Input):
    def on_key(self) -> None:
        fail()


async def test_what_lies_over_the_race_and_breaks_is_closed() -> None:
    async with on_screen() as it:
        await it.app.push_screen(Brittle())
        it.app.post_message(events.Key("a", "a"))
        await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 1)
        await it.go(3)
        assert "What lay over the race was closed (LookupError)." in it.toasts()
        await it.press("i")
        assert isinstance(it.app.screen, HelpScreen)
        assert any("LookupError: broken" in mishap for mishap in it.app.mishaps)


async def test_a_key_that_reaches_the_palette_before_its_list_is_lost() -> None:
    async with on_screen() as it:
        await it.app.push_screen(CommandPalette())
        await it.app.screen.query_one(CommandList).remove()
        await it.pilot.press("down")
        assert isinstance(it.app.screen, CommandPalette)
        assert it.toasts() == ""
        await it.press("escape", "full_stop")
        await it.until(1)


def fail(*_: object) -> None:
    """What goes wrong."""
    raise LookupError("broken")


async def press_space() -> None:
    async with on_screen() as it:
        await it.pilot.press("space")


async def call_soon() -> None:
    async with on_screen() as it:
        asyncio.get_running_loop().call_soon(it.app.session.toggle_play)
        await it.pilot.pause()


@pytest.mark.parametrize("way", [press_space, call_soon])
async def test_an_exception_in_our_own_code_ends_a_test(
    way: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Player, "toggle", fail)
    with pytest.raises(LookupError):
        await way()


async def test_an_exception_in_our_own_code_is_reported_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen() as it:
        monkeypatch.setattr(Player, "toggle", fail)
        monkeypatch.setattr(GdsimApp, "is_headless", False)
        await it.press("space")
        await it.press("space")
        assert it.toasts().count("Something went wrong beside the race (LookupError).") == 1
        await it.press("full_stop")
        await it.until(1)


async def test_a_race_that_cannot_be_drawn_ends_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GdsimApp, "is_headless", False)
    monkeypatch.setattr(Surface, "render_lines", fail)
    with pytest.raises(LookupError):
        await press_space()
