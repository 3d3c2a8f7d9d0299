"""Gradient, Hessian and kind of a point against torch's autograd and closed forms."""

import numpy as np
import pytest
import torch

from sim.experiment.geometry import Point
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.curvature import gradient, hessian, kind_of_point, losses
from sim.problems.formula import Formula
from tests.sim.problems import oracle

POINTS = [(0.3, -0.7), (-1.4, 2.2), (2.5, 0.1), (30.0, -20.0)]


def default(name: str) -> Formula:
    return build_formula(ProblemConfig(name))


@pytest.mark.parametrize("name", registry())
def test_derivatives_are_those_of_autograd(name: str) -> None:
    formula = default(name)
    for point in (*POINTS, formula.start):
        at = oracle.tensor(point, requires_grad=True)
        loss = oracle.mean_loss(formula, at)
        (slope,) = torch.autograd.grad(loss, at)
        np.testing.assert_allclose(losses(formula, point).mean(), loss.item(), rtol=1e-12)
        np.testing.assert_allclose(gradient(formula, point), slope, rtol=1e-12, atol=1e-13 * float(slope.norm()))
        expected = oracle.hessian(formula, point).numpy()
        np.testing.assert_allclose(hessian(formula, point), expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_the_hessian_is_that_of_the_closed_form() -> None:
    x, y = 0.7, -0.4
    rosenbrock = [[1200 * x**2 - 400 * y + 2, -400 * x], [-400 * x, 200]]
    np.testing.assert_allclose(hessian(default("rosenbrock"), (x, y)), rosenbrock, atol=1e-5)
    himmelblau = [[12 * x**2 + 4 * y - 42, 4 * (x + y)], [4 * (x + y), 12 * y**2 + 4 * x - 26]]
    np.testing.assert_allclose(hessian(default("himmelblau"), (x, y)), himmelblau, atol=1e-6)
    np.testing.assert_allclose(hessian(default("saddle"), (x, y)), [[2, 0], [0, 6 * y**2 - 2]], atol=1e-7)
    ripples = [2 + 0.65 * (2 * np.pi) ** 2 * np.cos(2 * np.pi * t) for t in (x, y)]
    np.testing.assert_allclose(hessian(default("rastrigin"), (x, y)), np.diag(ripples), atol=1e-6)


@pytest.mark.parametrize("name", registry())
def test_known_minima_are_minima(name: str) -> None:
    formula = default(name)
    assert {kind_of_point(formula, minimum) for minimum in formula.minima} == {"minimum"}
    nearby = np.array(formula.minima[0]) * (1 + 1e-4)
    assert kind_of_point(formula, nearby) == "minimum"
    assert kind_of_point(formula, formula.start) == "slope"


@pytest.mark.parametrize(
    ("name", "point", "kind"),
    [
        ("saddle", (0.0, 0.0), "saddle"),
        ("saddle", (-1e-3, 0.0), "saddle"),
        ("saddle", (-0.5, 0.0), "slope"),
        # of Himmelblau's function: https://en.wikipedia.org/wiki/Himmelblau%27s_function
        ("himmelblau", (-0.270845, -0.923039), "maximum"),
        ("himmelblau", (0.086678, 2.884255), "saddle"),
        ("himmelblau", (3.385154, 0.073852), "saddle"),
        ("beale", (0.0, 1.0), "saddle"),
        ("rosenbrock", (-0.5, 0.25), "slope"),
        ("rastrigin", (1.823, -1.823), "local minimum"),
        ("rastrigin", (0.912, 0.0), "local minimum"),
        ("rastrigin", (0.4824, 0.0), "saddle"),
        ("rastrigin", (0.4824, 0.4824), "maximum"),
        ("sine", (-0.095, -0.02), "local minimum"),
        ("neuron", (-0.5, 3.2), "plateau"),
        ("neuron", (0.0, 8.0), "plateau"),
        ("neuron", (0.0, 400.0), "plateau"),
        ("neuron", (np.nan, 0.0), "slope"),
    ],
)
def test_kinds_of_points(name: str, point: tuple[float, float], kind: str) -> None:
    assert kind_of_point(default(name), point) == kind


def test_the_kind_changes_as_batch_descent_leaves_the_plateau() -> None:
    neuron = default("neuron")
    way = oracle.descend_all(neuron, neuron.examples, 1000, [0])[:, 0]
    assert [kind_of_point(neuron, way[update]) for update in (50, 400, 600, 1000)] == [
        "plateau",
        "plateau",
        "slope",
        "minimum",
    ]


def test_a_floor_of_minima_is_one_and_what_has_none_flattens_out() -> None:
    floor = Formula(
        title="",
        note="",
        parameters=("a", "b"),
        inputs=np.ones(4),
        targets=np.ones(4),
        output=lambda _xp, a, b, x: a * b * x,
        loss="mean_squared_error",
        start=Point(2.0, 2.0),
        window=build_formula(ProblemConfig("himmelblau")).window,
        lr=0.1,
        pace={},
    )
    assert kind_of_point(floor, (2.0, 0.5)) == "minimum"
    assert kind_of_point(floor, (0.0, 0.0)) == "saddle"


@pytest.mark.parametrize("name", registry())
def test_losses_at_many_points_are_those_at_each(name: str) -> None:
    formula = default(name)
    x, y = np.array(POINTS).T
    together = losses(formula, (x[:, None], y[:, None]))
    assert together.shape == (len(POINTS), formula.examples)
    for found, point in zip(together, POINTS, strict=True):
        np.testing.assert_allclose(found.mean(), oracle.mean_loss(formula, oracle.tensor(point)).item(), rtol=1e-12)
