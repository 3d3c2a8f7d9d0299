"""The whole screen under its keys, over a replaying link; and once over the real engine."""

import csv
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from sim.commands import Failed, Open, SetClock, Survey
from sim.experiment import Experiment, ProblemConfig, Window
from sim.problems import build_formula
from tests.tui.traces import (
    FORMULA,
    ReplayLink,
    app_of,
    go,
    make_app,
    ready,
    settled,
    text_of,
    wait_for,
)
from tui.app import GdsimApp
from tui.history import History
from tui.link import InlineLink
from tui.panels.curves import Curves
from tui.panels.surface import Surface

WIDE, COMPACT, VERY_WIDE = (120, 40), (80, 24), (180, 50)


@dataclass
class Screen:
    """The app under test."""

    app: GdsimApp
    link: ReplayLink
    pilot: Pilot[None]

    @property
    def history(self) -> History:
        assert self.app.session.history is not None
        return self.app.session.history

    @property
    def surface(self) -> Surface:
        return self.app.query_one(Surface)

    @property
    def window(self) -> Window:
        assert self.surface.view is not None
        return self.surface.view.window

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settled(self.pilot)

    async def go(self, moments: int) -> None:
        await go(self.pilot, moments)

    async def until(self, moment: int) -> None:
        await wait_for(self.pilot, lambda: self.history.cursor == moment)

    def text(self, selector: str) -> str:
        return text_of(self.app.query_one(selector))

    def toasts(self) -> str:
        """What was notified, with the lines joined."""
        return " ".join(" ".join(text_of(toast).split()) for toast in self.app.screen.query("Toast"))


@asynccontextmanager
async def on_screen(
    size: tuple[int, int] = WIDE, experiment: Experiment | None = None, until: float = 60
) -> AsyncIterator[Screen]:
    app, link = make_app(experiment, until)
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        yield Screen(app, link, pilot)


# -- layout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [WIDE, COMPACT, VERY_WIDE, (81, 60), (200, 24)])
async def test_every_panel_has_its_own_place_on_the_screen(size: tuple[int, int]) -> None:
    async with on_screen(size) as it:
        for _ in range(3):
            check_places(it)
            await it.press("v")


def check_places(it: Screen) -> None:
    """The panels that are shown tile the screen."""
    names = ("#status", "#surface", "#data", "#curves", "#this-update", "#sentence", "#runs", "Footer")
    panels = [panel for name in names if (panel := it.app.query_one(name)).display]
    regions = [panel.region for panel in panels]
    assert all(region in it.app.screen.region for region in regions)
    for i, region in enumerate(regions):
        assert not any(region.overlaps(other) for other in regions[i + 1 :])
    assert sum(region.area for region in regions) == it.app.screen.region.area
    assert it.text("#runs").count("running") == 3


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


async def test_quitting_ends_the_engine() -> None:
    app, link = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("q")
    assert link.dead
    assert app.return_code == 0


# -- time -------------------------------------------------------------------------------------------------------------


async def test_the_keys_of_time_move_the_cursor() -> None:
    async with on_screen() as it:
        keys = {"full_stop": 1, "right": 11, "comma": 10, "left": 0, "shift+right": 60, "home": 0, "end": 60}
        for key, there in keys.items():
            await it.press(key)
            await it.until(there)
            await settled(it.pilot)
            assert f"{there} updates" in it.text("#status")
        await it.press("shift+left")
        assert it.history.cursor == 0
        assert "60 back" in it.text("#status")


async def test_space_plays_and_pauses() -> None:
    async with on_screen() as it:
        await it.press("space")
        assert "▶ 10 updates/s" in it.text("#status")
        await it.press("space")
        assert "‖ paused" in it.text("#status")


async def test_the_keys_of_pace() -> None:
    async with on_screen() as it:
        it.app.session.player.playing = True
        it.link.gate.clear()
        for key, words in (
            ("right_curly_bracket", "20 updates/s"),
            ("right_square_bracket", "22 updates/s"),
            ("backspace", "10 updates/s"),
            ("left_curly_bracket", "5 updates/s"),
            ("left_square_bracket", "4.5 updates/s"),
        ):
            await it.press(key)
            assert f"▶ {words}" in it.text("#status")
        await it.press("backspace", *["right_curly_bracket"] * 11)
        assert "as fast as possible" in it.text("#status")


async def test_the_clock_key_goes_round() -> None:
    async with on_screen() as it:
        for clock, title in (("examples", "over examples"), ("seconds", "over seconds"), ("updates", "over updates")):
            await it.press("c")
            assert it.link.asked(SetClock)[-1] == SetClock(clock)
            assert title in it.text("#curves")


async def test_reset_and_a_new_seed_begin_again() -> None:
    async with on_screen() as it:
        await it.go(5)
        await it.press("R")
        await wait_for(it.pilot, lambda: it.history.end == 0)
        await settled(it.pilot)
        assert "seed 1" in it.text("#status")
        await it.press("r")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 3)
        seeds = [command.experiment.seed for command in it.link.commands if isinstance(command, Open)]
        assert seeds == [0, 1, 1]


async def test_a_killed_engine_shows_a_banner_and_r_starts_it_again() -> None:
    async with on_screen() as it:
        await it.go(5)
        await it.press("K", "full_stop")
        await wait_for(it.pilot, lambda: it.app.session.banner)
        await it.press("plus", "z", "c")
        assert "The engine was ended by SIGKILL. Press r to start it again." in it.text("#banner")
        await it.press("r")
        await wait_for(it.pilot, lambda: it.app.session.banner is None)
        await settled(it.pilot)
        assert not it.app.query_one("#banner").display
        await it.press("full_stop")
        await it.until(1)


# -- the surface ------------------------------------------------------------------------------------------------------


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
        rows = it.history.all_rows()
        best = FORMULA.minima[0]
        left, right, bottom, top = it.window
        assert left < rows["x"].min() < max(rows["x"].max(), best.x) < right
        assert bottom < min(rows["y"].min(), best.y) < rows["y"].max() < top
        assert right - left < 1.3 * (max(rows["x"].max(), best.x) - rows["x"].min())


async def test_follow_keeps_the_heads_in_sight() -> None:
    async with on_screen() as it:
        await it.press(*["plus"] * 8)
        start = it.window
        await it.press("o")
        await it.go(40)
        left, right, bottom, top = it.window
        assert it.window != start
        for run in range(3):
            head = it.history.seen(run)[-1]
            assert left < head["x"] < right
            assert bottom < head["y"] < top


async def test_the_contour_lines_come_and_go() -> None:
    async with on_screen() as it:
        with_lines = it.text("#surface")
        await it.press("g")
        assert any("⠀" < character <= "⣿" for character in with_lines)
        assert not any("⠀" < character <= "⣿" for character in it.text("#surface"))
        await it.press("g")
        assert it.text("#surface") == with_lines


async def test_a_click_starts_from_there() -> None:
    async with on_screen() as it:
        columns, rows = it.surface.size.width - 6, it.surface.size.height - 1
        left, right, bottom, top = it.window
        await it.pilot.click(Surface, offset=(1 + 6 + 30, 1 + 12))  # the border, the labels, and on
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        asked = it.link.asked(Open)[-1]
        assert isinstance(asked, Open)
        start = asked.experiment.problem.start
        assert start is not None
        assert start.x == pytest.approx(left + 30.5 / columns * (right - left))
        assert start.y == pytest.approx(top - 12.5 / rows * (top - bottom))


async def test_a_click_beside_the_canvas_does_nothing() -> None:
    async with on_screen() as it:
        for offset in ((3, 10), (20, 0), (0, 0)):
            await it.pilot.click(Surface, offset=offset)
        await it.pilot.pause()
        assert len(it.link.asked(Open)) == 1


async def test_the_wheel_zooms_about_the_mouse() -> None:
    async with on_screen() as it:
        left, right, bottom, top = it.window
        x, y = it.surface.region.x + 7, it.surface.region.y + 1  # the canvas's upper left cell
        it.surface.post_message(events.MouseScrollUp(it.surface, 7, 1, 0, 0, 0, False, False, False, x, y))
        await wait_for(it.pilot, lambda: it.window.right < right)
        assert it.window.right - it.window.left == pytest.approx((right - left) / 1.25)
        assert it.window.left == pytest.approx(left, abs=0.02 * (right - left))
        assert it.window.top == pytest.approx(top, abs=0.02 * (top - bottom))


# -- the other panels -------------------------------------------------------------------------------------------------


async def test_the_curves_have_axes_metrics_and_scales() -> None:
    async with on_screen() as it:
        await it.go(20)
        assert "loss, batches dotted · log · over updates" in it.text("#curves")
        for axis in ("epochs", "examples", "seconds", "updates"):
            await it.press("x")
            assert f"over {axis}" in it.text("#curves")
        await it.press("y")
        assert "log" not in it.text("#curves")
        await it.press("n")
        assert "gradient norm · over updates" in it.text("#curves")
        await it.press("n", "y")
        assert "loss, batches dotted · log · over updates" in it.text("#curves")


async def test_the_axis_of_the_curves_ends_where_the_recording_does() -> None:
    async with on_screen() as it:
        await it.go(20)
        width = it.app.query_one(Curves).size.width
        labels = it.text("#curves").split("\n")[-2]
        assert labels.index(" 10 ") == pytest.approx(width * 10 / 20, abs=5)
        await it.press("x", "x")
        labels = it.text("#curves").split("\n")[-2]
        assert labels.index(" 1000 ") == pytest.approx(width * 1000 / 1220, abs=5)


async def test_the_curves_mark_the_cursor_only_in_the_past() -> None:
    async with on_screen() as it:
        await it.go(20)
        live = it.text("#curves")
        await it.go(-10)
        past = it.text("#curves")
        new = {
            x
            for before, after in zip(live.split("\n"), past.split("\n"), strict=True)
            for x, (one, other) in enumerate(zip(before, after, strict=True))
            if one != other
        }
        assert len(new) == 1
        assert next(iter(new)) == pytest.approx(len(live.split("\n")[0]) / 2, abs=4)  # half of the recording


async def test_the_data_key_goes_round() -> None:
    async with on_screen() as it:

        def shown() -> list[str]:
            return [name for name in ("surface", "data", "curves") if it.app.query_one(f"#{name}").display]

        views = [shown()]
        for _ in range(3):
            await it.press("v")
            views.append(shown())
        assert views == [["surface", "curves"], ["surface", "data"], ["data", "curves"], ["surface", "curves"]]


async def test_where_there_is_room_the_data_stand_beside() -> None:
    async with on_screen(VERY_WIDE) as it:
        await it.press("v")
        assert all(it.app.query_one(name).display for name in ("#surface", "#data", "#curves"))
        await it.press("v")
        assert not it.app.query_one("#data").display


async def test_a_run_can_be_hidden_and_shown() -> None:
    async with on_screen() as it:
        await it.go(20)
        for name in ("#surface", "#this-update"):
            assert "■" in it.text(name)
        await it.press("2")
        for name in ("#surface", "#this-update"):
            assert "■" not in it.text(name)
            assert "●" in it.text(name)
        assert "mini-batch" in it.text("#runs")
        await it.press("2", "9")  # there is no ninth run
        assert "■" in it.text("#surface")


async def test_all_runs_can_be_hidden() -> None:
    async with on_screen() as it:
        await it.go(20)
        await it.press("1", "2", "3", "z", "o", "v")
        assert not set("●■▲") & set(it.text("#surface"))


async def test_tab_and_f_enlarge_a_panel_and_go_back() -> None:
    async with on_screen() as it:

        def maximised() -> Widget | None:
            return it.app.screen.maximized

        size = it.surface.size
        it.surface.focus()
        await it.press("f")
        assert maximised() is it.surface
        assert it.surface.size.width > size.width
        assert len(it.text("#surface").split("\n")[5]) == it.surface.region.width
        await it.press("f")
        assert maximised() is None
        assert it.surface.size == size
        await it.press("tab", "f")
        assert maximised() is it.app.query_one(Curves)


# -- help, themes, keeping --------------------------------------------------------------------------------------------


async def test_help_opens_and_closes() -> None:
    async with on_screen() as it:
        for close in ("question_mark", "q"):
            await it.pilot.press("question_mark")
            await wait_for(it.pilot, lambda: it.app.screen.query("#help MarkdownH1"))
            await it.pilot.press(close)
            await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 1)


async def test_themes_are_dark_and_light() -> None:
    async with on_screen() as it:
        backgrounds = []
        for _ in range(3):
            backgrounds.append(it.app.query_one(Curves).rich_style.bgcolor)
            await it.press("t")
        assert backgrounds[0] == backgrounds[2] != backgrounds[1]
        light = backgrounds[1]
        assert light is not None
        assert min(light.get_truecolor()) > 200


async def test_the_export_holds_every_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        await it.go(12)
        await it.go(-7)
        await it.pilot.press("e")
        await wait_for(it.pilot, it.toasts)
        (path,) = tmp_path.glob("gdsim-linear-*.csv")
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["run"], int(row["update"])) for row in rows].count(("stochastic", 12)) == 1
        assert len(rows) == 3 * 13
        assert path.name in it.toasts().replace(" ", "")


async def test_an_export_that_cannot_be_written_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    async with on_screen() as it:
        gone.rmdir()
        await it.pilot.press("e")
        await wait_for(it.pilot, it.toasts)
        assert ".csv" in it.toasts()
        assert it.app.is_running


async def test_a_picture_of_the_screen_is_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        await it.pilot.press("s")
        await wait_for(it.pilot, it.toasts)
        (path,) = tmp_path.glob("gdsim-*.svg")
        assert "this&#160;update" in path.read_text()


async def test_the_command_that_reproduces_the_screen_is_copied_and_shown() -> None:
    async with on_screen() as it:
        await it.press("R", "c", "w")
        command = it.app.clipboard
        assert command.startswith("gdsim linear ")
        assert "--seed=1" in command
        assert "--clock=examples" in command
        await wait_for(it.pilot, it.toasts)
        assert "--seed=1" in it.toasts()


# -- the real engine --------------------------------------------------------------------------------------------------


async def test_a_real_trace_goes_through_the_same_panels() -> None:
    formula = build_formula(ProblemConfig())
    experiment = Experiment(device="cpu").resolved(formula.lr, formula.start, formula.examples)
    app = GdsimApp(experiment, formula, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 25)
        place, x, y = np.array(formula.start), formula.inputs, formula.targets
        for _ in range(25):  # batch descent by hand
            error = place[0] * x + place[1] - y
            place = place - formula.lr * 2 * np.array([np.mean(error * x), np.mean(error)])
        loss = np.mean((place[0] * x + place[1] - y) ** 2)
        heading, batch, _, stochastic = text_of(app.query_one("#runs")).split("\n")
        cells = batch[heading.index("updates") :].split()
        assert cells[:3] == ["25", "25.00", "11,050"]
        assert float(cells[3]) == pytest.approx(loss, rel=1e-3)
        distance = math.dist(place, formula.minima[0])
        assert float(cells[5]) == pytest.approx(distance, rel=1e-3)
        assert stochastic[heading.index("examples") :].split()[0] == "25"
        this_update = text_of(app.query_one("#this-update"))
        assert "batch update 25 used all 442 examples" in this_update
        assert "0° off · cosine 1.00 · error 0" in this_update
        assert "stochastic update 25 used 1 of 442: #" in this_update
        sentence = " ".join(text_of(app.query_one("#sentence")).split())
        assert sentence.startswith("After the same 25 updates, batch has read 11,050 examples, stochastic 25.")
        assert "25 updates · 25–11,050 examples" in text_of(app_of(pilot).query_one("#status"))
