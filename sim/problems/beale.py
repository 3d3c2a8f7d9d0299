"""Beale's function."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

_NOISE = 5.0


def _beale(_xp: Any, x: Any, y: Any) -> Any:
    """Beale, On an iterative method of finding a local minimum of a function of more than one variable (1958)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@problem(
    "A flat floor between steep walls: the rate that the walls bear is a crawl on the floor, and the noise of single "
    "examples is too much for it."
)
def beale(_config: ProblemConfig) -> Formula:
    return Formula(
        title="Beale's function",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=tilts(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_beale),
        loss="mean",
        start=Point(1.0, 1.5),
        window=Window(-0.3, 4.7, -1.4, 2.0),
        lr=0.01,
        pace={"updates": 30, "examples": 500, "seconds": 0.006},
        comparable_axes=True,
        minima=(Point(3.0, 0.5),),
    )
