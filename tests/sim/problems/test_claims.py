"""What the sentences about the problems promise, over twenty seeds of a plain loop with the default start and rate."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from benchmarks.promises import CLAIMS, Claim, Race, Trails, in_window, updates_watched
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.curvature import kind_of_point
from tests.sim.problems.oracle import descend, descend_all, hessian
from tests.sim.real_models import advanced, opened

SEEDS = range(20)


@cache
def race(name: str, lr: float | None = None) -> Race:
    """The first twenty seconds of a problem; all examples at once come to the same, whatever their order."""
    formula = build_formula(ProblemConfig(name))
    formula = formula if lr is None else replace(formula, lr=lr)
    sizes = {formula.examples: SEEDS[:1], 32: SEEDS, 1: SEEDS}
    updates = updates_watched(formula)
    return Race(
        formula, *(Trails(formula, descend_all(formula, size, updates, seeds)) for size, seeds in sizes.items())
    )


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.problem}: {claim.words}")
def test_sentences_hold_for_the_share_of_seeds_they_promise(claim: Claim) -> None:
    least, most = claim.share
    assert least <= claim.holds(race(claim.problem, claim.lr)).mean() <= most


def test_every_sentence_promises_something() -> None:
    promised = {claim.problem for claim in CLAIMS}
    assert promised == set(registry()), "say what its sentence promises in CLAIMS of benchmarks/promises.py"


@pytest.mark.parametrize("name", registry())
def test_the_window_holds_the_trails(name: str) -> None:
    assert in_window(race(name)).all(), "have its window, rate and pace so that all trails of 20 seconds are in it"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("linear", "minimum"),
        ("sine", "local minimum"),
        ("saddle", "saddle"),
        ("himmelblau", "minimum"),
        ("beale", "slope"),
        ("rastrigin", "local minimum"),
    ],
)
def test_where_batch_descent_stands_then(name: str, kind: str) -> None:
    known = race(name)
    assert kind_of_point(known.formula, known.batch.points[-1, 0]) == kind


@pytest.mark.parametrize("size", [200, 32, 1])
def test_many_seeds_at_once_go_where_each_one_goes(size: int) -> None:
    formula = build_formula(ProblemConfig("sine"))
    together = descend_all(formula, size, 60, [3, 5])
    np.testing.assert_allclose(together[:, 1], descend(formula, size, 60, seed=5), rtol=0, atol=1e-9)


def test_batch_descent_stays_on_the_ridge_for_ever() -> None:
    formula = build_formula(ProblemConfig("saddle"))
    inputs, generator = torch.as_tensor(formula.inputs), torch.Generator().manual_seed(0)
    x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in formula.start)
    off = 0
    for _ in range(2000):
        order = torch.randperm(len(inputs), generator=generator)
        slopes = torch.autograd.grad(formula.output(torch, x, y, inputs[order]).mean(), (x, y))
        x, y = (
            (value.detach() - formula.lr * slope).requires_grad_() for value, slope in zip((x, y), slopes, strict=True)
        )
        off += y.item() != 0
    assert off == 0
    assert abs(x.item()) < 1e-30


def test_the_engine_stays_on_the_ridge_too(device: str) -> None:
    runs = (RunConfig("batch", "all"), RunConfig("adam", "all", optimizer="adam"))
    engine, _ = opened(Experiment(ProblemConfig("saddle"), runs, seed=7, device=device))
    answer = advanced(engine, 300)
    assert len(answer.rows) == 600
    for trail in answer.plane.trails:
        assert len(trail.updates) == 300
        assert (trail.xy[:, 1] == 0).all()


def test_the_logistic_loss_is_a_bowl() -> None:
    formula = build_formula(ProblemConfig("logistic"))
    left, right, bottom, top = formula.window
    for x in np.linspace(left, right, 5):
        for y in np.linspace(bottom, top, 5):
            assert torch.linalg.eigvalsh(hessian(formula, (x, y)))[0] > 0
