"""Rastrigin's function."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

_RIPPLE = 0.65  # A; 10 is usual, but noise that leaves holes so deep favours none of them
_NOISE = 13.0


def _rastrigin(xp: Any, x: Any, y: Any) -> Any:
    """Rastrigin, Systems of Extremal Control (1974), in two dimensions, with a small A."""
    turn = 2 * np.pi
    return 2 * _RIPPLE + x**2 - _RIPPLE * xp.cos(turn * x) + y**2 - _RIPPLE * xp.cos(turn * y)


@problem(
    "An egg box: batch descent is caught in the nearest hole, a mini-batch gets through to a deeper one and stays, "
    "stochastic descent roams about them all."
)
def rastrigin(_config: ProblemConfig) -> Formula:
    return Formula(
        title="Rastrigin's function",
        note=f"ripples of A = {_RIPPLE:g}; each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=tilts(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_rastrigin),
        loss="mean",
        start=Point(2.3, -1.7),
        window=Window(-4.5, 4.5, -4.8, 5.8),
        lr=0.03,
        pace={"updates": 40, "examples": 100, "seconds": 0.008},
        comparable_axes=True,
        minima=(Point(0.0, 0.0),),
    )
