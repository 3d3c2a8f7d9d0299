"""The screen over a real model and the real engine."""

import math

import pytest

import tui.session.closer_look
from tests.tui.screen import WIDE, go, ready, wait_for
from tui.app import GdsimApp
from tui.options.asked import prepare
from tui.options.options import Options
from tui.panels.surface import Surface
from tui.session.link import InlineLink


async def test_a_new_seed_has_a_landscape_of_its_own() -> None:
    """Also on a random plane, which has the same number after every beginning."""
    experiment, card = prepare("linear", Options(model="mlp", dataset="iris", hidden="4", plane="random", device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 2)
        surface = app.query_one(Surface)
        await wait_for(pilot, lambda: surface.wanted is None)
        before = surface._ground.landscape.values
        await pilot.press("R")
        await wait_for(pilot, lambda: app.session.experiment.seed == 1 and app.session.generation == 2)
        app.frame()
        await wait_for(pilot, lambda: surface.wanted is None)
        assert abs(surface._ground.landscape.values - before).max() > 1e-3


async def test_a_plane_has_square_units_at_every_size() -> None:
    experiment, card = prepare("linear", Options(model="mlp", dataset="iris", hidden="4", device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 3)
        surface = app.query_one(Surface)
        for size in ((80, 24), (200, 60), WIDE):
            await pilot.resize_terminal(*size)
            app.redraw()
            await wait_for(pilot, lambda: surface.wanted is None)
            view = surface.view
            assert view is not None
            assert view.width / (2 * view.columns) == pytest.approx(view.height / (4 * view.rows))
            assert surface._ground.landscape.window == view.window


async def test_at_full_speed_another_window_has_a_landscape_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a landscape that is to be seen waits for training; a blank window does not."""
    monkeypatch.setattr(tui.session.closer_look, "_UNHURRIED", math.inf)
    experiment, card = prepare("linear", Options(model="mlp", dataset="iris", plane="random", device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await wait_for(pilot, lambda: app.session.history is not None)
        surface, player = app.query_one(Surface), app.session.player
        player.playing, player.speed = True, math.inf
        app.redraw()
        await wait_for(pilot, lambda: surface.stands)
        assert surface.wanted is not None
        before = surface._ground.landscape.window
        await pilot.press("plus")
        app.redraw()
        await wait_for(pilot, lambda: surface.stands and surface._ground.landscape.window != before)
