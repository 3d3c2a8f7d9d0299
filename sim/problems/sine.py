"""A sine wave fitted to points: many minima."""

import math
from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.formula import DataView, Floats, Formula

_EXAMPLES, _NOISE, _SEED = 200, 0.15, 0
_TRUTH = Point(1.5, 0.0)


def _output(xp: Any, w: Any, b: Any, x: Any) -> Any:
    return xp.sin(w * x + b)


def _data() -> tuple[Floats, Floats]:
    """Inputs and targets, shape (N,) each."""
    draw = np.random.default_rng(_SEED)
    x = draw.uniform(-math.pi, math.pi, _EXAMPLES)
    return x, _output(np, *_TRUTH, x) + _NOISE * draw.standard_normal(_EXAMPLES)


def _minimum(x: Floats, y: Floats) -> Floats:
    """The best (w, b), shape (2,), by Gauss-Newton from the truth."""
    point = np.array(_TRUTH)
    for _ in range(20):
        phase = point[0] * x + point[1]
        jacobian = np.cos(phase)[:, None] * np.stack([x, np.ones_like(x)], axis=1)
        point = point + np.linalg.lstsq(jacobian, y - np.sin(phase), rcond=None)[0]
    return point


@problem(
    "A wave has wrong fits, too: batch and mini-batch descent are stuck in the first they meet, a stochastic one "
    "shakes itself loose."
)
def sine(_config: ProblemConfig) -> Formula:
    x, y = _data()
    w, b = _minimum(x, y).tolist()
    turn = 2 * math.pi
    return Formula(
        title="a sine wave through 200 points: y = sin(w·x + b)",
        note=f"made from w = {_TRUTH.x:g}, b = {_TRUTH.y:g}, noise σ {_NOISE:g}",
        parameters=("w", "b"),
        inputs=x,
        targets=y,
        output=_output,
        loss="mean_squared_error",
        start=Point(-0.9, -0.9),
        window=Window(-3.7, 2.7, -3.8, 1.7),
        lr=0.12,
        pace={"updates": 20, "examples": 100, "seconds": 0.004},
        comparable_axes=True,
        # sin(w·x + b) = sin(−w·x + π − b), and whole turns of b change nothing
        minima=(Point(w, b), Point(-w, math.pi - b), Point(-w, -math.pi - b), Point(w, b + turn), Point(w, b - turn)),
        view=DataView("curve", "x", "y"),
    )
