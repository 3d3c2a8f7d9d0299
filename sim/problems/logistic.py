"""A line between two classes."""

from typing import Any

import numpy as np

from sim.data.table import SCALE_NOTES, load_bundled, scaled
from sim.experiment.geometry import Point
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.formula import DataView, Floats, Formula
from sim.problems.start_and_window import start_above, steepest_rate, window_around

_FEATURES = ("mean compactness", "mean concavity")
_LR = 0.6  # for the bundled data: under a third of 1/λmax, so that single examples jitter along the valley, not across


def _output(_xp: Any, w1: Any, w2: Any, inputs: Any) -> Any:
    return w1 * inputs[:, 0] + w2 * inputs[:, 1]


def _minimum(x: Floats, y: Floats) -> Floats | None:
    """The weights of least cross entropy, shape (2,), by Newton's method with halved steps; None where there are none.

    There are none where a line through the origin has each class on its own side: larger weights are always better.
    """

    def loss(weights: Floats) -> float:
        return float(np.logaddexp(0, (1 - 2 * y) * (x @ weights)).mean())

    weights: Floats = np.zeros(2)
    for _ in range(100):
        p = np.exp(-np.logaddexp(0, -(x @ weights)))
        gradient = x.T @ (p - y) / len(y)
        if np.abs(gradient).max() < 1e-12 * np.abs(x).max():
            apart = ((2 * y - 1) * (x @ weights) >= 0).all()
            return None if apart else weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x / len(y)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        while loss(weights - step) > loss(weights) + 1e-12:
            step = step / 2
        weights = weights - step
    return None


@problem(
    "A boundary between two classes: two weights decide how it turns and how sharp it is; the loss is a bowl, and all "
    "descents come down to its one minimum.",
    takes_data=True,
)
def logistic(config: ProblemConfig) -> Formula:
    if config.data is None:
        table = load_bundled("breast_cancer").select(*_FEATURES)
    else:
        from sim.data.table_file import read_table  # which the bundled data do without

        table = read_table(config.data, config.features, config.target, width=2, classes=True)
    scale = config.scale or "standard"
    x, y = scaled(table, scale), table.targets
    hessian = x.T @ x / (4 * len(y))  # at w = 0, where it is largest
    best = _minimum(x, y)
    notes = [SCALE_NOTES[scale], f"{table.classes[0]} = 0, {table.classes[1]} = 1"]
    if best is None:
        notes.append("a line through 0 parts them: the larger the weights, the lower the loss")
    # without a minimum, Newton's first step shows at least the direction
    goal = np.asarray(np.linalg.lstsq(hessian, x.T @ (y - 0.5) / len(y), rcond=None)[0]) if best is None else best
    start = start_above(np.zeros(2), goal, hessian)
    return Formula(
        title=f"{table.name}: {table.columns[0]}, {table.columns[1]} → {table.target}",
        note=", ".join(notes),
        parameters=("w1", "w2"),
        inputs=x,
        targets=y,
        output=_output,
        loss="binary_cross_entropy",
        start=start,
        window=window_around(start, goal, hessian),
        lr=_LR if config.data is None and scale == "standard" else steepest_rate(hessian),
        pace={"updates": 30, "examples": len(y), "seconds": 0.003},
        comparable_axes=scale != "none",
        minima=() if best is None else (Point(*best.tolist()),),
        view=DataView("boundary", table.columns[0], table.columns[1]),
    )
