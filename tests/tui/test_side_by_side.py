"""Two races on one screen: the two-parameter problem and the model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from sim.protocol.commands import Open
from tests.tui.screen import VERY_WIDE, WIDE, Screen, ready, settled, text_of, wait_for
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.panels.companion import Companion
from tui.panels.status_line import StatusLine
from tui.session.history import History


@asynccontextmanager
async def side_by_side(size: tuple[int, int] = VERY_WIDE) -> AsyncIterator[tuple[Screen, ReplayLink]]:
    """The screen of the problem, and the link of the model."""
    experiment = make_experiment()
    link, second = (ReplayLink(make_race(experiment, 60)) for _ in range(2))
    app = GdsimApp(experiment, CARD, link, new_link=lambda: second, ticking=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        yield Screen(app, link, pilot), second


async def joined(it: Screen) -> Companion:
    """Have the model beside the problem."""
    await it.pilot.press("M")
    await wait_for(it.pilot, lambda: len(it.app.races) == 2 and it.app.races[1].history is not None)
    await settled(it.pilot)
    return it.app.query_one(Companion)


def histories(it: Screen) -> list[History]:
    return [session.history for session in it.app.races]


async def test_the_model_stands_beside_the_problem_with_an_engine_of_its_own() -> None:
    async with side_by_side() as (it, second):
        companion = await joined(it)
        (opened,) = second.asked(Open)
        assert opened.experiment.problem.model == "mlp"
        assert it.app.session.card is CARD
        assert text_of(companion.query_one(StatusLine)).startswith(" mlp ")
        assert it.text("#status").startswith(" linear ")
        assert companion.region.x == it.surface.region.right
        assert not companion.surface.region.overlaps(it.surface.region)
        await wait_for(it.pilot, lambda: companion.surface.wanted is None)
        await it.pilot.press("M")
        assert not companion.display
        assert it.app.races == (it.app.session,)


@pytest.mark.parametrize("keys", [(), ("u",)])
async def test_whatever_was_seen_of_one_the_panels_of_both_stand_below_each_other(keys: tuple[str, ...]) -> None:
    async with side_by_side((200, 60)) as (it, _):
        await it.pilot.press(*keys)
        await joined(it)
        for view in ([], ["v"], ["v"]):
            await it.press(*view)
            panels = [panel.region for panel in it.app.query("#body > .framed") if panel.display]
            assert len(panels) == 3
            assert all(below.y == above.bottom for above, below in pairwise(panels))
            assert {region.width for region in panels} == {100}


async def test_the_keys_of_time_are_about_both() -> None:
    async with side_by_side() as (it, _):
        await joined(it)
        for key, there in {"full_stop": 1, "right": 11, "comma": 10, "home": 0, "end": 11}.items():
            await it.pilot.press(key)
            await wait_for(it.pilot, lambda there=there: [one.cursor for one in histories(it)] == [there, there])
        await it.pilot.press("space")
        assert all(session.player.playing for session in it.app.races)
        await it.pilot.press("space")
        assert not any(session.player.playing for session in it.app.races)
        await it.press("R")
        await wait_for(it.pilot, lambda: [session.experiment.seed for session in it.app.races] == [1, 1])


async def test_the_next_plane_is_the_model_s_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    async with side_by_side() as (it, _):
        await joined(it)
        _, model = it.app.races
        asked: list[str] = []
        monkeypatch.setattr(model, "set_plane", asked.append)
        model.trails.plane = replace(model.trails.plane, kind="pca")
        await it.pilot.press("p", "m", "p")
        assert asked == ["random", "random"]


async def test_a_landscape_that_stays_the_same_is_there_at_once_after_all_changes() -> None:
    async with side_by_side() as (it, _):
        await it.go(3)
        await it.press("r")
        it.link.gate.clear()
        await it.pilot.press("m", "m")
        await it.pilot.pause()
        it.app.redraw()
        assert it.surface.stands


async def test_m_turns_them_round() -> None:
    async with side_by_side() as (it, _):
        companion = await joined(it)
        problem, model = it.app.races
        await it.press("m")
        assert it.app.races == (model, problem)
        assert it.text("#status").startswith(" mlp ")
        assert text_of(companion.query_one(StatusLine)).startswith(" linear ")


async def test_a_small_terminal_says_what_they_need_and_a_shrunk_one_shows_the_first() -> None:
    async with side_by_side(WIDE) as (it, second):
        await it.pilot.press("M")
        await wait_for(it.pilot, it.toasts)
        assert "170x48" in it.toasts()
        assert not second.commands
        await it.pilot.resize_terminal(*VERY_WIDE)
        await joined(it)
        await it.pilot.resize_terminal(*WIDE)
        await it.pilot.pause()
        assert it.app.races == (it.app.session,)
        assert not it.app.query_one(Companion).display
