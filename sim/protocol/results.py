"""What comes of the jobs of `Work`: frozen, picklable, numpy at most. Imports no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.experiment.geometry import Point, Window
from sim.protocol.cloud import Cloud
from sim.protocol.trace import Rows

Floats = NDArray[np.float64]

_ZERO_GRADIENT = 1e-10  # shorter ones are what summation leaves at a minimum


def centres(window: Window, columns: int, rows: int) -> tuple[Floats, Floats]:
    """Where the cells of a window have their centres: across, shape (columns,), and from the top down, (rows,)."""
    left, right, bottom, top = window
    across, down = ((np.arange(cells, dtype=np.float64) + 0.5) / cells for cells in (columns, rows))
    return left + across * (right - left), top - down * (top - bottom)


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What one update of one run used and did.

    Attributes:
        update: its number.
        indices: the first examples of its batch, in order, by their rows in the data (from 0).
        batch_size: how many examples there were in all.
        gradient: the slope of the batch's loss along the plane's two directions.
        full_gradient: the same of the loss over all examples, at the same parameters.
        origin: where the update began, on the plane.
        full_step: minus the rate times the gradient over all examples, as the plane shows it.
        measures: those that cost a gradient, by name.
    """

    update: int
    indices: tuple[int, ...]
    batch_size: int
    gradient: tuple[float, float]
    full_gradient: tuple[float, float]
    origin: Point
    full_step: tuple[float, float]
    measures: Mapping[str, float]

    @property
    def vanishes(self) -> bool:
        """Whether both gradients are zero but for rounding, so that they have no direction."""
        return math.hypot(*self.gradient, *self.full_gradient) < _ZERO_GRADIENT


@dataclass(frozen=True, slots=True)
class Inspected:
    """The result of `Inspect`: for each run its report, None without one or where making it would take too long.

    Attributes:
        updates: that was asked for.
        reports: of these updates.
    """

    updates: tuple[int, ...]
    reports: tuple[UpdateReport | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """The result of `Survey`: the loss on the grid of a window.

    Attributes:
        window: what it covers.
        values: shape (rows, columns), float64, top row first; inf where the loss overflows. While the progress is
            below 1, a coarse picture where the fine one is still to come.
        progress: 0 to 1.
        plane: the number of the plane that it speaks of.
        examples: over how many examples.
        run: whose buffers it was made with.
    """

    window: Window
    values: NDArray[np.float64]
    progress: float = 1.0
    plane: int = 0
    examples: int = 0
    run: int = 0


@dataclass(frozen=True, slots=True)
class Predicted:
    """The result of `Predict`: what each run predicts for some examples.

    Attributes:
        inputs: shape (K, ...), float32.
        truths: for each example its target in words.
        answers: for each run, for each example, its answer in words.
        right: for each run, for each example, whether the answer is right (None: a quantity).
    """

    inputs: NDArray[np.float32]
    truths: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    right: tuple[tuple[bool | None, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Imagined:
    """The result of `Imagine`: the steps that were possible for a run.

    Attributes:
        run, update: as was asked for.
        origin: where the update begins, on the plane.
        cloud: the steps; None where making the update again would take too long.
    """

    run: int
    update: int
    origin: Point
    cloud: Cloud | None


@dataclass(frozen=True, slots=True, eq=False)
class Remade:
    """The result of `Remake`: what the updates did.

    Attributes:
        rows: of these updates, run by run; what depends on when they were made (moment, position, clock, seconds) is 0.
            The loss over all examples is there where `loss_every` has it, not because the run ended there.
        points: x, y and distance on the plane after each, shape (rows, 3).
        plane: the number of that plane.
    """

    rows: Rows
    points: NDArray[np.float64]
    plane: int


Result = Surveyed | Inspected | Predicted | Imagined | Remade
