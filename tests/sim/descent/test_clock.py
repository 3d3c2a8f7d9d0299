"""Who updates next, on all three clocks."""

from dataclasses import dataclass

import numpy as np
import pytest

from sim.descent.clock import QUANTUM, counted_turns, timed_turn


@dataclass
class FakeRacer:
    """A run of a steady batch size and cost, on a clock of its own."""

    batch_size: int = 1
    cost: float = 1.0
    update: int = 0
    seconds: float = 0.0
    left: int = 1_000_000

    def completions(self, clock, count):
        updates = self.update + np.arange(1, min(count, self.left) + 1)
        return updates * self.batch_size if clock == "examples" else updates

    def advance(self, count):
        self.update += count
        self.left -= count
        self.seconds += self.cost * count


def plan(clock, racers, moments, until=np.inf):
    return counted_turns([racer.completions(clock, moments) for racer in racers], moments, until)


def carry_out(clock, racers, moments, until=np.inf):
    """Plan one moment at a time; the sets of racers that went at each."""
    went = []
    for _ in range(moments):
        turns = plan(clock, racers, 1, until)
        for turn in turns:
            racers[turn.racer].advance(len(turn.moments))
        went.append({turn.racer for turn in turns})
    return went


def take_turns(racers, updates, until=np.inf):
    """Carry out turns on the clock of seconds, update by update; who went, one entry an update."""
    went = []
    while len(went) < updates:
        turn = timed_turn({index: racer.seconds for index, racer in enumerate(racers) if racer.left})
        if turn is None or racers[turn[0]].seconds >= until:
            break
        racer, goal = racers[turn[0]], min(turn[1], until)
        while racer.left and racer.seconds < goal:
            racer.advance(1)
            went.append(racers.index(racer))
    return went


def test_on_updates_all_runs_go_at_once():
    assert carry_out("updates", [FakeRacer(442), FakeRacer(32), FakeRacer(1)], 3) == [{0, 1, 2}] * 3


def test_on_updates_the_run_that_is_behind_catches_up():
    assert carry_out("updates", [FakeRacer(update=2), FakeRacer()], 4) == [{1}, {1}, {0, 1}, {0, 1}]


def test_on_examples_the_update_that_completes_earliest_goes_next_and_ties_form_one_moment():
    went = carry_out("examples", [FakeRacer(6), FakeRacer(3), FakeRacer(1)], 6)
    assert went == [{2}, {2}, {1, 2}, {2}, {2}, {0, 1, 2}]


@pytest.mark.parametrize("clock", ["updates", "examples"])
def test_a_long_plan_is_the_same_as_many_short_ones(clock):
    def fresh():
        return [FakeRacer(10), FakeRacer(4, left=7), FakeRacer(1)]

    short = carry_out(clock, fresh(), 40)
    turns = plan(clock, fresh(), 40)
    moments = [{turn.racer for turn in turns if moment in turn.moments} for moment in range(1, 41)]
    assert moments == short


@pytest.mark.parametrize("clock", ["updates", "examples"])
def test_the_clock_stands_where_an_update_completes(clock):
    racers = [FakeRacer(10), FakeRacer(4), FakeRacer(1)]
    for turn in plan(clock, racers, 40):
        expected = racers[turn.racer].completions(clock, len(turn.moments))
        assert turn.positions.tolist() == expected.tolist()


def test_on_seconds_the_run_with_the_least_time_goes_next():
    racers = [FakeRacer(cost=10.0), FakeRacer(cost=3.0), FakeRacer(cost=1.0)]
    went = take_turns(racers, 12)
    assert went[:3] == [0, 1, 2]
    assert went[3:7] == [2, 2, 2, 1]  # the third of them begins at a tie
    assert racers[2].seconds >= racers[1].seconds - 3.0


def test_on_seconds_short_updates_are_made_a_quantum_at_a_time():
    costs = [QUANTUM / 3, QUANTUM / 10, QUANTUM / 64]
    racers = [FakeRacer(cost=cost) for cost in costs]
    spent = [0.0] * 3
    went = take_turns(racers, 2000)
    for racer in went:
        assert spent[racer] <= min(spent) + QUANTUM
        spent[racer] += costs[racer]
    assert max(spent) - min(spent) <= QUANTUM + max(costs)
    assert 0 < np.count_nonzero(np.diff(went)) < 200  # hardly ever does another one take over


@pytest.mark.parametrize("clock", ["updates", "examples"])
def test_nothing_completes_beyond_the_given_position(clock):
    racers = [FakeRacer(5), FakeRacer(1)]
    while turns := plan(clock, racers, 3, until=12):
        for turn in turns:
            racers[turn.racer].advance(len(turn.moments))
    reached = {"updates": (12, 12), "examples": (2, 12)}[clock]
    assert (racers[0].update, racers[1].update) == reached


def test_nothing_begins_beyond_the_given_second():
    racers = [FakeRacer(cost=5.0), FakeRacer()]
    take_turns(racers, 1000, until=12)
    assert (racers[0].update, racers[1].update) == (3, 12)


def test_nobody_left_means_nothing_to_do():
    assert plan("examples", [FakeRacer(left=0)], 5) == []
    assert plan("updates", [], 5) == []
    assert timed_turn({}) is None
