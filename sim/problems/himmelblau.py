"""Himmelblau's function."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

_NOISE = 30.0


def _himmelblau(_xp: Any, x: Any, y: Any) -> Any:
    """Himmelblau, Applied Nonlinear Programming (1972)."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@problem(
    "Four equally deep valleys: from a hill between them batch descent always finds the same one; for the others noise "
    "decides."
)
def himmelblau(_config: ProblemConfig) -> Formula:
    return Formula(
        title="Himmelblau's function",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("x", "y"),
        inputs=tilts(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_himmelblau),
        loss="mean",
        start=Point(-0.3, -0.75),
        window=Window(-5.5, 5.5, -5.0, 5.0),
        lr=0.004,
        pace={"updates": 6, "examples": 128, "seconds": 0.0015},
        comparable_axes=True,
        minima=(
            Point(3.0, 2.0),
            Point(-2.805118086952745, 3.131312518250573),
            Point(-3.779310253377747, -3.283185991286170),
            Point(3.584428340330492, -1.848126526964404),
        ),
    )
