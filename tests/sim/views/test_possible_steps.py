"""Possible steps against torch.optim, and how far they are spread against batches drawn at random."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sim.experiment.config import RunConfig
from sim.experiment.problem import ProblemConfig
from sim.models.evaluation import full_gradient
from sim.models.flat import Layout
from sim.models.problem import Problem, formula_problem
from sim.models.sources import evenly
from sim.problems import build_formula
from sim.protocol.cloud import batch_covariance, covariance_of, what_it_shows
from sim.views.cloud import Update, cloud, possible_steps
from sim.views.planes import random_plane
from tests.sim.models.test_own_modules import HEAD
from tests.sim.real_models import own_file, problem_of
from tests.sim.views.test_cloud import OTHERS, two_directions

PLAIN = RunConfig("run", 8, lr=0.1)
DRAWN = 4000


# -- steps ------------------------------------------------------------------------------------------------------------


def step_of(problem: Problem, module: nn.Module, directions: Tensor, rate: float, batch: Tensor) -> np.ndarray:
    """Where torch.optim.SGD goes with a batch, in eval mode, seen on the plane: shape (2,)."""
    moved = copy.deepcopy(module).eval()
    layout = Layout.of(moved.parameters())
    before = layout.join(list(moved.parameters())).detach().clone()
    inputs, targets = problem.batch(batch)
    optimizer = torch.optim.SGD(moved.parameters(), rate)
    optimizer.zero_grad()
    problem.loss(moved(inputs), targets).backward()
    optimizer.step()
    away = layout.join(list(moved.parameters())).detach() - before
    basis = directions.double().numpy().T
    return np.linalg.lstsq(basis, away.double().cpu().numpy(), rcond=None)[0]


def gradient_of(problem: Problem, batch: Tensor) -> Tensor:
    """The gradient of a batch's loss, in eval mode."""
    few = replace(problem, train=batch if problem.train is None else problem.train[batch])
    return full_gradient(few, problem.model)


def line() -> tuple[Problem, Tensor]:
    """The default problem, and its plane."""
    formula = build_formula(ProblemConfig())
    return formula_problem(formula, formula.start, torch.device("cpu")), torch.eye(2)


def mlp() -> tuple[Problem, Tensor]:
    """A model, and a plane whose directions are not orthonormal."""
    problem = problem_of("cpu", dataset="wine", hidden=(5,))
    return problem, random_plane(problem.model, 0).basis


@pytest.mark.parametrize("made", [line, mlp])
def test_steps_lead_where_sgd_goes_with_each_example(made) -> None:
    problem, directions = made()
    batch, everyone = torch.tensor([3, 17, 40]), torch.arange(problem.examples)
    own, full = gradient_of(problem, batch), full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.25, len(batch)), batch, own, full)
    expected = [step_of(problem, problem.model, directions, 0.25, one) for one in torch.split(everyone, 1)]
    np.testing.assert_allclose(seen.steps, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.own, step_of(problem, problem.model, directions, 0.25, batch), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.full, step_of(problem, problem.model, directions, 0.25, everyone), rtol=1e-3)
    np.testing.assert_allclose(seen.full, seen.steps.mean(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.own, seen.steps[seen.used].mean(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.covariance, np.cov(seen.steps.T, bias=True), rtol=1e-9)
    assert seen.examples[seen.used].tolist() == batch.tolist()
    assert (seen.sampled, seen.total, seen.batch_size) == (problem.examples, problem.examples, 3)


def test_a_sample_stands_for_all_and_the_batch_comes_on_top() -> None:
    problem, directions = line()
    batch = torch.tensor([441, 441, 3, 0])
    own, full = gradient_of(problem, batch), full_gradient(problem, problem.model)
    run = replace(PLAIN, sampling="replacement")
    whole = possible_steps(problem, problem.model, directions, Update.of(run, 0.25, len(batch)), batch, own, full)
    some = possible_steps(
        problem, problem.model, directions, Update.of(run, 0.25, len(batch)), batch, own, full, most=300
    )
    assert some.sampled == 300
    assert some.examples.tolist() == [*evenly(problem.examples, 300).tolist(), 3, 441]
    np.testing.assert_allclose(some.steps, whole.steps[some.examples])
    assert sorted(some.examples[some.used]) == [0, 3, 441]
    assert (some.full, some.total, some.batch_size) == (whole.full, 442, 4)
    assert whole.replacement
    np.testing.assert_allclose(some.covariance, np.cov(some.steps[:300].T) * 441 / 442)
    np.testing.assert_allclose(some.covariance, whole.covariance, rtol=0.15)


def test_class_weights_move_the_full_step_off_the_mean_of_the_single_ones(tmp_path: Path) -> None:
    problem = problem_of("cpu", model=own_file(tmp_path, HEAD + OTHERS["class weights"]), test_fraction=0.0)
    directions = two_directions(problem)
    batch = torch.arange(60)
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.5, len(batch)), batch, full, full)
    np.testing.assert_allclose(seen.full, step_of(problem, problem.model, directions, 0.5, batch), rtol=1e-4)
    assert np.linalg.norm(seen.full - seen.steps.mean(axis=0)) > 0.1 * np.linalg.norm(seen.full)


def test_a_run_that_diverged_has_a_cloud_of_no_numbers() -> None:
    problem, directions = mlp()
    nn.utils.vector_to_parameters(torch.full((directions.shape[1],), 1e38), problem.model.parameters())
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.25, 8), torch.arange(8), full, full)
    assert not np.isfinite(seen.steps).all()
    assert not np.isfinite(seen.covariance).all()


@pytest.mark.parametrize(
    ("run", "plain"),
    [
        (PLAIN, True),
        (replace(PLAIN, momentum=0.9), False),
        (replace(PLAIN, optimizer="adam"), False),
        (replace(PLAIN, optimizer="rmsprop"), False),
    ],
)
def test_optimizers_of_their_own_steps_are_said_to_be_so(run: RunConfig, plain: bool) -> None:
    problem, directions = line()
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(run, 0.25, 442), torch.arange(442), full, full)
    assert seen.plain == plain
    assert ("gradient times the rate" in what_it_shows(seen)) != plain


# -- the spread -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, 32, 221, 441])
def test_the_covariance_is_that_of_batches_drawn_at_random(batch_size: int, replacement: bool) -> None:
    problem, directions = line()
    slopes = cloud(problem, problem.model, directions, torch.arange(442)).along
    generator = torch.Generator().manual_seed(batch_size)
    means = torch.stack(
        [
            slopes[
                torch.randint(442, (batch_size,), generator=generator)
                if replacement
                else torch.randperm(442, generator=generator)[:batch_size]
            ].mean(dim=0)
            for _ in range(DRAWN)
        ]
    )
    off = means - slopes.mean(dim=0)
    products = (off[:, :, None] * off[:, None, :]).numpy()
    found = batch_covariance(np.cov(slopes.T, bias=True), batch_size, 442, replacement=replacement)
    error = products.std(axis=0) / DRAWN**0.5
    assert (np.abs(products.mean(axis=0) - found) < 4 * error).all()


def test_a_batch_of_all_has_no_spread_unless_examples_repeat() -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    np.testing.assert_array_equal(batch_covariance(covariance, 20, 20, replacement=False), np.zeros((2, 2)))
    np.testing.assert_allclose(batch_covariance(covariance, 20, 20, replacement=True), covariance / 20)
    np.testing.assert_allclose(batch_covariance(covariance, 1, 20, replacement=False), covariance)


@pytest.mark.filterwarnings("error")
def test_from_a_single_example_nothing_follows() -> None:
    assert np.isnan(covariance_of(np.ones((1, 2)), 20)).all()
