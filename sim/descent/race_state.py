"""What a race is made of at a moment, and what it did meanwhile: frozen values."""

from dataclasses import dataclass

from sim.descent.state import RunState
from sim.experiment.choices import Clock
from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage
from sim.protocol.answers import Trouble
from sim.protocol.trace import Rows
from sim.views.snapshots import Snapshots


@dataclass(frozen=True, slots=True, eq=False)
class RaceState:
    """All that a race's future depends on, and the snapshots kept so far.

    Attributes:
        runs: the state of each, before what was changed there.
        snapshots: what is kept of each.
        clock, moment, position: what counts, how many moments there were, and where the clock stands.
        turn: on a clock of time, whose turn it is, and until when.
        journal: what was changed, and what is still to be.
        changed: how many of these changes were made.
        lineages: where each run comes from, and its settings over time.
    """

    runs: tuple[RunState, ...]
    snapshots: tuple[Snapshots, ...]
    clock: Clock
    moment: int
    position: float
    turn: tuple[int, float] | None
    journal: Journal
    changed: int
    lineages: tuple[Lineage, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """What the runs did when they were last advanced.

    Attributes:
        rows: the updates that are reported, in the order of their moments.
        covered: how far the clock went, in its own unit.
        troubles: why runs failed meanwhile.
    """

    rows: Rows
    covered: float
    troubles: tuple[Trouble, ...]
