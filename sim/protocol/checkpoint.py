"""All that the future of a race depends on, as plain values: what is recorded of it. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.experiment.choices import Clock
from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage
from sim.protocol.trace import Rows

Part = tuple[str, str]
"""What a tensor is of a run's state: "vector", "buffers", "optimizer", "order" or "random"; and its name there."""


@dataclass(frozen=True, slots=True, eq=False)
class SavedTensor:
    """A tensor as bytes.

    Attributes:
        type: the name of its type in torch, such as "float32".
        shape: its sizes.
        content: its values in C order, little-endian.
        on_device: whether it lies where the experiment is computed; else in the CPU's memory.
    """

    type: str
    shape: tuple[int, ...]
    content: bytes
    on_device: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SavedRun:
    """The state of one run, as `sim.descent.state.RunState` has it.

    Attributes:
        update, seconds, status, loss_bound: as there.
        epoch: the next one whose order is to be drawn.
        tensors: all that is a tensor in it.
        values: what is none in `optimizer`, `group` and `schedule`: what JSON has, with lists for tuples.
    """

    update: int
    seconds: float
    status: int
    loss_bound: float
    epoch: int
    tensors: Mapping[Part, SavedTensor]
    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SavedSnapshots:
    """Parameters of one run that were kept to be seen on planes to come: those that no earlier checkpoint has.

    Attributes:
        stride: what is kept are multiples of it; others of earlier checkpoints no longer count.
        updates: after which updates, increasing.
        vectors: the parameters, shape (P,) each.
    """

    stride: int
    updates: tuple[int, ...]
    vectors: tuple[SavedTensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a race, as `sim.descent.race_state.RaceState` has it, without what stands in the journal.

    Attributes:
        clock, moment, position, turn, changed: as there.
        runs: the state of each.
        snapshots: what was kept of each since the checkpoint before; none where two parameters are the plane.
    """

    clock: Clock
    moment: int
    position: float
    turn: tuple[int, float] | None
    changed: int
    runs: tuple[SavedRun, ...]
    snapshots: tuple[SavedSnapshots, ...] = ()

    @property
    def nbytes(self) -> int:
        """The memory that its tensors take."""
        tensors = [tensor for run in self.runs for tensor in run.tensors.values()]
        kept = [vector for some in self.snapshots for vector in some.vectors]
        return sum(len(tensor.content) for tensor in (*tensors, *kept))


@dataclass(frozen=True, slots=True, eq=False)
class Resume:
    """Where an experiment goes on that was recorded.

    Since the newest checkpoint nothing was changed; the updates beyond it are made again.

    Attributes:
        checkpoints: some, the newest one last.
        snapshots: of each run all that are kept; none where two parameters are the plane.
        journal: what was changed, and what is still to be.
        lineages: where each run comes from, and its settings over time.
        ends: for each run, the last update that was recorded, and the seconds spent by then.
        moment, position: the last moment that was recorded, and where the clock then stood.
        plane: the number of the last plane.
        start: update 0 of each run that was there from the start, as it was recorded.
    """

    checkpoints: tuple[Checkpoint, ...]
    snapshots: tuple[SavedSnapshots, ...]
    journal: Journal
    lineages: tuple[Lineage, ...]
    ends: tuple[tuple[int, float], ...]
    moment: int
    position: float
    plane: int
    start: Rows
