"""What the apps of all tests share."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.notifications import Notification
from textual.pilot import Pilot

from sim.experiment.config import Experiment
from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from tests.patience import PATIENCE
from tests.tui.live import Live
from tests.tui.screen import ready
from tui.app import GdsimApp
from tui.session.link import InlineLink

_ROUNDS = 3  # a layout may have something to be laid out
_TURNS = 20


@pytest.fixture(scope="session", autouse=True)
def _style_sheets_are_parsed_once() -> Iterator[None]:
    """The rules of a style sheet are the same for every app that has the same variables."""
    parse, parsed = Stylesheet._parse_rules, dict[object, list[RuleSet]]()

    def parse_once(sheet: Stylesheet, *arguments: Any, **named: Any) -> list[RuleSet]:
        key = (frozenset(sheet._variables.items()), arguments, frozenset(named.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *arguments, **named)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


def _waits(pump: MessagePump) -> bool:
    """Whether it has handled all that it was sent."""
    queue = pump._message_queue
    return queue.empty() and bool(queue.ready_event._waiters)


async def _all_handled(pilot: Pilot[Any], timeout: float = PATIENCE) -> bool:
    """Wait until the app and what is on its screen have handled all that was sent to them by now.

    Textual's own sends a message to each of them, most of which wait for one: that costs more than what a key does.
    """
    app, loop = pilot.app, asyncio.get_running_loop()
    if not app.screen_stack:  # it is being taken down
        return False
    pumps = (app, *app.screen.walk_children(with_self=True))
    busy = [(pump, loop.create_future()) for pump in pumps if not _waits(pump)]
    handled = [future for pump, future in busy if pump.call_later(future.set_result, None)]
    if handled:
        failed = asyncio.ensure_future(app._exception_event.wait())
        all_of_them = asyncio.gather(*handled)
        await asyncio.wait((all_of_them, failed), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        assert failed.done() or all_of_them.done(), "waited in vain"
        failed.cancel()
    return all(future.done() for future in handled)


async def _pause(pilot: Pilot[Any]) -> None:
    """Wait until all was handled and laid out, and have it painted."""
    for _round in range(_ROUNDS):
        await _all_handled(pilot)
        for _turn in range(_TURNS):
            await asyncio.sleep(0)
        pilot.app.screen._on_timer_update()  # which the passing of time would call


async def _press(pilot: Pilot[Any], *keys: str) -> None:
    """Press a key once all that came of the one before has been handled."""
    for key in keys:
        await pilot.app._press_keys([key])
        await _pause(pilot)


async def _at_once(_seconds: float) -> None:
    """Instead of waiting."""


@pytest.fixture(scope="session", autouse=True)
def _a_pilot_waits_until_all_was_handled_and_laid_out() -> Iterator[None]:
    """Textual's own sleeps until the process seems to do nothing, which a slow machine makes it seem too early."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pilot, "_wait_for_screen", _all_handled)
        patch.setattr(Pilot, "pause", _pause)
        patch.setattr(Pilot, "press", _press)
        patch.setattr("textual.app.wait_for_idle", _at_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_is_said_stays() -> Iterator[None]:
    """A note on the screen would be gone after three seconds, in which a slow machine does not get round to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notification, "time_left", PATIENCE)
        yield


@pytest.fixture
async def live(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    heard = list[str]()
    monkeypatch.setattr(GdsimApp, "notify", lambda _app, message, **_: heard.append(message))
    app = GdsimApp(Experiment(device="cpu"), card_of(ProblemConfig()), InlineLink(), ticking=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        yield Live(app, pilot, heard)
