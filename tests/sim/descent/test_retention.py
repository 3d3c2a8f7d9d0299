"""What is kept of what the runs did, against brute force."""

import itertools
import math
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from sim.descent.retention import KeptSnapshots, KeptStates, reported
from sim.experiment.config import MAX_RUNS, RunConfig
from sim.models.problem import formula_problem
from sim.protocol.commands import Retention
from sim.views.snapshots import Snapshots
from tests.sim.conftest import line_formula
from tests.sim.one_run import OneRun, race_of, rows_of
from tests.sim.real_models import problem_of

quick = settings(max_examples=60)

# -- rows -------------------------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 0.0]), st.integers(-2, 2).map(float)
)


@st.composite
def tables(draw):
    """Measures of n updates, by name."""
    count, names = draw(st.integers(1, 400)), draw(st.integers(1, 4))
    column = arrays(np.float64, count, elements=VALUES, fill=st.sampled_from([math.nan, 1.0]))
    one_number = VALUES.map(lambda value: np.broadcast_to(value, count))
    return {f"measure {number}": draw(column | one_number) for number in range(names)}


def least_and_largest(values):
    """By hand, of those that are numbers."""
    known = [value for value in values.tolist() if not math.isnan(value)]
    return (min(known), max(known)) if known else None


@given(measures=tables(), most=st.integers(1, 300))
@quick
def test_of_each_stretch_the_ends_and_the_extremes_of_each_measure_are_reported(measures, most):
    count = len(next(iter(measures.values())))
    chosen = reported(measures, most).tolist()
    assert chosen == sorted(set(chosen))
    assert chosen[0] == 0
    assert chosen[-1] == count - 1
    if count <= most:
        assert chosen == list(range(count))
        return
    a_stretch = 2 + 2 * len(measures)
    assert len(chosen) <= max(a_stretch, most)
    width = math.ceil(count / max(1, most // a_stretch))
    for begin in range(0, count, width):
        stretch = range(begin, min(begin + width, count))
        inside = [index for index in chosen if index in stretch]
        assert (inside[0], inside[-1]) == (stretch[0], stretch[-1])
        for values in measures.values():
            assert least_and_largest(values[inside]) == least_and_largest(values[stretch])


def test_without_a_bound_all_are_reported():
    assert reported({"loss": np.arange(10_000.0)}, None).tolist() == list(range(10_000))


@given(update=st.integers(0, 99_999), up=st.booleans())
@settings(quick, max_examples=20)
def test_a_spike_of_one_update_is_never_lost(update, up):
    quiet, spiked = np.ones(100_000), np.ones(100_000)
    spiked[update] = 5.0 if up else -5.0
    chosen = reported({"loss": quiet, "batch_loss": spiked}, 200)
    assert update in chosen
    assert len(chosen) <= 200


# -- snapshots --------------------------------------------------------------------------------------------------------


def taken(kept: KeptSnapshots, begin: int, end: int, parameters: int) -> None:
    """Take the snapshots of some updates, as a stepper would keep them: at update u they are all u."""
    updates = np.array([update for update in range(begin, end) if update % kept.now.stride == 0], np.int64)
    kept.take(updates, torch.from_numpy(updates)[:, None].float().expand(-1, parameters).clone())


@given(asked=st.lists(st.integers(0, 90), max_size=30), most=st.integers(4, 60))
@quick
def test_snapshots_are_thinned_by_halves_and_reach_from_the_start_to_now(asked, most):
    kept, made = KeptSnapshots(parameters=10, memory=most * 40), 0
    for count in [1, *asked]:
        taken(kept, made, made + count, 10)
        made += count
        snapshots = kept.now
        stride = next(2**power for power in range(20) if len(range(0, made, 2**power)) <= most)
        assert snapshots.stride == stride
        assert snapshots.thinnings == math.log2(stride)
        assert snapshots.updates.tolist() == list(range(0, made, stride))
        assert [vector.tolist() for vector in snapshots.vectors] == [[float(at)] * 10 for at in snapshots.updates]
        assert len(snapshots) == len(snapshots.updates)


@pytest.mark.parametrize(("parameters", "runs"), [(9_000, 3), (400_000, MAX_RUNS), (4_000_000, 3)])
def test_the_memory_for_snapshots_holds_for_all_runs_together(parameters, runs):
    memory = Retention().memory
    kept = KeptSnapshots(parameters, memory / runs)
    vector = torch.zeros(1, parameters)
    for update in range(600 if parameters < 100_000 else 40):
        if update % kept.now.stride == 0:
            kept.take(np.array([update]), vector)
        assert runs * len(kept.now) * vector.nbytes <= memory + runs * vector.nbytes
    assert len(kept.now) >= 4


def test_thinned_snapshots_hold_on_to_no_block_that_they_are_a_part_of():
    kept = KeptSnapshots(parameters=100, memory=400 * 8)
    for begin in range(0, 800, 100):
        taken(kept, begin, begin + 100, 100)
    assert len(kept.now) <= 8
    held = sum(block.untyped_storage().nbytes() for _, block in kept.now.blocks)
    assert held == len(kept.now) * 400


def test_a_few_snapshots_are_kept_however_large_they_are():
    kept = KeptSnapshots(parameters=1000, memory=1.0)
    taken(kept, 0, 100, 1000)
    assert kept.now.updates.tolist() == [0, 32, 64, 96]


def test_snapshots_that_are_not_to_be_projected_anew_are_all_kept_until_they_are_sent():
    kept = KeptSnapshots(parameters=2, memory=math.inf)
    taken(kept, 0, 5000, 2)
    assert (len(kept.now), kept.now.stride) == (5000, 1)
    kept.forget()
    assert (len(kept.now), kept.now.updates.tolist(), kept.now.vectors) == (0, [], [])
    taken(kept, 5000, 5003, 2)
    assert kept.now.updates.tolist() == [5000, 5001, 5002]


@given(sizes=st.lists(st.integers(0, 7), max_size=8), begin=st.integers(0, 60))
@quick
def test_what_is_new_since_some_index(sizes, begin):
    ends = np.cumsum([0, *sizes]).tolist()
    blocks = [np.arange(one, other) for one, other in itertools.pairwise(ends)]
    snapshots = Snapshots(tuple((block, torch.from_numpy(block)[:, None].double()) for block in blocks))
    updates, vectors = snapshots.since(begin)
    assert updates.tolist() == list(range(begin, ends[-1]))
    assert [float(vector) for block in vectors for vector in block] == updates.tolist()
    assert len(snapshots) == ends[-1]


def test_kept_snapshots_are_copies(device):
    problem = problem_of(device, hidden=(2,))
    race = race_of(problem, RunConfig("run", 32))
    rows_of(race, 3)
    before = [vector.clone() for vector in race.snapshots[0].vectors]
    rows_of(race, 30)
    after = race.snapshots[0].vectors
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=False))
    assert not torch.equal(after[3], after[4])
    assert torch.equal(after[-1], race.heads[0].cpu())


# -- states -----------------------------------------------------------------------------------------------------------


def states_of(count: int, cost: float):
    """A state after each of so many updates, which take so many seconds each; with 100 parameters of float32."""
    formula = line_formula()
    begin = OneRun(formula_problem(formula, formula.start, torch.device("cpu")), RunConfig("run", 7)).state
    vector = torch.zeros(100)
    return [replace(begin, vector=vector, update=update, seconds=update * cost) for update in range(count)]


@pytest.mark.parametrize("cost", [1e-4, 0.02, 1.0])
@pytest.mark.parametrize("most", [1, 10, 1000])
def test_states_are_kept_within_their_memory(cost, most):
    states = states_of(1200, cost)
    assert states[0].nbytes == 400
    kept = KeptStates(400 * most)
    for state in states:
        kept.take(state)
        if state.update % 100 < 2:
            held = {id(kept.before(update)) for update in range(state.update + 1)}
            assert len(held) <= max(2, most)


@given(cost=st.sampled_from([1e-4, 1e-3, 0.01, 0.2]), most=st.integers(2, 200), stops=st.sets(st.integers(1, 800)))
@quick
def test_states_are_close_enough_to_go_on_from(cost, most, stops):
    """A state is offered where a chunk of updates ends; what lies between is made again in a tenth of a second, or
    where memory is short, in a share of the whole that it allows."""
    states = states_of(801, cost)
    kept = KeptStates(most * states[0].nbytes)
    offered = [0, *sorted(stops)]
    for update in offered:
        kept.take(states[update])
    widest = max(np.diff(offered), default=0)
    for update in range(offered[-1] + 1):
        found = kept.before(update)
        assert found is not None
        assert found.update in offered
        assert found.update <= update
        allowed = max(0.1 / cost, 8 * offered[-1] / most) + 2 * widest
        assert update - found.update <= allowed


def test_before_the_first_kept_state_there_is_none():
    states = states_of(5, 1.0)
    kept = KeptStates(1e9)
    kept.take(states[3])
    assert kept.before(2) is None
    assert kept.before(3) is states[3]
    assert kept.before(1000) is states[3]


def test_what_lies_beyond_a_restored_state_is_forgotten():
    states = states_of(10, 1.0)
    kept = KeptStates(1e9)
    for state in states:
        kept.take(state)
    kept.forget_after(states[4].update)
    assert kept.before(9) is states[4]
    other = replace(states[5])
    kept.take(other)
    assert kept.before(7) is other
