"""What a race's journal says, how its runs are kept equal, and what is reported of them."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from sim.descent.clock import QUANTUM
from sim.descent.race import Race
from sim.experiment.choices import CLOCKS
from sim.experiment.config import Limit, RunConfig
from sim.experiment.journal import ClockChange
from sim.models.problem import formula_problem
from sim.protocol.commands import Retention
from sim.protocol.trace import ROW
from tests.sim.conftest import assert_same, line_formula
from tests.sim.descent.races import COSTS, KINDS, future, problem_of, quick
from tests.sim.one_run import race_of, rows_of

# -- the journal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("kind", KINDS[:2])
@given(
    changes=st.dictionaries(st.integers(0, 30), st.sampled_from(list(CLOCKS)), max_size=4),
    costs=COSTS,
    asked=st.lists(st.integers(1, 20), min_size=1, max_size=3),
)
@quick
def test_a_journal_is_what_was_done(device, kind, clock, changes, costs, asked):
    runs = [
        RunConfig("a", 7, momentum=0.9, loss_every=4),
        RunConfig("b", 32, optimizer="adam", loss_every=4),
        RunConfig("c", 4, loss_every=4),
    ]
    journal = tuple(ClockChange(moment, changes[moment]) for moment in sorted(changes))

    def fresh(**fields) -> Race:
        return race_of(problem_of(kind, device), *runs, rate=0.05, costs=costs, clock=clock, **fields)

    given, done = fresh(changes=journal), fresh()
    expected = future(given, asked)
    rows = [rows_of(done, 0)]
    for change in journal:
        if change.moment <= expected[1].moment:
            rows.append(rows_of(done, change.moment - done.moment))
            assert done.moment == change.moment
            done.change(change)
    rows.append(rows_of(done, expected[1].moment - done.moment))
    for name in ROW.names:
        assert_same(np.concatenate(rows)[name], expected[0][name], device)
    assert done.journal == tuple(change for change in journal if change.moment <= expected[1].moment)
    assert given.journal == journal
    for head, head_too in zip(done.heads, given.heads, strict=True):
        assert_same(head.cpu(), head_too.cpu(), device)


def test_all_moments_are_made_whatever_changes_on_the_way(device):
    changes = (ClockChange(10, "examples"), ClockChange(20, "seconds"), ClockChange(30, "updates"))
    race = race_of(problem_of("two parameters", device), RunConfig("a", 7), RunConfig("b", 1), changes=changes)
    rows = rows_of(race, 40)
    assert race.moment == 40
    clocks = [rows["clock"][rows["moment"] == moment].tolist() for moment in range(1, 41)]
    assert [set(clock) for clock in clocks] == [{0}] * 10 + [{1}] * 10 + [{2}] * 10 + [{0}] * 10


def test_what_is_changed_replaces_what_was_to_be_changed_later(device):
    changes = (ClockChange(10, "examples"), ClockChange(20, "updates"))
    race = race_of(problem_of("two parameters", device), RunConfig("a", 7), RunConfig("b", 1), changes=changes)
    while race.moment < 15:
        rows_of(race, 15 - race.moment)
    race.change(ClockChange(race.moment, "seconds"))
    assert race.journal == (ClockChange(10, "examples"), ClockChange(15, "seconds"))
    rows = rows_of(race, 30)
    assert len(rows) == 30
    assert set(rows["clock"].tolist()) == {list(CLOCKS).index("seconds")}


# -- kept equal -------------------------------------------------------------------------------------------------------


@given(costs=COSTS, asked=st.lists(st.integers(1, 60), min_size=1, max_size=4))
@quick
def test_no_run_is_more_than_a_quantum_ahead_when_it_is_its_turn(device, costs, asked):
    runs = [RunConfig("a", 7), RunConfig("b", 32), RunConfig("c", 1)]
    race = race_of(problem_of("two parameters", device), *runs, rate=0.05, costs=costs, clock="seconds")
    rows, _ = future(race, asked)
    used = [0.0] * 3
    for row in rows:
        assert used[row["run"]] <= min(used) + QUANTUM
        used[row["run"]] = row["seconds"]
    assert (np.diff(rows["position"]) >= 0).all()
    assert (rows["position"] <= rows["seconds"]).all()


def test_a_run_at_its_end_holds_up_nobody_on_the_clock_of_seconds(device):
    runs = [RunConfig("a", 45), RunConfig("b", 9)]
    race = race_of(
        problem_of("two parameters", device),
        *runs,
        rate=0.05,
        costs=(2.0**-10, 2.0**-10),
        clock="seconds",
        limit=Limit("epochs", 4),
    )
    rows = rows_of(race, 1000)
    assert race.finished
    assert race.updates == [4, 20]
    assert rows["position"][-1] == 20 * 2.0**-10


def test_the_span_bounds_what_begins_on_seconds_and_what_completes_on_the_others(device):
    runs = [RunConfig("a", 7), RunConfig("b", 3)]
    problem = problem_of("two parameters", device)
    race = race_of(problem, *runs, rate=0.05, costs=(0.25, 1.0), clock="seconds")
    rows = rows_of(race, 1000, span=2.0)
    assert rows["seconds"].max() == 2.0
    assert race.updates == [8, 2]
    race = race_of(problem, *runs, rate=0.05, clock="examples")
    progress = race.advance(1000, 20.0, math.inf)
    assert race.updates == [2, 6]
    assert progress.covered == race.position == 18


def test_without_any_time_one_chunk_is_made_all_the_same(device):
    race = race_of(problem_of("two parameters", device), RunConfig("a", 7), rate=0.05)
    for _ in range(3):
        before = race.moment
        assert len(race.advance(100, math.inf, 0.0).rows) == race.moment - before > 0


# -- what is reported -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_few_rows_are_reported_and_the_extremes_among_them(device, clock):
    runs = [RunConfig("a", 7, optimizer="adam"), RunConfig("b", 1), RunConfig("c", "all", loss_every=3)]
    traces = []
    for most in (None, 20):
        race = race_of(
            problem_of("two parameters", device),
            *runs,
            rate=0.05,
            costs=(2.0**-13, 2.0**-12, 2.0**-11),
            clock=clock,
            retention=Retention(rows=most),
        )
        traces.append([rows_of(race, 100) for _ in range(2)])
        updates = race.updates
    for every, some in zip(*traces, strict=True):
        assert len(some) <= 1.5 * 20 * len(runs)
        known = {(row["run"], row["update"]): row for row in every}
        for row in some:
            for name in set(ROW.names):
                np.testing.assert_array_equal(row[name], known[row["run"], row["update"]][name])
        for run in range(len(runs)):
            own, reported = every[every["run"] == run], some[some["run"] == run]
            assert (len(reported) > 0) == (len(own) > 0)
            if len(own):
                assert reported["update"][-1] == own["update"][-1]
                for name in ("batch_loss", "loss", "grad_norm", "lr"):
                    if np.isfinite(own[name]).any():
                        assert np.nanmin(reported[name]) == np.nanmin(own[name])
                        assert np.nanmax(reported[name]) == np.nanmax(own[name])
        assert (np.diff(some["moment"]) >= 0).all()
    assert sum(map(len, traces[0])) == sum(updates)


def test_what_is_reported_of_a_long_way_is_spread_evenly_over_it():
    formula = line_formula()
    problem = formula_problem(formula, formula.start, torch.device("cpu"))
    race = race_of(problem, RunConfig("run", 1, lr=0.01), backend="compiled", retention=Retention(rows=280))
    rows_of(race, 100_000)  # until as much is done at once as ever is
    rows = rows_of(race, 400_000)
    assert 100 <= len(rows) <= 280
    assert rows["update"][-1] == 500_000
    shares, _ = np.histogram(rows["update"], 8, (100_000, 500_000))
    assert shares.min() > len(rows) / 8 / 2
    assert shares.max() < len(rows) / 8 * 2


def test_the_start_is_reported_of_every_run(device):
    runs = [RunConfig("a", 7), RunConfig("b", 1)]
    race = race_of(problem_of("two parameters", device), *runs, clock="examples")
    rows = race.start()
    assert rows["run"].tolist() == [0, 1]
    assert rows["update"].tolist() == rows["moment"].tolist() == rows["status"].tolist() == [0, 0]
    assert rows["clock"].tolist() == [1, 1]
    assert np.isnan(rows["lr"]).all()
    assert len(set(rows["loss"].tolist())) == 1
    assert math.isfinite(rows["loss"][0])
    assert [snapshots.updates.tolist() for snapshots in race.snapshots] == [[0], [0]]
