"""Two wells and the saddle between them."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

_NOISE = 0.3


def _saddle(_xp: Any, x: Any, y: Any) -> Any:
    return x**2 + (1 - y**2) ** 2 / 2


@problem(
    "A saddle at the end of a ridge: batch descent walks the ridge into it and stays; noise falls off either side, "
    "stochastic descent first, mini-batch later."
)
def saddle(_config: ProblemConfig) -> Formula:
    return Formula(
        title="two wells and a saddle: x² + (1 − y²)²/2",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=tilts(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_saddle),
        loss="mean",
        start=Point(-1.5, 0.0),  # on the ridge, where the slope across it is exactly 0 in any arithmetic
        window=Window(-1.9, 0.9, -1.4, 1.4),
        lr=0.02,
        pace={"updates": 25, "examples": 512, "seconds": 0.005},
        comparable_axes=True,
        minima=(Point(0.0, 1.0), Point(0.0, -1.0)),
        saddle=Point(0.0, 0.0),
    )
