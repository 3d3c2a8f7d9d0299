"""Where the panels stand, on terminals of every size."""

import pytest
from textual.widgets import Button, Static

from sim.experiment.config import Experiment, RunConfig
from sim.protocol.answers import Failed
from tests.tui.screen import COMPACT, VERY_WIDE, WIDE, Screen, make_app, on_screen, ready, settled, text_of, wait_for
from tests.tui.traces import make_experiment
from tui.keys import KEYS
from tui.session.banner import starting


@pytest.mark.parametrize(
    ("size", "keys"),
    [(size, "") for size in (WIDE, COMPACT, VERY_WIDE, (81, 60), (200, 24))]
    + [(WIDE, "C"), (WIDE, "uC"), (VERY_WIDE, "u"), (VERY_WIDE, "uC"), (COMPACT, "C")],
)
async def test_every_panel_has_its_own_part_of_the_screen(size: tuple[int, int], keys: str) -> None:
    """With and without the lens and the three clocks, and wherever the data are."""
    async with on_screen(size) as it:
        await it.press(*keys)
        for _ in range(3):
            check_regions(it)
            await it.press("v")


def check_regions(it: Screen) -> None:
    """The panels that are shown tile the screen."""
    beside = (it.app.query_one("#sentence"), it.app.query_one("#keys"))
    panels = [panel for panel in (*it.app.panels, *beside) if panel.display]
    assert [panel for panel in panels if not panel.region] == [], "app.tcss gives them no part of this screen"
    regions = [panel.region for panel in panels]
    assert all(region in it.app.screen.region for region in regions)
    for i, region in enumerate(regions):
        assert not any(region.overlaps(other) for other in regions[i + 1 :])
    assert sum(region.area for region in regions) == it.app.screen.region.area
    assert it.text("#runs").count("running") == 3


async def test_a_small_terminal_has_a_row_for_each_of_nine_runs() -> None:
    runs = [RunConfig(f"run {n}", n) for n in range(1, 10)]
    async with on_screen(COMPACT, make_experiment(*runs)) as it:
        await it.go(3)
        assert it.text("#runs").count("running") == 9
        assert it.surface.size.height >= 6


async def test_resizing_arranges_and_draws_everything_anew() -> None:
    async with on_screen(WIDE) as it:
        await it.go(5)
        for size in (COMPACT, VERY_WIDE, WIDE):
            await it.pilot.resize_terminal(*size)
            await settled(it.pilot)
            assert it.surface.region.right <= size[0]
            lines = it.text("#surface").split("\n")
            assert "slope →" in lines[-3]
            assert " 0 " in lines[-2]
            assert all(len(line) == it.surface.region.width for line in lines)


async def test_too_small_a_terminal_says_so_until_it_is_enlarged() -> None:
    async with on_screen((70, 20)) as it:
        message = it.app.query_one("#too-small", Static)
        assert message.display
        assert "This terminal is 70x20; gdsim needs 80x24 at least." in text_of(message)
        assert message.region == it.app.screen.region
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause()
        assert not message.display


async def test_panels_that_a_banner_moved_are_drawn_anew() -> None:
    async with on_screen() as it:
        it.link.instead = [Failed("Out of memory.")]
        height = it.surface.size.height
        await it.pilot.press("full_stop")
        await wait_for(it.pilot, lambda: it.app.session.banner)
        it.app.frame()
        await wait_for(it.pilot, lambda: it.surface.size.height < height)
        it.app.frame()
        await it.pilot.pause()
        assert "slope →" in it.text("#surface").split("\n")[-3]


async def test_before_the_engine_stands_the_screen_is_there_and_keys_work() -> None:
    app, link = make_app()
    link.gate.clear()
    async with app.run_test(size=WIDE) as pilot:
        await wait_for(pilot, lambda: link.commands)
        app.frame()
        await pilot.press("comma", "full_stop", "home", "end", "left", "z", "plus", "1", "e", "x", "v", "c", "t")
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("escape")
        assert "Starting the engine …" in text_of(app.query_one("#banner"))
        link.gate.set()
        await ready(pilot)
        assert not app.query_one("#banner").display


@pytest.mark.parametrize(
    ("size", "last"), [(COMPACT, ("help", "quit")), (WIDE, ("help", "quit", "settings")), ((200, 60), ("all", "data"))]
)
async def test_the_last_line_has_the_most_needed_keys_in_full(size: tuple[int, int], last: tuple[str, ...]) -> None:
    async with on_screen(size) as it:
        line = it.text("#keys")
        assert all(words in line.split() for words in ("play", "step", "rate", "batch", "fork", "clock", *last))
        assert line.split()[-1] in {key.footer for key in KEYS} | {"palette"}


async def test_a_click_on_a_key_of_the_last_line_does_what_the_key_does() -> None:
    async with on_screen(WIDE) as it:
        assert not it.app.session.player.playing
        await it.pilot.click("#keys", offset=(it.text("#keys").index("space"), 0))
        assert it.app.session.player.playing
        it.app.redraw()
        assert "space pause" in it.text("#keys")
        await it.pilot.click("#keys", offset=(it.text("#keys").index("help") - 2, 0))
        await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 2)


@pytest.mark.parametrize("size", [COMPACT, WIDE, (200, 60)])
async def test_the_race_is_seen_around_the_settings_whose_buttons_are_whole(size: tuple[int, int]) -> None:
    async with on_screen(size) as it:
        await it.pilot.press("enter")
        await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 2 and it.app.screen.query(Button))
        await it.pilot.pause()
        box = it.app.screen.query_one("#settings").content_region
        assert all(button.region in box for button in it.app.screen.query(Button))
        rows = it.app.screen._compositor.render_strips()
        assert "loss over slope" in rows[1].text


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        (Experiment(), "Starting the engine …"),
        (Experiment(backend="compiled"), "compiling takes some seconds"),
        (Experiment(seeds=9), "compiling takes some seconds"),
    ],
)
def test_what_is_waited_for_at_the_start_is_said(experiment: Experiment, words: str) -> None:
    assert words in starting(experiment)


async def test_quitting_ends_the_engine() -> None:
    app, link = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("q")
    assert link.dead
    assert app.return_code == 0
