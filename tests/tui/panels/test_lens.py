"""The possible steps of an update, magnified: what is drawn where, and for whom."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point
from sim.protocol.answers import Failed
from sim.protocol.commands import Imagine, Job
from sim.protocol.results import Imagined, Result
from tests.tui.screen import COMPACT, on_screen, wait_for
from tests.tui.traces import EXAMPLES, cloud_of, make_experiment
from tui.panels.lens import Lens

NOT_NOW = Failed("Not now.")


def dots(text: str) -> int:
    """How many braille dots there are."""
    return sum((ord(sign) - 0x2800).bit_count() for sign in text if "\u2800" <= sign <= "\u28ff")


async def test_it_shows_the_selected_runs_update_at_the_cursor() -> None:
    async with on_screen() as it:
        await it.go(7)
        await wait_for(it.pilot, lambda: it.app.session.look.imagined is not None)
        await it.press("comma")
        await wait_for(it.pilot, lambda: it.link.asked(Imagine)[-1] == Imagine(1, 6))
        await it.press("down")
        await wait_for(it.pilot, lambda: it.link.asked(Imagine)[-1] == Imagine(2, 6))
        await wait_for(it.pilot, lambda: "▲ stochastic, update 6" in it.text("#lens"))
        assert "the one it used" in it.text("#lens")
        await it.press("up", "up")
        await wait_for(it.pilot, lambda: "● batch, update 6" in it.text("#lens"))
        assert "always the mean" in it.text("#lens")
        assert "›●" in it.text("#runs")


async def test_most_examples_have_a_dot_of_their_own_and_the_window_holds_both_steps() -> None:
    async with on_screen(experiment=make_experiment(RunConfig("mini", 16))) as it:
        await it.go(5)
        await wait_for(it.pilot, lambda: "update 5" in it.text("#lens"))
        assert dots(it.text("#lens")) > EXAMPLES / 2
        lens, run, race = it.app.query_one(Lens), it.link.race.experiment.runs[0], it.link.race
        left, right, bottom, top = lens.window
        point = race.points[0][4]
        cloud = cloud_of(5, run, point)
        inside = [
            left < x < right and bottom < y < top for x, y in point + np.array([*cloud.steps, cloud.own, cloud.full])
        ]
        assert inside[-2:] == [True, True]
        assert np.mean(inside) > 0.8
        surface = it.surface.view
        assert surface is not None
        times = (surface.width / surface.columns) / ((right - left) / lens.plot_size[0])
        assert f"magnified {times:.2g} ×" in it.text("#lens")


@pytest.mark.parametrize("size", [(120, 40), COMPACT])
async def test_a_legend_says_what_is_what(size: tuple[int, int]) -> None:
    async with on_screen(size) as it:
        await it.go(7)
        if size == COMPACT:
            await it.press("u")
        await wait_for(it.pilot, lambda: "used" in it.text("#lens"))
        assert all(words in it.text("#lens") for words in ("∙", "■", "+", "of all", "σ of 1 ", "σ of 16 "))


async def test_it_is_empty_where_nothing_is_known_of_the_race_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen() as it:
        await it.go(7)
        await wait_for(it.pilot, lambda: dots(it.text("#lens")) > 0)
        usual = it.link._result
        monkeypatch.setattr(it.link, "_result", lambda job: NOT_NOW if isinstance(job, Imagine) else usual(job))
        await it.press("r")
        await wait_for(it.pilot, lambda: it.app.session.generation == 2)
        await wait_for(it.pilot, lambda: "cannot be found out" in it.text("#lens"))
        assert dots(it.text("#lens")) == 0


async def test_where_the_engine_is_gone_it_does_not_say_that_more_will_come() -> None:
    async with on_screen() as it:
        await it.go(7)
        await it.press("K", "down")
        await wait_for(it.pilot, lambda: "cannot be found out" in it.text("#lens"))
        assert "not known yet" not in it.text("#lens")
        assert dots(it.text("#lens")) == 0


async def test_it_says_that_all_runs_are_hidden() -> None:
    async with on_screen() as it:
        await it.go(7)
        await it.press("1", "2", "3")
        assert "all runs are hidden" in it.text("#lens")
        assert dots(it.text("#lens")) == 0


async def test_enlarged_it_is_compared_with_no_surface_that_is_hidden() -> None:
    async with on_screen() as it:
        await it.go(7)
        it.app.query_one(Lens).focus()
        await it.press("f")
        assert "update 7: where each example" in it.text("#lens")
        assert "magnified" not in it.text("#lens")


@pytest.mark.parametrize("size", [(120, 40), COMPACT])
async def test_a_key_shows_and_hides_it(size: tuple[int, int]) -> None:
    async with on_screen(size=size) as it:
        lens, small = it.app.query_one(Lens), size == COMPACT
        assert lens.display == (not small)
        await it.press("u")
        assert lens.display == small
        await it.press("u")
        assert lens.display == (not small)


@pytest.mark.filterwarnings("error::RuntimeWarning")
async def test_steps_beyond_the_largest_number_are_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_screen() as it:
        usual = it.link._result

        def far_off(job: Job) -> Result:
            found = usual(job)
            if not isinstance(found, Imagined) or found.cloud is None:
                return found
            steps = found.cloud.steps
            cloud = replace(found.cloud, steps=1e308 * np.sign(steps - np.median(steps, axis=0)))
            return replace(found, origin=Point(1e308, -1e308), cloud=cloud)

        monkeypatch.setattr(it.link, "_result", far_off)
        await it.go(7)
        await wait_for(it.pilot, lambda: "update 7" in it.text("#lens"))
        assert "used" in it.text("#lens")
