"""The surface under its keys and the mouse."""

import numpy as np
import pytest
from textual import events

from sim.experiment.geometry import Window
from sim.protocol.commands import Open, Survey
from tests.tui.screen import on_screen, wait_for
from tests.tui.traces import FORMULA
from tui.panels.surface import Surface


def middle(window: Window) -> tuple[float, float]:
    return (window.left + window.right) / 2, (window.bottom + window.top) / 2


async def test_zoom_keeps_the_middle_and_asks_for_the_landscape_there() -> None:
    async with on_screen() as it:
        before = it.window
        await it.press("plus")
        assert it.window.right - it.window.left == pytest.approx((before.right - before.left) / 1.25)
        assert middle(it.window) == pytest.approx(middle(before))
        asked = it.link.asked(Survey)[-1]
        assert isinstance(asked, Survey)
        assert asked.window == it.window
        await it.press("minus")
        assert it.window == pytest.approx(before)


async def test_pan_moves_the_window_by_a_tenth() -> None:
    async with on_screen() as it:
        for key, across, up in (("h", -0.1, 0), ("l", 0.1, 0), ("j", 0, -0.1), ("k", 0, 0.1)):
            left, right, bottom, top = it.window
            await it.press(key)
            x, y = across * (right - left), up * (top - bottom)
            assert it.window == pytest.approx((left + x, right + x, bottom + y, top + y))


async def test_fit_shows_all_of_the_trails_and_the_minimum() -> None:
    async with on_screen() as it:
        await it.go(30)
        await it.press("l", "l", "l", "l", "l", "l", "l", "plus", "plus", "z")
        x, y = np.concatenate([it.points(run) for run in range(3)]).T
        best = FORMULA.minima[0]
        left, right, bottom, top = it.window
        assert left < x.min() < max(x.max(), best.x) < right
        assert bottom < min(y.min(), best.y) < y.max() < top
        across, up = np.ptp([*x, best.x]), np.ptp([*y, best.y])
        assert max(across / (right - left), up / (top - bottom)) == pytest.approx(1 / 1.2)


async def test_follow_keeps_the_heads_in_sight() -> None:
    async with on_screen() as it:
        await it.press(*["plus"] * 8)
        start = it.window
        await it.press("o")
        await it.go(40)
        left, right, bottom, top = it.window
        assert it.window != start
        for run in range(3):
            x, y = it.points(run)[-1]
            assert left < x < right
            assert bottom < y < top
        assert (right - left) / (top - bottom) == pytest.approx((start.right - start.left) / (start.top - start.bottom))


async def test_the_contour_lines_come_and_go() -> None:
    async with on_screen() as it:
        it.link.gate.clear()
        it.app.session.player.playing = True  # while paused there are the dots of a cloud
        it.app.redraw()
        with_lines = it.text("#surface")
        await it.press("g")
        assert any("⠀" < character <= "⣿" for character in with_lines)
        assert not any("⠀" < character <= "⣿" for character in it.text("#surface"))
        await it.press("g")
        assert it.text("#surface") == with_lines


async def test_a_click_starts_from_there() -> None:
    async with on_screen() as it:
        columns, rows = it.surface.size.width - 7, it.surface.size.height - 1
        left, right, bottom, top = it.window
        await it.pilot.click(Surface, offset=(1 + 7 + 30, 1 + 12))  # the border, the labels, and on
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        asked = it.link.asked(Open)[-1]
        assert isinstance(asked, Open)
        start = asked.experiment.start
        assert start is not None
        assert start.x == pytest.approx(left + 30.5 / columns * (right - left))
        assert start.y == pytest.approx(top - 12.5 / rows * (top - bottom))


async def test_a_key_goes_back_from_a_chosen_start_to_the_problems_own() -> None:
    async with on_screen() as it:
        await it.pilot.click(Surface, offset=(38, 13))
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        await it.pilot.press("r")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 3)
        await it.pilot.press("S")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 4)
        starts = [command.experiment.start for command in it.link.asked(Open)]
        assert starts[0] is starts[3] is None
        assert starts[1] == starts[2] is not None


async def test_a_click_beside_the_canvas_does_nothing() -> None:
    async with on_screen() as it:
        for offset in ((3, 10), (20, 0), (0, 0)):
            await it.pilot.click(Surface, offset=offset)
        await it.pilot.pause()
        assert len(it.link.asked(Open)) == 1


async def test_the_wheel_zooms_about_the_mouse() -> None:
    async with on_screen() as it:
        left, right, bottom, top = it.window
        x, y = it.surface.region.x + 8, it.surface.region.y + 1  # the canvas's upper left cell
        it.surface.post_message(events.MouseScrollUp(it.surface, 8, 1, 0, 0, 0, False, False, False, x, y))
        await wait_for(it.pilot, lambda: it.window.right < right)
        assert it.window.right - it.window.left == pytest.approx((right - left) / 1.25)
        assert it.window.left == pytest.approx(left, abs=0.02 * (right - left))
        assert it.window.top == pytest.approx(top, abs=0.02 * (top - bottom))
        await wait_for(it.pilot, lambda: it.surface.wanted is None)  # the landscape there came in, though it is paused
