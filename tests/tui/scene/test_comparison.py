"""Who leads, and where: judged from the rows of the trace, run by run."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import RunConfig
from sim.protocol.trace import Status
from tests.tui.traces import Race, make_experiment, make_race, make_scene
from tui.scene.comparison import leader, leaders, reached, unmoved
from tui.scene.scene import Scene

EXPERIMENT = make_experiment()


def names(scene: Scene, clock: Clock) -> list[str]:
    """Who leads on a clock."""
    return [run.config.name for run in leaders(scene.runs, clock)]


def lowest(race: Race, clock: Clock, moment: int) -> list[str]:
    """The run that was lowest where all had come on a clock by a moment, if two had moved by then; row by row."""
    column = CLOCKS[clock].column
    so_far = [race.rows[(race.rows["run"] == run) & (race.rows["moment"] <= moment)] for run in range(3)]
    common = min(rows[column].max() for rows in so_far)
    by_then = [rows[rows[column] <= common] for rows in so_far]
    losses = {run: rows["loss"][-1] for run, rows in enumerate(by_then) if rows["update"][-1]}
    return [race.experiment.runs[min(losses, key=losses.__getitem__)].name] if len(losses) > 1 else []


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("raced_on", CLOCKS)
def test_the_leader_is_the_lowest_where_all_have_come(raced_on: Clock, clock: Clock) -> None:
    experiment = make_experiment(clock=raced_on)
    race = make_race(experiment, {"updates": 60, "examples": 600, "seconds": 0.008}[raced_on])
    end = int(race.rows["moment"].max())
    for moment in range(1, end, 7):
        found = names(make_scene(experiment, race, cursor=moment), clock)
        assert len(found) > 1 or found == lowest(race, clock, moment)


def test_who_leads_depends_on_what_is_counted() -> None:
    """After as many updates batch descent is lowest; after as many examples, a small batch is."""
    experiment = make_experiment(RunConfig("all", "all", lr=0.1), RunConfig("few", 4, lr=0.1))
    scene = make_scene(experiment, make_race(experiment, 30))
    assert [names(scene, clock) for clock in ("updates", "examples")] == [["all"], ["few"]]


def test_a_run_that_has_not_moved_by_then_leads_nowhere_however_bad_the_others_are() -> None:
    """By 20 examples, batch descent has not made its first update of 61; by 15, no mini-batch of 16 has."""
    race = make_race(EXPERIMENT, 20)
    race.rows["loss"][race.rows["update"] > 0] += 100 + race.rows["run"][race.rows["update"] > 0]
    scene = make_scene(EXPERIMENT, race)
    assert reached(scene.runs, "examples") == 20
    assert names(scene, "examples") == ["mini-batch"]
    assert [run.config.name for run in unmoved(scene.runs, "examples")] == ["batch"]
    early = make_scene(EXPERIMENT, race, cursor=15)
    assert names(early, "examples") == []
    assert [run.config.name for run in unmoved(early.runs, "examples")] == ["batch", "mini-batch"]
    assert names(make_scene(EXPERIMENT, race, cursor=0), "updates") == []


def test_runs_that_are_equal_lead_together() -> None:
    experiment = make_experiment(RunConfig("one", 16), RunConfig("twin", 16), RunConfig("far", "all", lr=0.01))
    scene = make_scene(experiment, make_race(experiment, 20))
    assert names(scene, "updates") == ["one", "twin"]
    assert leader(scene.runs, "updates") is None


def test_between_two_evaluations_the_loss_lies_on_a_straight_line() -> None:
    """Both fall alike; the one that is evaluated at update 10 only is as low at update 5 as the line is there."""
    experiment = make_experiment(RunConfig("a", 16), RunConfig("b", 32))
    race = make_race(experiment, 10)
    for run, losses in enumerate((np.linspace(3, 2, 11), np.linspace(3, 1.9, 11))):
        race.rows["loss"][race.rows["run"] == run] = losses
    between = (race.rows["run"] == 1) & (race.rows["update"] % 10 > 0)
    race.rows["loss"][between] = np.nan
    scene = make_scene(experiment, race)
    assert reached(scene.runs, "examples") == 160
    assert names(scene, "examples") == ["a"]  # 2.0 after 10 updates, against 2.45 after 5
    race.rows["loss"][(race.rows["run"] == 1) & (race.rows["update"] == 10)] = 0.5
    assert names(make_scene(experiment, race), "examples") == ["b"]  # 1.75 after 5


def test_what_was_not_evaluated_since_the_start_is_not_known() -> None:
    race = make_race(EXPERIMENT, 20)
    race.rows["loss"][(race.rows["run"] == 1) & (race.rows["update"] > 0)] = np.nan
    assert names(make_scene(EXPERIMENT, race), "updates") == []


def test_a_run_that_has_stopped_holds_up_nobody() -> None:
    experiment = make_experiment(RunConfig("calm", "all"), RunConfig("small", 16), RunConfig("hasty", 1, lr=1.4))
    race = make_race(experiment, 40)
    scene = make_scene(experiment, race)
    assert scene.runs[2].status is Status.DIVERGED
    assert reached(scene.runs, "update") == 40 > scene.runs[2].update
    assert names(scene, "updates")
    alone = make_experiment(RunConfig("hasty", 1, lr=1.4))
    assert names(make_scene(alone, make_race(alone, 40)), "updates") == []


def test_of_many_updates_those_with_extreme_batch_losses_are_found_and_of_few_all() -> None:
    run = make_scene(EXPERIMENT, make_race(EXPERIMENT, 60)).runs[0]
    assert run.extremes.tolist() == list(range(1, 61))
    many = np.zeros(20_001, run.recorded.dtype)
    many["batch_loss"] = np.random.default_rng(0).normal(size=len(many))
    many["batch_loss"][[1, 7000, 20_000]] = 9.0, np.inf, -9.0
    found = replace(run, recorded=many).extremes
    assert {1, 7000, 20_000} <= set(found.tolist())
    assert len(found) < len(many) / 4
    assert (np.diff(found) >= 0).all()
    widest = np.diff(np.r_[0, np.unique(found), len(many)]).max()
    assert widest <= 2 * -(-len(many) // 2048) + 1  # no stretch is without one
