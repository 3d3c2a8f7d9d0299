"""Runs that are made from many seeds, held against loops over these seeds. What holds of any stepper is in
test_descent.py."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.descent import ensemble_stepper
from sim.descent.backends import steppers_of
from sim.descent.course import Course
from sim.experiment.config import Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Fork, RunChange
from sim.models.evaluation import passes
from sim.models.problem import formula_problem
from sim.protocol.trace import BANDS, Status
from tests.sim.conftest import line_formula
from tests.sim.descent.test_descent import plain_loop
from tests.sim.one_run import OneRun, race_of, resolved, rows_of

CPU = torch.device("cpu")
SEEDS = range(3, 14)
SHARES = (0.1, 0.5, 0.9)

RUNS = {
    "stochastic": RunConfig("run", 1, lr=0.1),
    "mini-batch, seldom evaluated": RunConfig("run", 7, lr=0.1, loss_every=4, drop_last=True),
    "batch": RunConfig("run", "all", lr=0.3),
    "adam by a schedule": RunConfig("run", 7, lr=0.1, optimizer="adam", schedule="cosine", schedule_updates=30),
    "momentum with replacement": RunConfig("run", 7, lr=0.02, momentum=0.9, sampling="replacement"),
    "some diverge": RunConfig("run", 2, lr=1.0, loss_every=2),
}


@pytest.fixture(scope="module")
def line():
    formula = line_formula()
    return formula_problem(formula, formula.start, CPU)


def ensemble_of(problem, run, updates, seeds=SEEDS, pieces=1, **fields):
    """What an ensemble makes, in so many pieces: its last state, and its columns."""
    experiment = resolved(problem, run, seed=seeds[0], seeds=len(seeds), **fields)
    _, make, _ = steppers_of(problem, experiment, "auto")
    stepper = make(Course(experiment.runs[0], 0, experiment))
    state, blocks = stepper.start(passes(problem, problem.model)), []
    for _ in range(pieces):
        state, block = stepper.advance(state, updates // pieces)
        blocks.append(block)
    return state, ensemble_stepper.joined(blocks)


def padded(column, made, updates):
    """What the ensemble is to count of one seed: infinite from where it diverged."""
    if made["status"][-1] == Status.DIVERGED:
        return np.append(column[:-1], np.full(updates + 1 - len(column), math.inf))
    return column


@pytest.mark.parametrize("name", RUNS)
def test_bands_and_members_are_those_of_a_loop_over_the_seeds(line, name, monkeypatch):
    monkeypatch.setattr(ensemble_stepper, "_WORTH_THREADS", 0)
    run, updates = RUNS[name], 60
    state, block = ensemble_of(line, run, updates, pieces=3)
    alone = [OneRun(line, run, seed=seed, backend="compiled") for seed in SEEDS]
    made = [one.advance(updates) for one in alone]
    assert np.array_equal(state.ensemble.points, [one.vector.numpy() for one in alone], equal_nan=True)
    assert state.ensemble.statuses.tolist() == [one.status for one in alone]
    assert ("diverge" in name) == (0 < sum(one.status is Status.DIVERGED for one in alone) < len(SEEDS))
    for measure, (low, high) in BANDS.items():
        each = np.array([padded(one[measure], one, updates) for one in made])
        evaluated = np.isfinite(each).any(axis=0)
        with np.errstate(invalid="ignore"):
            expected = np.quantile(each, SHARES, axis=0)
        finite = evaluated & np.isfinite(expected).all(axis=0)
        for share, column in enumerate((low, measure, high)):
            assert block.measures[column][finite].tolist() == expected[share][finite].tolist(), column
            assert np.isinf(block.measures[column][evaluated & np.isinf(each).all(axis=0)]).all()
            assert np.isnan(block.measures[column][~evaluated]).all()
    going = next(one for one in made if len(one) == updates)
    np.testing.assert_array_equal(block.measures["lr"], going["lr"])


def test_the_median_is_that_of_plain_loops_of_torch(line):
    _, block = ensemble_of(line, RUNS["mini-batch, seldom evaluated"], 40)
    losses = [
        plain_loop(line, 7, 40, lambda p: torch.optim.SGD(p, 0.1), seed=seed, drop_last=True)[1] for seed in SEEDS
    ]
    np.testing.assert_allclose(block.measures["batch_loss"], np.median(losses, axis=0), rtol=1e-9)


def test_a_run_goes_on_as_long_as_one_member_does_and_its_trail_is_the_first_one_s(line):
    run, first = RUNS["some diverge"], 3  # a seed that diverges before the others
    seeds = range(first, first + 8)
    alone = [OneRun(line, run, seed=seed, backend="compiled").advance(300) for seed in seeds]
    assert min(map(len, alone)) == len(alone[0]) < 300
    _, block = ensemble_of(line, run, 300, seeds)
    assert len(block) == max(map(len, alone))
    stopped = len(alone[0]) - 1
    assert block.status[: stopped + 1].tolist() == [*alone[0]["status"][:stopped], Status.RUNNING]
    path = np.stack([alone[0]["x"], alone[0]["y"]], axis=1)
    np.testing.assert_array_equal(block.snapshots.numpy()[:stopped], path[:stopped])
    np.testing.assert_array_equal(block.snapshots.numpy()[stopped:], np.tile(path[-1], (len(block) - stopped, 1)))


def test_where_all_diverge_the_run_has(line):
    state, block = ensemble_of(line, RunConfig("run", 7, lr=50.0), 1000)
    assert state.status is Status.DIVERGED
    assert block.status.tolist() == [*[Status.RUNNING] * (len(block) - 1), Status.DIVERGED]
    assert set(state.ensemble.statuses) == {Status.DIVERGED}


def test_members_are_changed_and_forked_as_single_runs_are(line):
    run = RunConfig("run", 7, lr=0.1, schedule="cosine", schedule_updates=60)
    settings = (
        {"batch_size": 3},
        {"momentum": 0.9},
        {"optimizer": "adam", "momentum": 0.0},
        {"sampling": "replacement"},
    )
    changes = [RunChange(10 * number, "run", one) for number, one in enumerate(settings, start=1)]
    changes.append(Fork(45, "run", 17, {"name": "fork", "optimizer": "rmsprop"}))
    together = race_of(line, run, seed=3, seeds=4, changes=tuple(changes))
    rows_of(together, 60)
    for member in range(4):
        alone = race_of(line, run, seed=3 + member, changes=tuple(changes), backend="compiled")
        rows_of(alone, 60)
        assert together.updates == alone.updates == [45, 32]
        for ensemble, head in zip(together.members, alone.heads, strict=True):
            assert ensemble.points[member].tolist() == head.tolist()


def test_a_race_of_ensembles_reports_medians_and_extremes_of_the_bands_survive(line):
    race = race_of(line, RUNS["stochastic"], seed=SEEDS[0], seeds=len(SEEDS), limit=Limit("updates", 60))
    start, rows = race.start(), rows_of(race, 60)
    assert start.dtype == rows.dtype
    assert start["loss"] == start["loss_low"] == start["loss_high"] > 0
    _, block = ensemble_of(line, RUNS["stochastic"], 60)
    for name in {name for edges in BANDS.items() for name in (edges[0], *edges[1])}:
        assert rows[name].tolist() == block.measures[name].tolist()


def test_updates_that_are_made_again_have_the_same_bands(line):
    race = race_of(line, RUNS["adam by a schedule"], seed=SEEDS[0], seeds=len(SEEDS))
    rows = rows_of(race, 60)
    again = np.concatenate([made[0] for made in race.again(0, 20, 40) if made is not None])
    known = ("update", "status", "lr", *BANDS, *(edge for edges in BANDS.values() for edge in edges))
    assert again[list(known)].tolist() == rows[19:40][list(known)].tolist()


def test_what_cannot_be_compiled_cannot_have_many_seeds():
    formula = replace(line_formula(), output=lambda xp, a, b, x: xp.fast_fourier_transform(a * x + b))
    problem = formula_problem(formula, formula.start, CPU)
    with pytest.raises(ConfigError, match=r"fast_fourier_transform.*leave out --seeds"):
        steppers_of(problem, resolved(problem, RunConfig("run", 7), seeds=2), "auto")
