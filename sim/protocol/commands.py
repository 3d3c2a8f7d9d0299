"""What crosses the border between the terminal and the engine: frozen, picklable, numpy at most. Imports no torch.

Every request has exactly one reply, which carries the request's number and its generation (one more with every
`Open`), so that what became stale after a reset, a zoom or a restart can be told and dropped.
"""

import math
from dataclasses import dataclass

from sim.experiment.choices import Clock, PlaneKind
from sim.experiment.config import Experiment
from sim.experiment.geometry import Point, Window


@dataclass(frozen=True, slots=True)
class Open:
    """Begin an experiment, dropping the one before. -> Opened"""

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
        updates: for each run the number of the update, 0 for none; None: the newest of each.
        before: for each run the two parameters before that update; None for a model, whose newest update alone can
            be told about in full.
    """

    updates: tuple[int, ...] | None
    before: tuple[Point, ...] | None


@dataclass(frozen=True, slots=True)
class Survey:
    """Ask for the loss on a grid of cell centres of a window of the present plane. -> Surveyed

    What takes longer than the budget comes in pieces: ask again with the same window until its progress is 1.

    Attributes:
        run: whose buffers (running means, say) the model has there.
        budget: seconds of wall time after which no further piece is begun (at least one is).
        enough: the progress with which the answer comes at once; anything above 0 stands for the first picture.
    """

    window: Window
    columns: int
    rows: int
    run: int = 0
    budget: float = math.inf
    enough: float = 1.0


@dataclass(frozen=True, slots=True)
class SetPlane:
    """See a model's parameters on another plane from here on. -> PlaneNews"""

    kind: PlaneKind


@dataclass(frozen=True, slots=True)
class Predict:
    """Ask what each run says of the first so many test examples (training ones, without any). -> Predicted"""

    count: int


Command = Open | Advance | SetClock | Inspect | Survey | SetPlane | Predict


@dataclass(frozen=True, slots=True)
class Request:
    """A command on its way to the engine."""

    number: int
    generation: int
    command: Command
