"""A race that is saved at any moment goes on from there bit for bit; and how the runs are kept equal."""

import math
import pickle
from functools import cache

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, example, given, settings
from torch import Tensor, nn
from torch.utils.data import Dataset

from sim.descent.clock import QUANTUM
from sim.descent.race import Race
from sim.descent.race_state import RaceState
from sim.experiment.choices import CLOCKS, OPTIMIZERS, SAMPLINGS, SCHEDULES
from sim.experiment.config import Limit, RunConfig
from sim.experiment.journal import ClockChange
from sim.models.problem import Problem, formula_problem
from sim.models.random_state import RandomState
from sim.models.sources import DatasetSource, TensorSource
from sim.protocol.commands import Retention
from sim.protocol.trace import ROW, Rows, Status
from tests.sim.conftest import assert_same, line_formula
from tests.sim.one_run import bits, race_of, rows_of

quick = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],  # a race takes too long to be made ever simpler
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# -- problems ---------------------------------------------------------------------------------------------------------


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """Examples that are another thing each time they are looked at."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs = torch.tensor([index / 40, 1 - index / 20, index % 3]) + 0.1 * torch.randn(3)
        return inputs, inputs.sum().sin()[None]


def small(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 6), *layers, nn.Dropout(0.3))


@cache
def problem_of(kind: str, device: str) -> Problem:
    """A problem of 40 or 45 examples that has something of its own to be saved."""
    where = torch.device(device)
    if kind == "two parameters":
        formula = line_formula()
        return formula_problem(formula, formula.start, where)
    torch.manual_seed(0)
    if kind == "dropout and batch norm":
        model, loss = small(nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)), nn.CrossEntropyLoss()
        inputs = torch.randn(40, 3)
        source = TensorSource(inputs.to(where), (inputs[:, 0] > 0).long().to(where), where, torch.float32)
        return Problem(model.to(where), loss, source, RandomState.now(where), task="classification")
    model, source = small(nn.Tanh(), nn.Linear(6, 1)), DatasetSource(Noisy(), where)
    state = RandomState.now(where)
    return Problem(model.to(where), nn.MSELoss(), source, state, loader="dataloader", task="regression")


KINDS = ["two parameters", "dropout and batch norm", "a data set that draws random numbers"]


# -- the state --------------------------------------------------------------------------------------------------------


def future(race: Race, asked: list[int]) -> tuple[Rows, RaceState]:
    """What a race does when it is asked for so many moments at a time, and where it then is."""
    return np.concatenate([rows_of(race, moments) for moments in asked]), race.state


def assert_alike(one: tuple[Rows, RaceState], other: tuple[Rows, RaceState], device: str) -> None:
    (rows, state), (rows_too, state_too) = one, other
    assert len(rows) == len(rows_too)
    for name in ROW.names:
        assert_same(rows[name], rows_too[name], device)
    for name in ("clock", "moment", "position", "journal"):
        assert getattr(state, name) == getattr(state_too, name)
    for snapshots, snapshots_too in zip(state.snapshots, state_too.snapshots, strict=True):
        assert snapshots.updates.tolist() == snapshots_too.updates.tolist()
        assert (snapshots.stride, snapshots.thinnings) == (snapshots_too.stride, snapshots_too.thinnings)
        for vector, vector_too in zip(snapshots.vectors, snapshots_too.vectors, strict=True):
            assert_same(vector, vector_too, device)
    if device == "cpu":
        assert state_bits(state) == state_bits(state_too)


def state_bits(state: RaceState) -> object:
    """All of the runs' states but for where their orders are drawn from, which can be said in several ways."""
    return [{name: value for name, value in bits(run).items() if name != "order"} for run in state.runs]


MOMENTUM = [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"optimizer": "rmsprop", "momentum": 0.5}]
ASKED = st.lists(st.integers(1, 12), max_size=3)
OPTIONS = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([1, 4, 7, 13, 32, "all"]),
        "lr": st.sampled_from([None, 0.01, 1000.0]),
        "sampling": st.sampled_from(list(SAMPLINGS)),
        "drop_last": st.booleans(),
        "schedule": st.sampled_from(list(SCHEDULES)),
        "schedule_updates": st.integers(3, 24),
        "loss_every": st.sampled_from([None, 5, 9]),
    }
)
RUNS = st.builds(
    lambda optimizer, options: optimizer | options,
    st.sampled_from([{"optimizer": name} for name in OPTIMIZERS] + MOMENTUM),
    OPTIONS,
)
LIMITS = st.sampled_from([None, None, Limit("updates", 30), Limit("epochs", 2.5), Limit("seconds", 2**-5)])
COSTS = st.tuples(*[st.sampled_from([2.0**-8, 2.0**-10, 2.0**-12, 2.0**-14])] * 3)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("kind", KINDS)
@given(
    options=st.lists(RUNS, min_size=1, max_size=3),
    limit=LIMITS,
    costs=COSTS,
    memory=st.sampled_from([3e3, 1e9]),
    before=ASKED,
    after=ASKED.filter(bool),
    pickled=st.booleans(),
    back=st.integers(0, 36),
)
@example(  # its only run fails at once, in a chunk of many moments
    options=[{"batch_size": 1}],
    limit=None,
    costs=(2.0**-8,) * 3,
    memory=1e9,
    before=[],
    after=[2],
    pickled=False,
    back=0,
)
@quick
def test_a_saved_race_goes_on_bit_for_bit(
    device, kind, clock, options, limit, costs, memory, before, after, pickled, back
):
    runs = [RunConfig(f"run {index}", **fields) for index, fields in enumerate(options)]

    def fresh() -> Race:
        retention = Retention(memory=memory)
        problem = problem_of(kind, device)
        return race_of(problem, *runs, rate=0.05, costs=costs, clock=clock, limit=limit, retention=retention)

    race = fresh()
    for moments in before:
        rows_of(race, moments)
    saved = race.state
    at_save = bits(saved)
    expected = future(race, after)
    assert bits(saved) == at_save
    elsewhere = fresh()
    rows_of(elsewhere, 3)
    for restored in (fresh(), race, elsewhere):
        restored.restore(pickle.loads(pickle.dumps(saved)) if pickled else saved)
        assert_alike(future(restored, after), expected, device)
        for run, made in enumerate(restored.updates):
            seen, known = (one.run_state(run, min(back, made)) for one in (restored, race))
            assert_same(seen.vector.cpu(), known.vector.cpu(), device)


@pytest.mark.parametrize(
    "options",
    [
        *({"optimizer": name} for name in OPTIMIZERS),
        *MOMENTUM,
        *({"schedule": name, "schedule_updates": 20} for name in SCHEDULES),
        *({"sampling": name} for name in SAMPLINGS),
        {"drop_last": True},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_every_option_goes_on_bit_for_bit(device, options):
    def fresh() -> Race:
        return race_of(problem_of("two parameters", device), RunConfig("run", 7, **options), rate=0.05, costs=(1.0,))

    race = fresh()
    rows_of(race, 11)
    saved = pickle.loads(pickle.dumps(race.state))
    expected = future(race, [15])
    restored = fresh()
    restored.restore(saved)
    assert_alike(future(restored, [15]), expected, device)


# A turn on the clock of seconds, or a plan of moments, may be cut where a longer answer is asked for: what comes of it
# must not depend on that.


@pytest.mark.parametrize("clock", CLOCKS)
def test_what_the_runs_do_does_not_depend_on_how_it_is_asked_for(device, clock):
    runs = [RunConfig("a", 7), RunConfig("b", 32), RunConfig("c", 1)]
    costs = (2.0**-15, 2.0**-14, 2.0**-16)  # some dozens of updates a turn
    results = []
    for asked in ([140], [1, 39, 100]):
        race = race_of(problem_of("two parameters", device), *runs, rate=0.05, costs=costs, clock=clock)
        results.append(future(race, asked))
    assert_alike(*results, device)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_race_of_cheap_updates_goes_on_bit_for_bit(device, clock):
    def fresh() -> Race:
        runs = [RunConfig("a", 7), RunConfig("b", 32), RunConfig("c", 1)]
        costs = (2.0**-15, 2.0**-14, 2.0**-16)
        return race_of(problem_of("two parameters", device), *runs, rate=0.05, costs=costs, clock=clock)

    race = fresh()
    rows_of(race, 70)
    saved, restored = race.state, fresh()
    restored.restore(saved)
    assert_alike(future(restored, [100]), future(race, [100]), device)


def test_a_run_that_diverges_leaves_no_gap_in_the_moments(device):
    runs = [RunConfig("wild", 1, lr=1000.0), RunConfig("calm", 32)]
    results = []
    for asked in ([100], [1] * 100):
        race = race_of(problem_of("two parameters", device), *runs, rate=0.05, costs=(1.0, 1.0), clock="examples")
        rows, state = future(race, asked)
        assert state.runs[0].status == Status.DIVERGED
        assert sorted(set(rows["moment"].tolist())) == list(range(1, state.moment + 1))
        results.append(rows[: len(rows) // 2])
    shorter = min(map(len, results))
    for name in ROW.names:
        assert_same(results[0][name][:shorter], results[1][name][:shorter], device)


@pytest.mark.parametrize("clock", CLOCKS)
def test_every_past_update_is_known_however_many_were_made_at_once(device, clock):
    problem = problem_of("two parameters", device)
    runs = [RunConfig("a", 7, momentum=0.9, loss_every=50), RunConfig("b", 9, loss_every=50)]
    costs = (2.0**-5, 2.0**-6)  # some seconds in all, of which one would be too long to wait for
    at_once, slowly = (race_of(problem, *runs, rate=0.05, costs=costs, clock=clock) for _ in range(2))
    rows_of(at_once, 300)
    checked = [0, 0]
    while slowly.moment < 300:
        rows_of(slowly, 29)
        for run, update in enumerate(slowly.updates):
            if update <= at_once.updates[run]:
                state = at_once.run_state(run, update)
                assert state is not None
                assert state.update == update
                assert_same(state.vector.cpu(), slowly.heads[run].cpu(), device)
                checked[run] += 1
    assert min(checked) >= 9


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
