"""The whole screen under its keys, over a replaying link; and once over the real engine."""

import csv
import itertools
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from textual.css.stylesheet import Stylesheet
from textual.widget import Widget
from textual.widgets import OptionList

from sim.experiment.config import Experiment
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.card import card_of
from sim.protocol.answers import Advanced, Failed
from sim.protocol.commands import Open, SetClock, Survey
from tests.tui.screen import (
    VERY_WIDE,
    WIDE,
    Screen,
    app_of,
    go,
    make_app,
    on_screen,
    ready,
    settled,
    text_of,
    wait_for,
)
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.draw.numbers import decimal
from tui.draw.palette import DARK
from tui.gallery import choices
from tui.help import HelpScreen
from tui.options.asked import prepare
from tui.options.options import Options
from tui.panels import drawing
from tui.panels.curves import Curves
from tui.panels.status_line import StatusLine
from tui.panels.words import Words
from tui.session.banner import Banner
from tui.session.link import InlineLink
from tui.themes import THEMES

# -- time -------------------------------------------------------------------------------------------------------------


async def test_the_keys_of_time_move_the_cursor() -> None:
    async with on_screen() as it:
        keys = {"full_stop": 1, "right": 11, "comma": 10, "left": 0, "shift+right": 60, "home": 0, "end": 60}
        for key, there in keys.items():
            await it.press(key)
            await it.until(there)
            await settled(it.pilot)
            assert f" {there} update" in it.text("#status")
        await it.press("shift+left")
        assert it.history.cursor == 0
        assert "60 back" in it.text("#status")


async def test_space_plays_and_pauses() -> None:
    async with on_screen() as it:
        await it.press("space")
        assert re.search(r"▶ (\S+ of )?10 updates/s", it.text("#status"))
        await it.press("space")
        assert "‖ paused" in it.text("#status")


async def test_while_it_plays_all_numbers_name_one_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """The surface moves with every frame; header, curves, table, last updates and timeline change together."""
    clock, headers = SimpleNamespace(now=0.0), list[int]()
    monkeypatch.setattr(drawing, "time", SimpleNamespace(monotonic=lambda: clock.now))
    async with on_screen() as it:
        it.app.session.player.playing = True
        it.app.redraw()
        for clock.now in (1.0, 1.1, 1.15, 1.25, 1.3):
            before = it.history.cursor
            it.app.session.player.owed = 1.01 / 10  # of an update
            it.app.session.frame(0.0)
            await wait_for(it.pilot, lambda before=before: it.history.cursor > before)
            it.app.frame()  # composes
            it.app.frame()  # and shows
            await it.pilot.pause()
            headers.append(named(it))
    assert headers[0] == headers[1] == headers[2] < headers[3] == headers[4]


def said(it: Screen) -> int:
    """The update that the header names."""
    return int(re.findall(r"(\d+) updates? ", it.text("#status"))[0])


def named(it: Screen) -> int:
    """The update that header, last updates, timeline, curves and table name."""
    shown = said(it)
    assert f"batch update {shown} " in it.text("#this-update")
    assert re.search(rf" {shown} of \d+ moments", it.text("#timeline"))
    assert it.app.scene is not None
    for run in it.app.scene.runs:
        assert decimal(run.recorded["loss"][shown], 3) in it.text("#curves")
        assert decimal(run.recorded["loss"][shown]) in it.text("#runs")
    return shown


async def test_from_as_fast_as_possible_to_a_stop_back_and_on_all_numbers_name_one_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(drawing, "time", SimpleNamespace(monotonic=lambda: clock.now))
    answer = ReplayLink._advance

    def reached(it: Screen, least: int) -> bool:
        """Whether it has come so far, once another frame has gone by, at which all is due."""
        clock.now += 1.0
        it.app.frame()
        return it.history.end >= least

    def answer_once(link: ReplayLink, moments: int, span: float) -> Advanced:
        link.gate.clear()
        return answer(link, min(moments, 20), span)

    monkeypatch.setattr(ReplayLink, "_advance", answer_once)
    async with on_screen(until=400) as it:
        it.app.session.player.speed = math.inf
        await it.pilot.press("space")
        for least in (1, 21, 41):
            await wait_for(it.pilot, lambda least=least: reached(it, least) and said(it) == it.history.end)
            assert named(it) == it.history.end
            it.link.gate.set()
        await it.pilot.press("space")
        stopped = said(it)
        assert 41 <= stopped == it.history.end < 400
        it.app.frame()  # the key's words come first, its charts a frame later
        assert named(it) == stopped
        await it.pilot.press("comma", "comma")
        assert said(it) == stopped - 2
        it.app.frame()  # of the first of the two keys
        it.app.frame()
        assert named(it) == stopped - 2
        await it.pilot.press("space")
        assert said(it) <= stopped
        it.link.gate.set()
        await wait_for(it.pilot, lambda: reached(it, 0) and said(it) > stopped)
        assert named(it) == said(it)


async def test_what_a_key_did_shows_at_once_while_numbers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "time", SimpleNamespace(monotonic=lambda: 1.0))
    async with on_screen() as it:
        it.link.gate.clear()
        for key, pace in (("space", 10), ("right_square_bracket", 11), ("right_curly_bracket", 22)):
            await it.pilot.press(key)
            assert re.search(rf"▶ (\S+ of )?{pace}", it.text("#status"))


async def test_numbers_wait_until_all_charts_are_composed_and_then_name_one_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(drawing, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))  # time for one a frame
    async with on_screen(until=400) as it:
        await it.go(1)
        await it.pilot.press("space")
        headers = []
        for _ in range(24):
            before = it.history.cursor
            it.app.session.player.owed = 1.01 / 10  # of an update
            it.app.session.frame(0.0)
            await wait_for(it.pilot, lambda before=before: it.history.cursor > before)
            it.app.frame()
            headers.append(named(it))
    assert 2 < len(set(headers)) < 12


async def test_what_a_key_did_is_painted_before_its_charts_are_composed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_screen() as it:
        happened = list[str]()
        monkeypatch.setattr(it.app, "_display", lambda _screen, update: happened.append("painted" if update else ""))
        monkeypatch.setattr(Curves, "show", lambda *_: happened.append("curves"))
        it.app.action_toggle_play()
        assert "painted" in happened
        assert "curves" not in happened
        it.app.frame()
        assert "curves" in happened


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
            assert re.search(rf"▶ (\S+ of )?{re.escape(words)}", it.text("#status"))
        await it.press("backspace", *["right_curly_bracket"] * 11)
        assert "as fast as possible" in it.text("#status")


async def test_the_clock_key_goes_round() -> None:
    async with on_screen() as it:
        for clock, title in (("examples", "over examples"), ("seconds", "over seconds"), ("updates", "over updates")):
            await it.press("c")
            assert it.link.asked(Open)[-1].experiment.clock == clock
            assert title in it.text("#curves")


async def test_the_race_can_go_on_by_another_clock() -> None:
    async with on_screen() as it:
        await it.go(5)
        await it.app.run_action("change_clock")
        await settled(it.pilot)
        assert it.link.asked(SetClock) == [SetClock("examples")]
        assert it.history.end == 5


async def test_the_gallery_shows_all_problems_and_begins_the_one_that_is_chosen() -> None:
    async with on_screen() as it:
        await it.pilot.press("P")
        await it.pilot.pause()
        assert [choice.name for choice in choices()] == [*registry(), "mlp", "cnn"]
        assert len(it.app.screen.query(".choice")) == len(registry()) + 2
        await it.pilot.press("3")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        assert it.link.asked(Open)[-1].experiment.problem.name == list(registry())[2]
        await settled(it.pilot)
        assert it.text("#status").startswith(" sine ")


async def test_the_next_problem_is_compiled_like_the_one_before_and_a_model_is_not() -> None:
    async with on_screen(experiment=replace(make_experiment(), backend="compiled")) as it:
        assert "compiled on" in it.text("#status")
        _, other, *_, model = choices()
        for begun, choice in enumerate((other, model), start=2):
            it.app.show_choice(choice)
            await wait_for(it.pilot, lambda begun=begun: len(it.link.asked(Open)) == begun)
        assert [command.experiment.backend for command in it.link.asked(Open)] == ["compiled", "compiled", "auto"]


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
        await it.press("plus", "z", "W")
        assert "Nothing can be recorded as things are" in it.toasts()
        words = "You stopped the engine. Press r to start it again. Press i for the details."
        assert words in it.text("#banner")
        await it.press("r")
        await wait_for(it.pilot, lambda: it.app.session.banner is None)
        await settled(it.pilot)
        assert not it.app.query_one("#banner").display
        await it.press("full_stop")
        await it.until(1)


# -- the other panels -------------------------------------------------------------------------------------------------


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


# -- help, themes, keeping --------------------------------------------------------------------------------------------


async def test_help_opens_and_closes() -> None:
    async with on_screen() as it:
        for close in ("question_mark", "q"):
            await it.pilot.press("question_mark")
            await wait_for(it.pilot, lambda: it.app.screen.query("#help MarkdownH1"))
            assert isinstance(it.app.screen, HelpScreen)
            await it.pilot.press(close)
            await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 1)
            assert not isinstance(it.app.screen, HelpScreen)


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


async def test_the_style_sheet_is_parsed_anew_for_other_colours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    reparse = Stylesheet.reparse
    monkeypatch.setattr(Stylesheet, "reparse", lambda sheet: (parsed.append(sheet), reparse(sheet)))
    async with on_screen() as it:
        assert not parsed
        it.app.theme = THEMES[1].name
        await wait_for(it.pilot, lambda: parsed)
    assert len(parsed) == 1


async def test_words_that_stay_the_same_take_on_a_new_theme() -> None:
    async with on_screen() as it:
        await it.go(5)
        dark = it.app.query_one("#sentence").rich_style
        it.app.theme = THEMES[1].name
        it.app.redraw()  # as a frame does that comes before the styles do
        await wait_for(it.pilot, lambda: it.app.query_one("#sentence").rich_style != dark)
        await it.pilot.pause()
        for name in ("#status", "#sentence", "#this-update", "#runs", "#timeline"):
            panel = it.app.query_one(name, Words)
            colors = [style.bgcolor for _, style, _ in panel.render_line(panel.size.height - 1) if style]
            assert all(color is None or min(color.get_truecolor()) > 200 for color in colors)


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


async def test_a_saved_picture_has_no_notes_over_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        it.app.notify("something to read")
        await wait_for(it.pilot, it.toasts)
        await it.pilot.press("s")
        await wait_for(it.pilot, lambda: "Saved" in it.toasts())
        (path,) = tmp_path.glob("gdsim-*.svg")
        text = re.sub(r"<[^>]+>", "", path.read_text())
        assert "something" not in text
        assert "stochastic" in text


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
    card = build_formula(ProblemConfig())
    app = GdsimApp(Experiment(device="cpu"), card_of(ProblemConfig()), InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 25)
        point, x, y = np.array(card.start), card.inputs, card.targets
        for _ in range(25):  # batch descent by hand
            error = point[0] * x + point[1] - y
            point = point - card.lr * 2 * np.array([np.mean(error * x), np.mean(error)])
        loss = np.mean((point[0] * x + point[1] - y) ** 2)
        heading, batch, _, stochastic = text_of(app.query_one("#runs")).split("\n")
        cells = batch[heading.index("updates") :].split()
        assert cells[:3] == ["25", "25.00", "11,050"]
        assert float(cells[3]) == pytest.approx(loss, rel=1e-3)
        distance = math.dist(point, card.minima[0])
        assert float(cells[5]) == pytest.approx(distance, rel=1e-3)
        assert stochastic[heading.index("examples") :].split()[0] == "25"
        this_update = text_of(app.query_one("#this-update"))
        assert "batch update 25 used all 442 examples" in this_update
        assert "0° off · cosine 1.00 · error 0" in this_update
        assert "stochastic update 25 used #" in this_update
        sentence = " ".join(text_of(app.query_one("#sentence")).split())
        assert "the mean of 32 strays about √32 = 5.7 times less, and costs 32 gradients an update." in sentence
        assert "25 updates each · 25–11,050 examples read" in text_of(app_of(pilot).query_one("#status"))


@pytest.mark.parametrize(
    ("problem", "start", "words"),
    [
        ("saddle", "0,0", "at a saddle"),
        ("saddle", "0,1", "converged"),
        ("rastrigin", "1.823,-1.823", "in a local minimum"),
    ],
)
async def test_next_to_no_gradient_is_called_converged_only_at_a_lowest_minimum(
    problem: str, start: str, words: str
) -> None:
    options = Options(start=start, device="cpu")
    app = GdsimApp(*prepare(problem, options), InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 300)
        row = text_of(app.query_one("#runs")).split("\n")[1]
        assert words in row


async def test_what_only_the_engine_knows_of_a_model_is_filled_in(tmp_path: Path) -> None:
    """A regression on 20 examples: SGD at 0.02, and a mini-batch of half the 16 training examples."""
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef model():\n    return nn.Linear(2, 1)\n\n\n"
        "def data():\n    return torch.randn(20, 2), torch.randn(20, 1)\n"
    )
    experiment, card = prepare("linear", Options(model=str(tmp_path / "own.py"), device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 3)
        assert "one rate for all: 0.02" in text_of(app.query_one("#curves"))
        rows = text_of(app.query_one("#runs")).split("\n")
        assert [row.split()[2:4] for row in rows[1:4]] == [["all", "16"], ["8", "sgd"], ["1", "sgd"]]
        await pilot.press("w")
        assert app.clipboard == f"gdsim --model={tmp_path / 'own.py'} --device=cpu"


async def test_what_cannot_be_done_is_said_in_the_shell_where_nothing_ever_stood() -> None:
    app, link = make_app()
    link.instead = [Failed("There is no cuda here; use --device cpu.", config=True)]
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: app.session.banner)
        app.frame()
    assert app.return_code == 2


async def test_nothing_is_asked_for_a_problem_that_is_no_longer_looked_at() -> None:
    experiment = make_experiment()
    link, waiting = ReplayLink(make_race(experiment, 60)), ReplayLink(make_race(experiment, 60))
    waiting.gate.clear()
    app = GdsimApp(experiment, CARD, link, new_link=lambda: waiting, ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        link.gate.clear()
        await pilot.press("plus")
        app.redraw()
        await wait_for(pilot, lambda: len(link.asked(Survey)) > 1)
        await pilot.press("m")
        link.gate.set()
        await wait_for(pilot, lambda: not app._other.look._working)
        assert len(link.asked(Survey)) <= 3


async def test_what_cannot_be_done_later_is_a_banner() -> None:
    async with on_screen() as it:
        it.link.instead = [Failed("There is no cuda here; use --device cpu.", config=True)]
        await it.press("r")
        await wait_for(it.pilot, lambda: it.app.session.banner)
        it.app.frame()
        await it.pilot.pause()
        assert "There is no cuda here; use --device cpu." in it.text("#banner")
        assert it.app.is_running


# -- what users' code says, as it is ----------------------------------------------------------------------------------


async def test_brackets_in_what_went_wrong_are_shown_as_they_are() -> None:
    words = "ValueError: expected [/batch, n], got [b]x[=3"
    async with on_screen() as it:
        it.app.session.banner = Banner(words, "details")
        it.app.session.notify(words)
        it.app.redraw()
        await it.pilot.pause()
        assert words in " ".join(it.text("#banner").split())


async def test_the_palette_has_every_action() -> None:
    async with on_screen() as it:
        titles = {command.title for command in it.app.get_system_commands(it.app.screen)}
        assert {
            "Step",
            "Begin again on the next clock",
            "Export what was recorded as CSV",
            "Enlarge the focused panel, and back",
            *(f"Show {name}" for name in registry()),
        } <= titles


async def test_a_problem_can_be_typed_in_the_palette() -> None:
    async with on_screen() as it:
        await it.pilot.press("ctrl+p")
        await it.pilot.press(*"saddle")
        await wait_for(it.pilot, lambda: it.app.screen.query("OptionList").first(OptionList).option_count)
        await it.pilot.press("enter", "enter")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        assert it.link.asked(Open)[-1].experiment.problem.name == "saddle"


async def test_shrinking_leaves_no_gap_under_the_table() -> None:
    async with on_screen() as it:
        await it.go(5)
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause()
        assert it.app.query_one("#runs").size.height == 1 + len(it.app.session.asked.runs)
