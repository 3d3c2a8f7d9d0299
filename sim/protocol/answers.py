"""What the engine answers: frozen, picklable, numpy at most. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import PlaneName
from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage, Resolved
from sim.protocol.checkpoint import Checkpoint
from sim.protocol.commands import Job
from sim.protocol.results import Result
from sim.protocol.trace import Rows


@dataclass(frozen=True, slots=True)
class Trail:
    """Where one run went on a plane, at the updates that were kept.

    Attributes:
        updates: shape (K,), int64, increasing.
        xy: shape (K, 2).
        distances: shape (K,): how far from the plane.
        head: where it is now, on the plane.
        head_distance: how far from the plane it is now.
    """

    updates: NDArray[np.int64]
    xy: NDArray[np.float64]
    distances: NDArray[np.float64]
    head: tuple[float, float]
    head_distance: float


@dataclass(frozen=True, slots=True)
class PlaneNews:
    """A plane and the trails on it.

    Attributes:
        number: of the plane; another one where the plane changed.
        kind: what was asked for; "identity" where the two parameters are the plane.
        words: what it is, for people ("PCA of the trails so far").
        explained: the share of the runs' movement that lies in it, 0 to 1.
        whole: the trails replace those sent before; else they are added to them.
        trails: one a run.
        unit: how long the plane's first direction is; distances from the plane are not in such units.
    """

    number: int
    kind: PlaneName
    words: str
    explained: float
    whole: bool
    trails: tuple[Trail, ...]
    unit: float = 1.0

    @property
    def flat(self) -> bool:
        """Whether the two parameters are the plane: everything lies on it."""
        return self.kind == "identity"


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to `Open`: the experiment at its start.

    Attributes:
        experiment: with nothing left open.
        rows: update 0 of each run.
        device: where it runs, in words ("cpu", "cuda:0 NVIDIA H100").
        tolerance: the norm of the gradient over all examples below which a run has converged.
        plane: the plane and where the runs begin on it.
        tests: how many test examples there are.
        pass_seconds: how long it took to evaluate the loss over all examples.
        note: in what the experiment is not as it could be, as a sentence, or "".
        past: what was recorded after the start of an experiment that goes on from there; None for others.
    """

    experiment: Resolved
    rows: Rows
    device: str
    tolerance: float
    plane: PlaneNews
    tests: int = 0
    pass_seconds: float = 0.0
    note: str = ""
    past: "Advanced | None" = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one run cannot go on.

    Attributes:
        run: its index.
        sentence: for people.
        details: a traceback, or "".
        measures: where it stopped, by name, those that a pass over all examples gives; none where even that fails.
    """

    run: int
    sentence: str
    details: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Where the members of a run are that is made from K seeds.

    Attributes:
        points: on the plane, shape (K, 2).
        statuses: a `Status` each, uint8, shape (K,).
    """

    points: NDArray[np.float64]
    statuses: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Advanced:
    """The answer to `Advance`: what the runs did.

    Attributes:
        rows: the updates that are reported, in the order of their moments.
        covered: how far the clock went, in its own unit.
        finished: no run has anything left to do (all stopped, or at the experiment's limit).
        plane: what is new on the plane.
        lineages: the runs, those that were forked off on the way among them.
        troubles: runs that failed meanwhile.
        members: of each run where they are made from several seeds; else none.
        checkpoint: the state after all this, where one was due.
    """

    rows: Rows
    covered: float
    finished: bool
    plane: PlaneNews
    lineages: tuple[Lineage, ...]
    troubles: tuple[Trouble, ...] = ()
    members: tuple[Members, ...] = ()
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer to a change that was made.

    Attributes:
        journal: what was changed so far, this change among it.
        lineages: the runs, those that were forked off among them.
        checkpoint: the state after it, where checkpoints are taken.
    """

    journal: Journal
    lineages: tuple[Lineage, ...]
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer to `Save`: all that the runs' future depends on."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a change that cannot be made; everything is as it was.

    Attributes:
        sentence: why, for people.
    """

    sentence: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer to a command that could not be carried out; the engine lives on.

    Attributes:
        sentence: for people.
        details: a traceback, or "".
        config: the cause is the configuration, not the engine.
        theirs: the cause is the user's own code.
    """

    sentence: str
    details: str = ""
    config: bool = False
    theirs: bool = False


@dataclass(frozen=True, slots=True)
class Worked:
    """The answer to `Work`: how far the jobs have got.

    Attributes:
        results: a job and what came of it so far, or why it cannot be done; those without anything new left out.
        pending: the jobs that are not complete.
    """

    results: tuple[tuple[Job, Result | Failed], ...]
    pending: tuple[Job, ...]


Answer = Opened | Advanced | Saved | Changed | Refused | PlaneNews | Worked | Failed


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the number and the generation of its request."""

    number: int
    generation: int
    answer: Answer
