"""Rastrigin's function."""

from typing import Any

import numpy as np

from sim.experiment.config import ProblemConfig
from sim.experiment.geometry import Point, Window
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, whitened
from sim.problems.formula import Formula

_NOISE = 100.0


def _rastrigin(xp: Any, x: Any, y: Any) -> Any:
    """Rastrigin, Systems of Extremal Control (1974), in two dimensions with A = 10."""
    turn = 2 * np.pi
    return 20 + x**2 - 10 * xp.cos(turn * x) + y**2 - 10 * xp.cos(turn * y)


@problem("An egg box: batch descent falls into the nearest hole, noise climbs out of it and into deeper ones.")
def rastrigin(_config: ProblemConfig) -> Formula:
    return Formula(
        title="Rastrigin's function",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=whitened(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_rastrigin),
        loss="mean",
        start=Point(2.3, -1.7),
        window=Window(-3.3, 3.7, -3.3, 2.0),
        lr=0.002,
        pace={"updates": 40, "examples": 100, "seconds": 0.008},
        minima=(Point(0.0, 0.0),),
    )
