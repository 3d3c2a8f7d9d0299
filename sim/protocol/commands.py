"""What the engine is asked: frozen, picklable. Imports no torch.

Every request has exactly one reply, which carries the request's number and its generation (one more with every
`Open`), so that what became stale after a reset or a restart can be recognised and dropped.
"""

from dataclasses import dataclass, field

from sim.experiment.choices import Clock, PlaneKind
from sim.experiment.config import Experiment
from sim.experiment.geometry import Window
from sim.experiment.journal import Settings
from sim.protocol.checkpoint import Resume

HISTORY_MEMORY = 512 * 2**20
"""Bytes for what is kept of the past of a race, unless something else is asked for."""

CHECKPOINTS_EVERY = 1.0  # seconds: what has to be made again where a recording goes on


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept of what the runs do.

    Attributes:
        rows: about how many updates of each run an answer reports at most, extremes among them; None: all.
        memory: bytes for parameters and states that are kept, of all runs together.
    """

    rows: int | None = None
    memory: float = HISTORY_MEMORY


@dataclass(frozen=True, slots=True)
class Open:
    """Begin an experiment, dropping the one before. -> Opened

    Attributes:
        experiment: which.
        retention: how much is kept.
        resume: where it goes on; None: at its start.
    """

    experiment: Experiment
    retention: Retention = field(default_factory=Retention)
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """Have the runs go on, for at most so many moments, so far on the clock and so long. -> Advanced

    Attributes:
        moments: how many moments at most.
        span: in the clock's unit, how far beyond its present position an update may complete.
        budget: seconds of wall time after which no further chunk is begun (at least one is).
    """

    moments: int
    span: float
    budget: float


@dataclass(frozen=True, slots=True)
class Save:
    """Take a checkpoint, and give further ones along with the answers from then on. -> Saved

    Attributes:
        every: seconds of wall time between two of them (more where they are large); infinity: no further ones.
    """

    every: float


@dataclass(frozen=True, slots=True)
class SetClock:
    """Keep the runs equal in something else from here on. -> Changed"""

    clock: Clock


@dataclass(frozen=True, slots=True)
class ChangeRun:
    """Have a run go on with other settings. -> Changed, or Refused

    Attributes:
        run: its name.
        settings: what is otherwise from its next update on, by the names of `RunConfig`.
    """

    run: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class ForkRun:
    """Have a run go on a second time, from where it was after an update. -> Changed, or Refused

    Attributes:
        run: its name.
        update: the last one that both have in common.
        settings: what is otherwise about the new one, its name in any case.
    """

    run: str
    update: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class RemoveRun:
    """Have a run go on no more. -> Changed, or Refused

    Attributes:
        run: its name.
    """

    run: str


@dataclass(frozen=True, slots=True)
class SetPlane:
    """See the parameters on another plane from here on. -> PlaneNews

    Attributes:
        kind: which.
        afresh: whether it is to depend on where the runs went alone; else it agrees best with the last plane.
    """

    kind: PlaneKind
    afresh: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """Evaluate the loss at the centres of the cells of a window of the present plane. => Surveyed, several times

    Attributes:
        run: whose buffers (running means, say) the model has there.
    """

    window: Window
    columns: int
    rows: int
    run: int = 0


@dataclass(frozen=True, slots=True)
class Inspect:
    """Find what an update of each run did. => Inspected

    Attributes:
        updates: for each run the number of the update, 0 for none; None: the newest of each.
    """

    updates: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Predict:
    """Have each run predict the first so many test examples (training ones, without any). => Predicted

    Attributes:
        updates: for each run after which update; None: the newest of each.
    """

    count: int
    updates: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Imagine:
    """Find where each single example would have taken a run instead of an update's batch. => Imagined

    Attributes:
        run: which.
        update: the number of the update, from 1; the next one, if it was not made yet.
    """

    run: int
    update: int


@dataclass(frozen=True, slots=True)
class Remake:
    """Make past updates again that were not reported. => Remade

    Attributes:
        spans: for each run the first and the last update that is wanted; none where the last one comes first.
    """

    spans: tuple[tuple[int, int], ...]


Job = Survey | Inspect | Predict | Imagine | Remake
"""Slow work, which is done in pieces between updates."""


@dataclass(frozen=True, slots=True)
class Work:
    """Go on with some jobs, in their order; those begun before that are not among them are dropped. -> Worked

    Attributes:
        jobs: what is wanted.
        budget: seconds of wall time after which no further piece is begun (at least one is).
    """

    jobs: tuple[Job, ...]
    budget: float


Command = Open | Advance | Save | SetClock | ChangeRun | ForkRun | RemoveRun | SetPlane | Work


@dataclass(frozen=True, slots=True)
class Request:
    """A command, with its number and the generation of its experiment."""

    number: int
    generation: int
    command: Command
