"""A session over a replaying link: what it asks for, and what it makes of the answers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.geometry import Point
from sim.protocol.answers import Advanced, Answer
from sim.protocol.commands import Advance, Command, Inspect, Open, SetClock
from sim.protocol.trace import NO_ROWS
from tests.tui.traces import FORMULA, ReplayLink, make_experiment
from tests.tui.watched import Watched, settle, stand
from tui.session.link import StaleError


async def test_paused_it_asks_for_nothing() -> None:
    it = await stand()
    await it.frame(10.0)
    assert [type(command) for command in it.link.commands] == [Open]
    assert it.history.end == 0


async def test_it_plays_at_the_pace_of_the_problem() -> None:
    it = await stand()
    it.session.player.toggle()
    for _ in range(30):
        await it.frame(1 / 30)
    assert it.history.end in (9, 10)  # 10 updates a second, for a second
    assert it.history.live


async def test_as_fast_as_possible_has_no_bound_but_the_budget() -> None:
    it = await stand()
    it.session.player.toggle()
    it.session.player.speed = math.inf
    await it.frame(1 / 30)
    (asked,) = it.advances()
    assert asked.span == math.inf
    assert asked.budget <= 0.2


class OnceLink(ReplayLink):
    """Answers `Advance` once, and then works for ever."""

    async def request(self, command: Command) -> Answer:
        if self.asked(Advance) and isinstance(command, Advance):
            self.gate.clear()
        answer = await super().request(command)
        return replace(answer, finished=False) if isinstance(answer, Advanced) else answer


async def hurry() -> Watched:
    """A session that plays as fast as possible, just after a first answer of 60 moments."""
    it = await stand(link=OnceLink)
    it.session.player.toggle()
    it.session.player.speed = math.inf
    await it.frame(1 / 30)
    return it


async def test_as_fast_as_possible_an_answer_is_shown_over_several_frames() -> None:
    it = await hurry()
    ends = []
    while it.history.end != 60:
        assert not it.session.caught_up
        await it.frame(1 / 30)
        ends.append(it.history.end)
        assert it.history.live
    assert ends == [9, 18, 27, 36, 45, 54, 60], "in seven parts, up to whole moments"
    assert it.session.caught_up
    assert it.history.all_rows().tobytes() == it.rows[np.argsort(it.rows["run"], kind="stable")].tobytes()


async def test_pausing_shows_all_that_was_made() -> None:
    it = await hurry()
    await it.frame(1 / 30)
    assert it.history.end == 9
    it.session.player.pause()
    await it.frame(1 / 30)
    assert it.history.end == 60
    assert it.session.caught_up


async def test_stepping_back_steps_back_from_all_that_was_made() -> None:
    it = await hurry()
    await it.step(-1)
    assert (it.history.cursor, it.history.end) == (59, 60)


async def test_beginning_again_drops_what_was_not_shown_yet() -> None:
    it = await hurry()
    it.session.player.pause()
    it.link.instead = [StaleError()]
    it.link.gate.set()
    await settle()
    await it.session.open()
    await it.frame()
    assert it.history.end == 0


async def test_one_thing_at_a_time_is_asked() -> None:
    it = await stand()
    it.session.player.toggle()
    it.link.gate.clear()
    for _ in range(5):
        await it.frame(0.2)
    assert len(it.advances()) == 1
    it.link.gate.set()
    await settle()
    await it.frame(0.2)
    assert len(it.advances()) == 2


async def test_stepping_beyond_the_end_asks_for_what_is_missing() -> None:
    it = await stand()
    await it.step(5)
    await it.step(-3)
    assert it.history.cursor == 2
    await it.step(10)
    assert it.history.cursor == it.history.end == 12
    assert [asked.moments for asked in it.advances()] == [5, 7]
    await it.frame(1.0)
    assert it.history.end == 12


async def test_a_step_that_comes_in_parts_is_taken_whole() -> None:
    it = await stand()
    part = it.rows[(it.rows["moment"] > 0) & (it.rows["moment"] <= 2)]
    it.link.instead = [Advanced(part, 2.0, False, it.race.news(part, [2, 2, 2]), it.session.lineages)]
    it.link.at = 2
    await it.step(5)
    await it.frame()
    assert [asked.moments for asked in it.advances()] == [5, 3]


async def test_stepping_back_asks_for_nothing_and_pauses() -> None:
    it = await stand()
    await it.step(5)
    it.session.player.toggle()
    await it.step(-2)
    assert it.history.cursor == 3
    assert not it.session.player.playing
    assert len(it.advances()) == 1


async def test_playing_from_the_past_replays_first_and_then_goes_on() -> None:
    it = await stand()
    await it.step(20)
    it.history.seek_first()
    it.session.player.toggle()
    await it.frame(1.05)
    assert (it.history.cursor, it.history.end) == (10, 20)
    await it.frame(1.25)  # a second of it for the other half of what was recorded
    assert len(it.advances()) == 2
    assert it.history.cursor == it.history.end == 22


async def test_another_clock_counts_in_its_own_unit() -> None:
    it = await stand()
    it.session.set_clock("examples")
    it.session.player.toggle()
    await it.frame(0.5)
    assert [command for command in it.link.commands if isinstance(command, SetClock)] == [SetClock("examples")]
    assert it.session.clock == "examples"
    assert it.advances()[0].span == pytest.approx(0.5 * FORMULA.pace["examples"])


async def test_reset_begins_again_with_another_seed_or_start() -> None:
    it = await stand()
    await it.step(5)
    it.session.reset(seed=3)
    await settle()
    assert (it.history.cursor, it.history.end) == (0, 0)
    it.session.reset(start=Point(1.0, 2.0))
    await settle()
    opened = [command.experiment for command in it.link.commands if isinstance(command, Open)]
    assert [experiment.seed for experiment in opened] == [0, 3, 3]
    assert opened[-1].start == Point(1.0, 2.0)
    assert opened[-1].runs == opened[0].runs


async def test_what_was_recorded_stays_until_the_new_experiment_stands() -> None:
    it = await stand()
    await it.step(5)
    it.link.gate.clear()
    it.session.reset()
    await settle()
    assert it.history.end == 5
    it.link.gate.set()
    await settle()
    assert it.history.end == 0


async def test_what_was_owed_on_another_clock_or_at_another_pace_is_owed_no_more() -> None:
    for change in (lambda it: it.session.set_clock("seconds"), lambda it: it.session.player.multiply_speed(0.5)):
        it = await stand(make_experiment(clock="examples"))
        it.session.player.toggle()
        it.link.gate.clear()
        await it.frame(1.0)
        change(it)
        it.link.gate.set()
        await settle()
        assert it.history.end > 0
        assert it.session.player.owed >= 0


async def test_every_press_of_the_step_key_counts() -> None:
    it = await stand()
    it.link.gate.clear()
    for _ in range(3):
        await it.step(1)
    it.link.gate.set()
    for _ in range(3):
        await it.frame()
    assert it.history.cursor == it.history.end == 3
    await it.frame()
    assert it.history.end == 3


async def test_a_step_pressed_while_a_fruitless_answer_is_on_its_way_is_taken() -> None:
    it = await stand()
    it.session.player.toggle()
    it.link.instead = [Advanced(NO_ROWS, 0.0, False, it.race.news(NO_ROWS, [0, 0, 0]), it.session.lineages)]
    it.link.gate.clear()
    await it.frame(0.2)
    await it.step(1)
    it.link.gate.set()
    await settle()
    await it.frame()
    assert it.history.end == 1


async def test_nothing_is_asked_of_an_experiment_that_is_being_opened() -> None:
    it = await stand()
    it.session.player.toggle()
    it.link.gate.clear()
    it.session.reset()
    for _ in range(3):
        await it.frame(0.5)
        it.session.look.go_on()
        await settle()
    assert [type(command) for command in it.link.commands] == [Open, Open]


async def test_it_looks_into_the_updates_at_the_cursor_once() -> None:
    it = await stand()
    look = it.session.look
    await it.step(5)
    await it.step(-2)
    look.go_on()
    look.go_on()
    await settle()
    look.go_on()
    await settle()
    (asked,) = it.link.asked(Inspect)
    assert asked.updates == (3, 3, 3)
    assert [report.update for report in look.reports if report] == [3, 3, 3]
    await it.step(1)
    look.go_on()
    await settle()
    assert [report.update for report in look.reports if report] == [4, 4, 4]
