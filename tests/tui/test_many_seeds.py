"""Runs that are made from many seeds on the screen, with the real engine."""

import numpy as np
import torch
from torch.utils.data import DataLoader

from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula
from tests.tui.screen import WIDE, go, ready, text_of, wait_for
from tui.app import GdsimApp
from tui.draw.numbers import decimal
from tui.options.asked import prepare
from tui.options.options import Options
from tui.panels.curves import Curves
from tui.panels.runs_table import RunsTable
from tui.session.link import InlineLink

SEEDS = 40


def plain_heads(updates: int) -> np.ndarray:
    """Where stochastic descent on the saddle stands after so many updates by each seed, shape (seeds, 2).

    The slopes are written out; the tilt of each example is the problem's data.
    """
    formula = build_formula(ProblemConfig("saddle"))
    heads = []
    for seed in range(SEEDS):
        loader = DataLoader(range(formula.examples), 1, shuffle=True, generator=torch.Generator().manual_seed(seed))
        x, y = formula.start
        for (example,), _ in zip((batch.tolist() for batch in loader), range(updates), strict=False):
            tilt = formula.inputs[example]
            x, y = x - 0.05 * (2 * x + tilt[0]), y - 0.05 * (-2 * y * (1 - y**2) + tilt[1])
        heads.append((x, y))
    return np.array(heads)


async def test_medians_and_where_the_seeds_went_are_those_at_the_cursor() -> None:
    experiment, card = prepare("saddle", Options(seeds=SEEDS, run=("name=stochastic,batch_size=1",), lr=0.05))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 1)
        await go(pilot, 59)
        heads = plain_heads(60)
        losses = heads[:, 0] ** 2 + (1 - heads[:, 1] ** 2) ** 2 / 2
        table = text_of(app.query_one(RunsTable))
        assert "median loss" in table
        assert "stochastic, seed 0, update 60" in text_of(app.query_one("#lens"))
        assert f" {decimal(float(np.median(losses)))} " in table
        assert "all running" in table
        left, above = int((abs(heads[:, 1]) > 0.5).sum()), int((heads[:, 1] > 0.5).sum())
        assert 0 < above < left < SEEDS
        words = f"left the saddle: {left} of {SEEDS}; above: {above}, below: {left - above}."
        assert words in text_of(app.query_one("#sentence"))
        await go(pilot, -59)
        assert f"left the saddle: 0 of {SEEDS}" in text_of(app.query_one("#sentence"))


async def test_of_what_no_update_has_measured_yet_there_is_no_band() -> None:
    experiment, card = prepare("saddle", Options(seeds=2))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("n")
        assert "median gradient norm" in text_of(app.query_one(Curves))
        await go(pilot, 1)
        assert app.is_running


async def test_many_seeds_are_not_recorded() -> None:
    experiment, card = prepare("saddle", Options(seeds=2))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("W")
        await wait_for(pilot, lambda: app.screen.query("Toast"))
        assert "A recording is of one seed" in " ".join(text_of(app.screen.query("Toast").first()).split())


async def test_a_model_that_is_switched_to_has_one_seed() -> None:
    experiment, card = prepare("saddle", Options(seeds=3))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    model, _ = app._chosen("mlp", is_model=True)
    problem, _ = app._chosen("sine", is_model=False)
    assert (model.seeds, problem.seeds) == (1, 3)
