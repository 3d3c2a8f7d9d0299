"""The screen over a real model and the real engine."""

from tests.tui.screen import WIDE, go, ready, wait_for
from tui.app import GdsimApp
from tui.link import InlineLink
from tui.options import Options, prepare
from tui.panels.surface import Surface


async def test_a_new_seed_has_a_landscape_of_its_own() -> None:
    """Also on a random plane, which has the same number after every beginning."""
    experiment, card = prepare("linear", Options(model="mlp", dataset="iris", plane="random", device="cpu"))
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
