"""Second derivatives against closed forms and torch.autograd.functional."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sim.experiment.config import ProblemConfig
from sim.views.curvature import hessian
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula, registry
from sim.problems.formula import Formula
from tests.sim.views.test_landscape import everything
from tests.sim.problems.oracle import mean_loss, place
from tests.sim.real_models import own_file, problem_of

PLACES = [(0.3, -0.7), (-1.4, 2.2), (2.5, 0.1)]
WEIGHED = """
    import torch
    from torch import nn

    def model():
        return nn.Sequential(nn.BatchNorm1d(1, affine=False), nn.Linear(1, 1))

    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))

    def data():
        x = torch.linspace(-1, 2, 90)[:, None]
        return x, (torch.sin(5 * x) > 0).float()
"""


def made(name: str, device: str) -> tuple[Formula, Problem]:
    """A problem at its defaults."""
    formula = build_formula(ProblemConfig(name))
    return formula, formula_problem(formula, formula.start, torch.device(device))


@pytest.mark.parametrize("name", registry())
def test_it_is_that_of_autograd(name: str, device: str) -> None:
    formula, problem = made(name, device)
    for point in (*PLACES, formula.start):
        expected = torch.autograd.functional.hessian(lambda at: mean_loss(formula, at), place(point))
        found = hessian(problem, problem.model, point)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


CLOSED = {
    "saddle": lambda x, y: [[2 * y * y, 4 * x * y - 2], [4 * x * y - 2, 2 * x * x]],
    "rosenbrock": lambda x, y: [[1200 * x * x - 400 * y + 2, -400 * x], [-400 * x, 200]],
    "himmelblau": lambda x, y: [
        [12 * x * x + 4 * y - 42, 4 * (x + y)],
        [4 * (x + y), 12 * y * y + 4 * x - 26],
    ],
    "rastrigin": lambda x, y: np.diag([2 + 40 * np.pi**2 * np.cos(2 * np.pi * t) for t in (x, y)]),
}


@pytest.mark.parametrize("name", CLOSED)
def test_it_is_that_of_the_classic_functions(name: str, device: str) -> None:
    _, problem = made(name, device)
    for point in PLACES:
        np.testing.assert_allclose(hessian(problem, problem.model, point), CLOSED[name](*point), rtol=1e-9, atol=1e-9)


def test_that_of_a_line_is_the_same_everywhere(device: str) -> None:
    formula, problem = made("linear", device)
    design = np.stack([formula.inputs, np.ones(formula.examples)], axis=1)
    for point in PLACES:
        found = hessian(problem, problem.model, point)
        np.testing.assert_allclose(found, 2 * design.T @ design / formula.examples, rtol=1e-12)


def weighed(tmp_path: Path, device: str) -> Problem:
    """A model of the user's own, of two parameters and a buffer of float32, as it is after some training."""
    problem = problem_of(device, model=own_file(tmp_path, WEIGHED), test_fraction=0.0)
    with torch.no_grad():
        problem.model.train()(problem.batch(torch.arange(30))[0])
    return problem


def test_a_model_of_single_precision_is_taken_in_double(tmp_path: Path, device: str) -> None:
    problem = weighed(tmp_path, device)
    normalised, line = problem.model
    inputs, targets = (part.double().cpu() for part in problem.batch(torch.arange(90)))
    middle, spread = normalised.running_mean.double().cpu(), normalised.running_var.double().cpu()
    inputs = (inputs - middle) / (spread + normalised.eps).sqrt()

    def loss(at: Tensor) -> Tensor:
        weight = torch.tensor([3.0], dtype=torch.float64)
        output = at[0] * inputs + at[1]
        return torch.nn.functional.binary_cross_entropy_with_logits(output, targets, pos_weight=weight)

    expected = torch.autograd.functional.hessian(loss, place((0.4, -0.2)))
    for chunk_size in (64, 7):
        problem.__dict__["chunk_size"] = chunk_size
        problem.__dict__.pop("training", None)
        found = hessian(problem, problem.model, (0.4, -0.2))
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert line.weight.dtype == torch.float32


def test_looking_changes_nothing(tmp_path: Path, device: str) -> None:
    problem = weighed(tmp_path, device)
    problem.model(problem.batch(torch.arange(32))[0]).sum().backward()
    before, modes = everything(problem, problem.model)
    hessian(problem, problem.model, (0.4, -0.2))
    after, modes_after = everything(problem, problem.model)
    assert modes_after == modes
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
