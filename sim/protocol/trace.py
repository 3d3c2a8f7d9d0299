"""The record of what the runs did: its columns, appended in blocks, never rewritten. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sim.experiment.resolved import Lineage
from sim.measures import measures


class Status(IntEnum):
    """The status of a run. Divergence and failure are outcomes, not exceptions."""

    RUNNING = 0
    CONVERGED = 1
    DIVERGED = 2
    FAILED = 3

    @property
    def stopped(self) -> bool:
        """Whether the run makes no further updates."""
        return self >= Status.DIVERGED


COUNTERS = [
    ("run", np.uint8),  # index into the experiment's runs
    ("status", np.uint8),  # a Status
    ("clock", np.uint8),  # index into CLOCKS: the clock that was in force
    ("moment", np.int64),  # ordinal of the moment at which the update completed; only ever grows
    ("position", np.float64),  # where the clock stood at that moment, in its own unit
    ("update", np.int64),  # 0 is the start
    ("examples", np.int64),  # examples read so far
    ("epoch", np.float64),  # the same as a number of passes through the data
    ("seconds", np.float64),  # time spent sampling, forward, backward and step
]

RECORDED = measures("step", "pass")
"""The measures that have a column: in float64, NaN where not evaluated; a loss that overflowed is infinite."""

ROW = np.dtype(COUNTERS + [(one.name, np.float64) for one in RECORDED])
"""One update of one run. Where it went is in the trails."""

BANDS = {name: (f"{name}_low", f"{name}_high") for name in ("batch_loss", "grad_norm", "loss")}
"""For the measures that have a band, the columns of its lower and upper edge."""

ENSEMBLE_ROW = np.dtype([*ROW.descr, *((edge, np.float64) for edges in BANDS.values() for edge in edges)])
"""One update of one run that is made from several seeds: the columns of these measures have the median over its
members, their bands go from the 10% quantile to the 90% one.

Quantiles are those of `numpy.quantile`; a member that diverged counts as infinite from then on.
"""

Rows = NDArray[np.void]

NO_ROWS: Rows = np.empty(0, dtype=ROW)


def forked(rows: Rows, lineage: Lineage, index: int) -> Rows:
    """The past that a fork has in common with its parent, as its own rows; `rows` are the parent's so far."""
    past = rows[: np.searchsorted(rows["update"], lineage.update, side="right")].copy()
    past["run"] = index
    return past


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """What a recording has of some moments.

    Attributes:
        rows: in the order of their moments; those that a fork has in common with its parent are the parent's alone.
        points: x, y and distance on the plane after these updates, shape (n, 3); NaN where they are not at hand.
        moments: those of which all is there: in which rows they find the runs, and their last losses. Shape (k,).
    """

    rows: Rows
    points: NDArray[np.float64]
    moments: NDArray[np.int64]


def together(excerpts: Sequence[Excerpt]) -> Excerpt:
    """Several, the earlier ones first, as one; what is in two of them is in it twice."""
    return Excerpt(
        np.concatenate([one.rows for one in excerpts]),
        np.concatenate([one.points for one in excerpts]),
        np.concatenate([one.moments for one in excerpts]),
    )
