"""A line through points: the convex default."""

from typing import Any

import numpy as np

from sim.data.table import SCALE_NOTES, load_bundled, scaled, standardised
from sim.experiment.geometry import Point
from sim.experiment.problem import ProblemConfig
from sim.problems import problem
from sim.problems.formula import DataView, Formula
from sim.problems.start_and_window import start_above, steepest_rate, window_around

_LR = 0.2  # for the bundled data: under half of 1/λmax, so that single examples jitter along the valley, not across it


def _output(_xp: Any, slope: Any, intercept: Any, x: Any) -> Any:
    return slope * x + intercept


@problem(
    "A straight line through points: the loss is a tilted valley where batch descent comes to rest and noise never.",
    takes_data=True,
)
def linear(config: ProblemConfig) -> Formula:
    if config.data is None:
        table = load_bundled("diabetes").select("bmi")
        title, xlabel = "diabetes: body mass index → progression", "body mass index"
    else:
        from sim.data.table_file import read_table  # which the bundled data do without

        table = read_table(config.data, config.features, config.target, width=1, classes=False)
        title, xlabel = f"{table.name}: {table.columns[0]} → {table.target}", table.columns[0]
    scale = config.scale or "minmax"
    x = scaled(table, scale)[:, 0]
    y = standardised(table)
    design = np.stack([x, np.ones_like(x)], axis=1)
    hessian = 2 * design.T @ design / len(x)
    best = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], np.float64)
    start = start_above(best, best, hessian)
    return Formula(
        title=title,
        note=f"{SCALE_NOTES[scale]}, target standardised",
        parameters=("slope", "intercept"),
        inputs=x,
        targets=y,
        output=_output,
        loss="mean_squared_error",
        start=start,
        window=window_around(start, best, hessian),
        lr=_LR if config.data is None and scale == "minmax" else steepest_rate(hessian),
        pace={"updates": 20, "examples": len(x), "seconds": 0.003},
        comparable_axes=scale != "none",
        minima=(Point(*best.tolist()),),
        view=DataView("curve", xlabel, "progression" if config.data is None else table.target),
    )
