"""Changes that are planned before their moment comes, runs that are removed, and what is refused."""

import math
import pickle
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sim.descent.race import Race
from sim.experiment.choices import CLOCKS
from sim.experiment.config import Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.journal import ClockChange, Fork, Removal, RunChange
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same
from tests.sim.descent.changed import EXAMPLES, batch_losses, one_run, small_problem
from tests.sim.descent.races import COSTS, KINDS, assert_alike, future, problem_of, quick
from tests.sim.one_run import race_of, rows_of

SETTINGS = st.sampled_from([{"batch_size": 3}, {"batch_size": "all"}, {"lr": 0.2}, {"sampling": "replacement"}])
KINDS_OF_CHANGE = st.one_of(
    st.builds(lambda clock: lambda moment, _: ClockChange(moment, clock), st.sampled_from(list(CLOCKS))),
    st.builds(
        lambda run, settings: lambda moment, _: RunChange(moment, run, settings), st.sampled_from("ab"), SETTINGS
    ),
    st.builds(
        lambda run, update, settings: (
            lambda moment, number: Fork(moment, run, update, {"name": f"f{number}"} | settings)
        ),
        st.sampled_from("ab"),
        st.integers(0, 25),
        SETTINGS,
    ),
)
JOURNALS = st.builds(
    lambda made, removals: (
        *(make(moment, number) for number, (moment, make) in enumerate(sorted(made.items()))),
        *removals,
    ),
    st.dictionaries(st.integers(0, 30), KINDS_OF_CHANGE, max_size=4),
    st.sampled_from([(), (Removal(31, "a"),), (Removal(31, "b"),)]),
)


def go_to(race: Race, moment: int) -> None:
    while race.moment < moment:
        rows_of(race, moment - race.moment)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("kind", KINDS[:2])
@given(journal=JOURNALS, costs=COSTS, asked=st.lists(st.integers(1, 20), min_size=1, max_size=3), pickled=st.booleans())
@quick
def test_what_is_planned_is_what_was_done_and_goes_on_from_where_it_was_saved(
    device, kind, clock, journal, costs, asked, pickled
):
    runs = [RunConfig("a", 7, momentum=0.9, loss_every=4), RunConfig("b", 32, optimizer="adam", loss_every=3)]

    def fresh(**fields: Any) -> Race:
        return race_of(problem_of(kind, device), *runs, rate=0.05, costs=costs, clock=clock, **fields)

    given_, done = fresh(changes=journal), fresh()
    expected = future(given_, asked)
    for change in journal:
        if change.moment <= expected[1].moment:
            go_to(done, change.moment)
            done.change(change)
    go_to(done, expected[1].moment)
    assert done.lineages == given_.lineages
    for head, head_too in zip(done.heads, given_.heads, strict=True):
        assert_same(head.cpu(), head_too.cpu(), device)
    saved, restored = done.state, fresh()
    restored.restore(pickle.loads(pickle.dumps(saved)) if pickled else saved)
    assert_alike(future(restored, [12]), future(done, [12]), device)


# -- what cannot be ---------------------------------------------------------------------------------------------------


def test_a_run_that_diverged_is_forked_before_it_did(device):
    race = one_run(device, lr=1e4)
    rows = rows_of(race, 50)
    assert rows["status"][-1] == Status.DIVERGED
    last = int(rows["update"][-1])
    with pytest.raises(ConfigError, match="run has stopped"):
        race.change(RunChange(race.moment, "run", {"lr": 0.01}))
    race.change(Fork(race.moment, "run", last, {"name": "again"}))
    race.change(Fork(race.moment, "run", 0, {"name": "calm", "lr": 0.01}))
    assert [lineage.update for lineage in race.lineages] == [0, last - 1, 0]
    rows = rows_of(race, 9)
    assert rows["status"][rows["run"] == 1].tolist() == [Status.DIVERGED]
    assert rows["update"][rows["run"] == 2].tolist() == list(range(1, 10))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (RunChange(4, "run", {"batch_size": 46}), "choose 1 to 45"),
        (RunChange(4, "run", {"lr": 0.0}), "positive finite number"),
        (RunChange(4, "ran", {"lr": 0.1}), "did you mean 'run'"),
        (RunChange(4, "run", {"optimizer": "adam", "momentum": 0.5}), "adam has none to set"),
        (Fork(4, "run", 2, {"name": "run"}), "Two runs are named 'run'"),
        (Fork(4, "run", 2, {"name": "other", "batch_size": 100}), "choose 1 to 45"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_changes_nothing(device, change, words):
    race, untouched = one_run(device), one_run(device)
    rows_of(race, 4)
    with pytest.raises(ConfigError, match=words):
        race.change(change)
    assert_same(batch_losses(race, 9), batch_losses(untouched, 13)[4:], device)
    assert race.journal == ()


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_run_that_was_removed_goes_on_no_more_and_nobody_waits_for_it(device, clock):
    runs = RunConfig("a", 7, lr=0.01), RunConfig("b", 7, lr=0.01)
    race = race_of(small_problem(device), *runs, clock=clock, costs=(2.0**-10,) * 2)
    rows_of(race, 8)
    race.change(Removal(race.moment, "a"))
    assert rows_of(race, 20)["run"].tolist() == [1] * 20
    with pytest.raises(ConfigError, match="b is the last run; it cannot be removed"):
        race.change(Removal(race.moment, "b"))
    with pytest.raises(ConfigError, match="There is no run 'a'"):
        race.change(Fork(race.moment, "a", 0, {"name": "c"}))
    with pytest.raises(ConfigError, match="A run named a was removed"):
        race.change(Fork(race.moment, "b", 0, {"name": "a"}))


def test_a_tenth_run_is_refused(device):
    race = one_run(device)
    for number in range(2, 10):
        race.change(Fork(0, "run", 0, {"name": f"run {number}"}))
    with pytest.raises(ConfigError, match="1 to 9 runs, not 10"):
        race.change(Fork(0, "run", 0, {"name": "run 10"}))
    race.change(Removal(0, "run 5"))
    race.change(Fork(0, "run", 0, {"name": "run 10"}))


def test_an_experiment_whose_changes_cannot_be_is_refused_at_once(device):
    with pytest.raises(ConfigError, match="choose 1 to 45"):
        race_of(small_problem(device), RunConfig("run", 7), changes=(RunChange(9, "run", {"batch_size": 46}),))


def test_a_limit_in_epochs_counts_from_where_the_order_began_anew(device):
    race = race_of(small_problem(device), RunConfig("run", 5, lr=0.01), limit=Limit("epochs", 2.0), costs=(1.0,))
    rows_of(race, 9)
    race.change(RunChange(9, "run", {"batch_size": 9}))
    rows = rows_of(race, 99)
    assert rows["examples"][-1] == 2 * EXAMPLES
    assert rows["epoch"][-1] == 2.0
    assert math.isclose(rows["epoch"][0], 1.2)
