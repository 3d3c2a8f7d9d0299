"""Rosenbrock's banana."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

_NOISE = 20.0


def _rosenbrock(_xp: Any, x: Any, y: Any) -> Any:
    """Rosenbrock, An automatic method for finding the greatest or least value of a function (1960)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@problem(
    "A curved, narrow valley: getting into it is quick, getting along it is not, and the noisier a descent, the higher "
    "above its floor it ends."
)
def rosenbrock(_config: ProblemConfig) -> Formula:
    return Formula(
        title="Rosenbrock's function",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=tilts(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_rosenbrock),
        loss="mean",
        start=Point(-1.2, 1.0),
        window=Window(-1.8, 1.8, -0.6, 2.1),
        lr=0.0015,
        pace={"updates": 100, "examples": 1000, "seconds": 0.02},
        comparable_axes=True,
        minima=(Point(1.0, 1.0),),
    )
