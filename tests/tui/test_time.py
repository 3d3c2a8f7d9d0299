"""Time on the whole screen, over a replaying link: playing, pausing, stepping, and beginning again."""

import itertools
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sim.problems import registry
from sim.protocol.answers import Advanced
from sim.protocol.commands import Open, SetClock
from tests.tui.screen import Screen, on_screen, settled, wait_for
from tests.tui.traces import ReplayLink, make_experiment
from tui.draw.numbers import decimal
from tui.gallery import choices
from tui.panels import drawing
from tui.panels.curves import Curves


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
