"""Playing, pausing and pace."""

import math

import pytest

from tui.session.player import Meter, Player


def test_only_playing_owes_time() -> None:
    player = Player()
    player.elapse(0.1)
    assert player.owed == 0
    player.toggle()
    player.elapse(0.1)
    player.elapse(0.1)
    assert player.owed == pytest.approx(0.2)
    player.pause()
    assert not player.playing
    assert player.owed == 0


def test_time_is_owed_at_the_speed_chosen() -> None:
    player = Player(playing=True, speed=4)
    player.elapse(0.05)
    assert player.owed == pytest.approx(0.2)


def test_after_a_hold_up_playing_does_not_rush() -> None:
    player = Player(playing=True)
    for _ in range(100):
        player.elapse(0.1)
    assert player.owed == pytest.approx(0.25)


def test_doubling_ends_in_as_fast_as_possible_and_halving_leads_back() -> None:
    player = Player(playing=True)
    speeds = []
    while not math.isinf(player.speed):
        speeds.append(player.speed)
        player.multiply_speed(2)
    assert speeds == [2.0**power for power in range(11)]
    player.multiply_speed(2)
    assert math.isinf(player.speed)
    player.multiply_speed(0.5)
    assert player.speed == speeds[-1]


def test_it_never_comes_to_a_stop_by_slowing_down() -> None:
    player = Player()
    for _ in range(50):
        player.multiply_speed(0.5)
    assert player.speed == 1 / 1024


def test_as_fast_as_possible_owes_without_bound() -> None:
    player = Player(playing=True, speed=math.inf)
    player.elapse(0.0)
    assert player.owed == 0
    player.elapse(0.03)
    assert player.owed == math.inf


def test_the_meter_shows_the_rate_of_the_last_second() -> None:
    meter = Meter()
    for _ in range(9):
        meter.elapse(0.1, "updates")
        meter.cover(2.0)
    assert math.isnan(meter.rate)
    meter.elapse(0.2, "updates")
    assert meter.rate == pytest.approx(18 / 1.1)
    meter.elapse(1.0, "updates")
    assert meter.rate == 0


def test_the_meter_begins_anew_on_another_clock_or_at_another_speed() -> None:
    meter = Meter()
    meter.cover(50.0)
    meter.elapse(1.5, ("updates", 1.0))
    assert meter.rate == 0  # what was covered before anything was measured does not count
    meter.cover(3.0)
    meter.elapse(0.5, ("updates", 2.0))
    assert math.isnan(meter.rate)


def test_the_meter_of_a_slow_clock_measures_longer() -> None:
    meter = Meter()
    for _ in range(19):
        meter.elapse(1.0, "updates", window=20.0)
        meter.cover(0.5)
    assert math.isnan(meter.rate)
    meter.elapse(1.0, "updates", window=20.0)
    assert meter.rate == pytest.approx(9.5 / 20)
