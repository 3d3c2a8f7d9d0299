"""Two races at one pace, over replaying links."""

import math
from dataclasses import replace

import pytest

from tests.tui.traces import make_experiment
from tests.tui.watched import Watched, settle, stand
from tui.session import lockstep


async def both() -> tuple[Watched, Watched]:
    """Two races that play; the second one's own pace is twice the first one's."""
    one, other = await stand(), await stand()
    other.session.card = replace(other.session.card, pace={"updates": 20.0})
    for it in (one, other):
        it.session.player.toggle()
    return one, other


async def play(one: Watched, other: Watched, frames: int) -> None:
    """So many frames of 30 a second go by."""
    for _ in range(frames):
        lockstep.go_on((one.session, other.session), 1 / 30)
        await settle()


async def test_both_go_at_the_pace_of_the_first() -> None:
    one, other = await both()
    await play(one, other, 60)
    assert one.history.cursor == pytest.approx(20, abs=1)
    assert other.history.cursor == pytest.approx(20, abs=1)


@pytest.mark.parametrize("slow", [0, 1])
async def test_who_is_ahead_waits(slow: int) -> None:
    races = await both()
    races[slow].link.gate.clear()
    await play(*races, frames=30)
    assert races[slow].history.cursor == 0
    assert 1 <= races[1 - slow].history.cursor <= 3
    races[slow].link.gate.set()
    await play(*races, frames=30)
    assert abs(races[0].history.cursor - races[1].history.cursor) <= 2
    assert races[slow].history.cursor > 5


async def test_as_fast_as_possible_nobody_waits() -> None:
    one, other = await both()
    one.session.player.speed = math.inf
    one.link.gate.clear()
    await play(one, other, 10)
    assert math.isinf(other.session.player.speed)
    assert other.history.cursor > 10


async def test_a_step_brings_both_to_the_same_update() -> None:
    one, other = await stand(), await stand()
    await other.step(3)
    for there in (1, 2):
        lockstep.step((one.session, other.session), 1)
        await settle()
        assert one.history.cursor == other.history.cursor == there


async def test_where_moments_are_no_updates_each_race_makes_its_own_steps() -> None:
    one, other = await stand(make_experiment(clock="examples")), await stand(make_experiment(clock="examples"))
    await other.step(3)
    lockstep.step((one.session, other.session), 2)
    await settle()
    assert (one.history.cursor, other.history.cursor) == (2, 5)


@pytest.mark.parametrize("standing", [0, 1])
async def test_nobody_waits_for_a_race_that_stands(standing: int) -> None:
    races = await both()
    races[standing].session.player.pause()
    await play(*races, frames=30)
    assert races[1 - standing].history.cursor == pytest.approx(10, abs=1)
