"""What is said of runs that have come to rest."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from sim.problems.curvature import Kind
from sim.protocol.trace import Status
from tests.tui.traces import make_experiment, make_race, make_scene
from tui.scene.narrate import narrate

WIDTH = 118


def resting(*kinds: Kind | None, playing: bool = True) -> str:
    """What is said where the first runs have next to no gradient, at points of such kinds."""
    scene = make_scene(make_experiment(), make_race(make_experiment(), 40), playing=playing)
    seen = [run.seen.copy() for run in scene.runs[: len(kinds)]]
    for rows in seen:
        rows["status"][-1] = Status.CONVERGED
    still = [replace(run, seen=rows, kind=kind) for run, rows, kind in zip(scene.runs, seen, kinds, strict=False)]
    return narrate(replace(scene, runs=(*still, *scene.runs[len(kinds) :])), WIDTH)


def test_where_a_run_has_come_to_rest_and_why_others_go_on() -> None:
    zero = "the gradients of all examples add up to zero"
    assert resting("minimum") == (
        f"batch rests at a minimum: there {zero}. Those of a part of them do not, so mini-batch and stochastic go on."
    )
    assert (
        resting("minimum", "minimum", "minimum") == f"batch, mini-batch and stochastic rest at a minimum: there {zero}."
    )
    assert resting("saddle") == f"batch rests at a saddle: {zero} there, and only noise leads away."
    assert resting("minimum", "local minimum") == (
        f"mini-batch rests in a local minimum: {zero} there, and only noise leads out."
    )
    assert resting(None) == resting(), "where there is no formula, nobody knows what it has come to"


@pytest.mark.filterwarnings("error")
def test_far_beyond_all_data_a_neuron_rests_on_a_plateau() -> None:
    """Where its tanh is flat, however large the parameters are."""
    race = make_race(make_experiment(), 3)
    rows = race.rows.copy()
    rows["status"][rows["update"] > 0] = Status.CONVERGED
    far_off = replace(race, rows=rows, points=tuple(np.full_like(points, 1e308) for points in race.points))
    scene = make_scene(make_experiment(), far_off, card=card_of(ProblemConfig("neuron")))
    assert {run.status_words for run in scene.runs} == {"on a plateau"}
