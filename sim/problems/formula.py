"""A two-parameter problem as a formula: data, an output and a loss, with no torch in sight.

The engine turns a `Formula` into an `nn.Module`; the terminal evaluates the same `output` with numpy to draw lines
through data points. One definition serves both, because `output` is handed the array library to use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import Clock
from sim.experiment.geometry import Point, Window

Floats = NDArray[np.float64]
LossName = Literal["mean_squared_error", "binary_cross_entropy", "mean"]

Output = Callable[[Any, Any, Any, Any], Any]
"""`output(xp, a, b, inputs)`: per-example outputs, shape (N,). `xp` is numpy or torch, a and b the two parameters."""


@dataclass(frozen=True, slots=True)
class DataView:
    """How the data of a problem are drawn: a curve through points, or a boundary between two classes.

    Attributes:
        kind: "curve" (one input against the target) or "boundary" (two inputs, a class each).
        xlabel: what runs along the horizontal axis.
        ylabel: what runs along the vertical axis.
    """

    kind: Literal["curve", "boundary"]
    xlabel: str
    ylabel: str


@dataclass(frozen=True, slots=True, eq=False)  # arrays compare element by element: a formula equals itself alone
class Formula:
    """A two-parameter problem: the mean over N examples of a function of the two.

    Attributes:
        title: what is fitted to what, for the status line, e.g. "diabetes: body mass index → progression".
        note: what was done to the data ("inputs in 0..1, target standardised"), or "".
        parameters: the names of the two parameters, in order.
        inputs: shape (N,) or (N, K), float64; one row an example.
        targets: shape (N,), float64 (zeros where the loss takes no target).
        output: see `Output`.
        loss: "mean_squared_error" (torch's MSELoss), "binary_cross_entropy" (torch's BCEWithLogitsLoss), or "mean"
            (the outputs themselves are the per-example losses).
        start: where every run begins.
        window: what the surface shows at first: left, right, bottom, top.
        lr: the learning rate that all runs share unless they are given another.
        pace: for each clock, units of that clock for each second of playing at speed 1.
        minima: the minimisers of the mean loss that are known (there may be several, or none).
        saddle: the saddle between them, where that is what the problem is about.
        view: how to draw the data; None where there is nothing to draw.
        comparable_axes: whether both parameters have the same units, so that a step means as much along one axis as
            along the other.
    """

    title: str
    note: str
    parameters: tuple[str, str]
    inputs: Floats
    targets: Floats
    output: Output
    loss: LossName
    start: Point
    window: Window
    lr: float
    pace: dict[Clock, float]
    minima: tuple[Point, ...] = ()
    saddle: Point | None = None
    view: DataView | None = None
    comparable_axes: bool = False

    @property
    def examples(self) -> int:
        """N, the number of examples."""
        return len(self.inputs)
