"""The saddle of a two-layer linear network."""

from typing import Any

import numpy as np

from sim.experiment.config import ProblemConfig
from sim.experiment.geometry import Point, Window
from sim.problems import problem
from sim.problems.finite_sum import EXAMPLES, finite_sum, whitened
from sim.problems.formula import Formula

_NOISE = 0.3


def _saddle(_xp: Any, w1: Any, w2: Any) -> Any:
    return (1 - w1 * w2) ** 2


@problem(
    "A saddle at the end of a ridge: batch descent walks the ridge into it and stays, noise falls off either side."
)
def saddle(_config: ProblemConfig) -> Formula:
    return Formula(
        title="two linear layers in a row: w1·w2 → 1",
        note=f"each example adds its own tilt, σ {_NOISE:g}",
        parameters=("w1", "w2"),
        inputs=whitened(EXAMPLES, _NOISE),
        targets=np.zeros(EXAMPLES),
        output=finite_sum(_saddle),
        loss="mean",
        start=Point(1.0, -1.0),
        window=Window(-2.0, 2.0, -1.7, 1.7),
        lr=0.02,
        pace={"updates": 25, "examples": 512, "seconds": 0.005},
    )
