"""What crosses the border between the terminal and the engine: frozen, picklable, numpy at most. Imports no torch.

Every request has exactly one reply, which carries the request's number and its generation (one more with every
`Open`), so that what became stale after a reset, a zoom or a restart can be told and dropped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.experiment import Clock, Experiment, Point, Window
from sim.trace import Rows


@dataclass(frozen=True, slots=True)
class Open:
    """Begin an experiment (resolved: every rate and the start filled in), dropping the one before. -> Opened"""

    experiment: Experiment


@dataclass(frozen=True, slots=True)
class Advance:
    """Go on for some moments, at most so far on the clock, at most for so long. -> Advanced

    Attributes:
        moments: how many moments at most.
        span: in the clock's unit, how far beyond its present position an update may complete.
        budget: seconds of wall time after which no further chunk is begun (at least one is).
    """

    moments: int
    span: float
    budget: float


@dataclass(frozen=True, slots=True)
class SetClock:
    """Keep the runs equal in something else from here on. -> Done"""

    clock: Clock


@dataclass(frozen=True, slots=True)
class Inspect:
    """Ask what an update of each run did. -> Inspected

    Attributes:
        updates: for each run the number of the update, 0 for none.
        before: for each run the parameters before that update, on the plane.
    """

    updates: tuple[int, ...]
    before: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Ask for the loss over all examples on a grid of cell centres of a window. -> Surveyed"""

    window: Window
    columns: int
    rows: int


Command = Open | Advance | SetClock | Inspect | Survey


@dataclass(frozen=True, slots=True)
class Opened:
    """The experiment stands; nothing has moved.

    Attributes:
        rows: update 0 of each run: x, y and loss.
        examples: N.
        parameters: how many parameters there are.
        device: where it runs, in words ("cpu", "cuda:0 NVIDIA H100").
        loss_every: for each run, how often the loss over all examples is evaluated.
        tolerance: the norm of the gradient over all examples below which a run has converged.
    """

    rows: Rows
    examples: int
    parameters: int
    device: str
    loss_every: tuple[int, ...]
    tolerance: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one run cannot go on.

    Attributes:
        run: its index.
        sentence: for people.
        details: a traceback, or "".
    """

    run: int
    sentence: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What the runs did.

    Attributes:
        rows: the new updates, in the order of their moments.
        covered: how far the clock went, in its own unit.
        finished: no run has anything left to do (all stopped, or at the experiment's limit).
        troubles: runs that failed meanwhile.
    """

    rows: Rows
    covered: float
    finished: bool
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out; there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What one update of one run used and did.

    Attributes:
        update: its number.
        indices: the first examples of its batch (row numbers from 0), in order.
        batch_size: how many examples there were in all.
        gradient: the batch's gradient, shape (2,), in the plane.
        full_gradient: the gradient over all examples at the same parameters, shape (2,), in the plane.
        cosine: of the angle between the two; NaN where either is zero.
        relative_error: norm of their difference over the norm of the full one; NaN where that is zero.
    """

    update: int
    indices: tuple[int, ...]
    batch_size: int
    gradient: tuple[float, float]
    full_gradient: tuple[float, float]
    cosine: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Inspected:
    """For each run its report, or None where there is nothing to report."""

    reports: tuple[UpdateReport | None, ...]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The loss on the grid of a window.

    Attributes:
        window: what it covers.
        values: shape (rows, columns), float64, top row first; inf where the loss overflows.
    """

    window: Window
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Failed:
    """The command could not be carried out; the engine lives on.

    Attributes:
        sentence: for people.
        details: a traceback, or "".
        config: the cause is the configuration, not the engine.
    """

    sentence: str
    details: str = ""
    config: bool = False


Answer = Opened | Advanced | Done | Inspected | Surveyed | Failed


@dataclass(frozen=True, slots=True)
class Request:
    """A command on its way to the engine."""

    number: int
    generation: int
    command: Command


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way back."""

    number: int
    generation: int
    answer: Answer
