"""The keys that change what is seen of a race: the curves, which panels and runs are there, and how large."""

import math
import re

import numpy as np
import pytest
from textual.widget import Widget

from tests.tui.screen import VERY_WIDE, Screen, on_screen, wait_for
from tui.draw.palette import DARK
from tui.panels.curves import Curves
from tui.panels.status_line import StatusLine


async def test_the_curves_have_axes_metrics_and_scales() -> None:
    async with on_screen() as it:
        await it.go(20)
        assert "loss · log · over updates" in it.text("#curves")
        for axis in ("epochs", "examples", "seconds", "updates"):
            await it.press("x")
            assert f"over {axis}" in it.text("#curves")
        await it.press("y")
        assert "loss · log, all · over updates" in it.text("#curves")
        await it.press("y")
        assert "log" not in it.text("#curves")
        await it.press("X")
        assert "over updates (log)" in it.text("#curves")
        await it.press("X", "n")
        assert "(log)" not in it.text("#curves")
        assert "gradient norm · over updates" in it.text("#curves")
        await it.press("n", "y")
        assert "learning rate · log · over updates" in it.text("#curves")
        await it.press("n")
        assert "loss · log · over updates" in it.text("#curves")


async def test_the_axis_of_the_curves_ends_soon_after_the_recording() -> None:
    async with on_screen() as it:
        await it.go(20)
        width = it.app.query_one(Curves).size.width
        labels = it.text("#curves").split("\n")[-2]
        assert 0.6 * width < labels.index(" 20 ") < 0.9 * width
        await it.press("x", "x", "X", "X")
        assert "over examples ─" in it.text("#curves")
        labels = it.text("#curves").split("\n")[-2]
        assert 0.6 * width < 1.22 * labels.index(" 1000 ") < 0.95 * width


async def test_every_curve_has_its_run_s_glyph_and_present_value_at_its_end() -> None:
    async with on_screen() as it:
        await it.go(20)
        for moment in (20, 5):
            await it.go(moment - it.history.cursor)
            for run, glyph in enumerate("●■▲"):
                loss = it.history.seen(run)[-1]["loss"]
                (line,) = [line for line in it.text("#curves").split("\n") if glyph in line]
                assert float(line.split(glyph)[1].split()[0]) == pytest.approx(loss, rel=5e-3)


async def test_the_curves_mark_the_cursor_only_in_the_past() -> None:
    async with on_screen() as it:
        await it.go(20)
        assert not cursor_columns(it)
        await it.go(-10)
        (column,) = cursor_columns(it)
        assert column == pytest.approx(it.app.query_one(Curves).size.width * 10 / 27, abs=5)


def cursor_columns(it: Screen) -> set[int]:
    """The columns of the curves that hold dots in the ink of the axes."""
    frame = it.app.query_one(Curves)._frame
    assert frame is not None
    return set(np.nonzero((frame.characters > 0x2800) & (frame.fg == DARK.muted))[1].tolist())


async def test_without_colours_all_panels_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_screen(VERY_WIDE) as it:
        await it.go(3)
        await it.press("v")
        for selector in ("#surface", "ClockChart", "#data", "#this-update", "#runs", "#status"):
            assert it.text(selector).strip()
        colors = {
            channel
            for strip in it.app.screen._compositor.render_strips()
            for _, style, _ in strip
            for channel in (style.color, style.bgcolor)
            if channel is not None
        }
        assert all(len(set(color.get_truecolor())) == 1 for color in colors), "greys only"


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
        assert all(it.app.query_one(name).display for name in ("#surface", "#data", "#lens", "#clocks"))
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
            large = it.app.query(".-large")
            assert all(panel.display == (panel in large) for panel in it.app.query("#body > *") if large)
            return large.first() if large else None

        size = it.surface.size
        it.surface.focus()
        await it.press("f")
        assert maximised() is it.surface
        assert it.surface.size.width > size.width
        assert it.app.query_one(StatusLine).size.width > 0
        assert len(it.text("#surface").split("\n")[5]) == it.surface.region.width
        await it.press("f")
        assert maximised() is None
        assert it.surface.size == size
        await it.press("tab", "f")
        assert maximised() is it.app.query_one(Curves)


async def test_while_a_panel_is_enlarged_keys_change_what_is_seen() -> None:
    async with on_screen() as it:

        def seen() -> list[str | None]:
            return [panel.id for panel in it.app.query("#body > *") if panel.display]

        before = seen()
        for key, panels in {
            "f": ["surface"],
            "v": ["data"],
            "x": ["curves"],
            "u": ["lens"],
            "z": ["surface"],
            "n": ["curves"],
            "g": ["surface"],
        }.items():
            await it.press(key)
            assert seen() == panels, key
        await it.press("v", "v")
        assert seen() == ["surface"]
        await it.press("f")
        assert seen() == before


async def test_follow_and_fit_are_seen_to_be_on() -> None:
    async with on_screen() as it:
        title = it.text("#surface").split("\n")[0]
        assert "following" not in title
        assert "fitted" not in title
        await it.press("o")
        assert "loss over slope and intercept · following the heads" in it.text("#surface").split("\n")[0]
        await it.press("o")
        assert it.text("#surface").split("\n")[0] == title


async def test_while_it_plays_the_lens_names_no_other_update_than_the_header() -> None:
    async with on_screen() as it:
        await it.go(7)
        await wait_for(it.pilot, lambda: "update 7" in it.text("#lens"))
        it.link.gate.clear()
        it.app.session.player.playing = True
        it.app.redraw()
        await it.pilot.pause()
        assert re.search(r"[\u2801-\u28ff]", it.text("#lens"))
        assert not re.search(r"update \d", it.text("#lens"))
        it.app.session.player.speed = math.inf
        it.app.redraw()
        await it.pilot.pause()
        assert "pause to see them" in it.text("#lens")
        assert not re.search(r"[\u2801-\u28ff]", it.text("#lens"))
