"""A race that is saved at any moment goes on from there bit for bit."""

import pickle

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from sim.descent.race import Race
from sim.experiment.choices import CLOCKS, OPTIMIZERS, SAMPLINGS, SCHEDULES
from sim.experiment.config import Limit, RunConfig
from sim.protocol.commands import Retention
from sim.protocol.trace import ROW, Status
from tests.sim.conftest import assert_same
from tests.sim.descent.races import COSTS, KINDS, assert_alike, future, problem_of, quick
from tests.sim.one_run import bits, race_of, rows_of

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
