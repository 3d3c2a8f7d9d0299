"""One tanh neuron: a plateau."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.formula import DataView, Floats, Formula

_EXAMPLES, _REACH, _NOISE, _SEED = 200, 5.0, 0.7, 0
_TRUTH = Point(1.0, 0.0)


def _output(xp: Any, w: Any, b: Any, x: Any) -> Any:
    return xp.tanh(w * x + b)


def _data() -> tuple[Floats, Floats]:
    """Inputs and targets, shape (N,) each."""
    draw = np.random.default_rng(_SEED)
    x = draw.uniform(-_REACH, _REACH, _EXAMPLES)
    return x, _output(np, *_TRUTH, x) + _NOISE * draw.standard_normal(_EXAMPLES)


def _minimum(x: Floats, y: Floats) -> Point:
    """The best (w, b), by Gauss-Newton from the truth."""
    point = np.array(_TRUTH)
    for _ in range(50):
        fit = np.tanh(point[0] * x + point[1])
        jacobian = (1 - fit**2)[:, None] * np.stack([x, np.ones_like(x)], axis=1)
        point = point + np.linalg.lstsq(jacobian, y - fit, rcond=None)[0]
    return Point(*point.tolist())


@problem(
    "A saturated neuron sits on a plateau where the gradient is almost nothing: stochastic descent leaves it first, "
    "mini-batch later, batch last."
)
def neuron(_config: ProblemConfig) -> Formula:
    x, y = _data()
    return Formula(
        title="one neuron through 200 points: y = tanh(w·x + b)",
        note=f"made from w = {_TRUTH.x:g}, b = {_TRUTH.y:g}, noise σ {_NOISE:g}",
        parameters=("w", "b"),
        inputs=x,
        targets=y,
        output=_output,
        loss="mean_squared_error",
        start=Point(-1.5, 3.0),
        window=Window(-2.8, 6.2, -2.1, 5.2),
        lr=0.3,
        pace={"updates": 40, "examples": 200, "seconds": 0.008},
        comparable_axes=True,
        minima=(_minimum(x, y),),
        view=DataView("curve", "x", "y"),
    )
