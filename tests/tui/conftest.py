"""What the apps of all tests share."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.notifications import Notification

from tests.patience import PATIENCE

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


@pytest.fixture(scope="session", autouse=True)
def _a_pause_is_some_turns_of_the_loop() -> Iterator[None]:
    """Textual's own sleeps until the process seems to do nothing, which a slow machine makes it seem too early."""

    async def let_all_go_on(*_: Any) -> None:
        for _turn in range(_TURNS):
            await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.pilot.wait_for_idle", let_all_go_on)
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_is_said_stays() -> Iterator[None]:
    """A note on the screen would be gone after three seconds, in which a slow machine does not get round to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notification, "time_left", PATIENCE)
        yield
