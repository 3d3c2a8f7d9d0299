"""The record of what the runs did: one row an update, appended in blocks, never rewritten. Imports no torch."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Status(IntEnum):
    """How a run stands. Divergence and failure are outcomes, not exceptions."""

    RUNNING = 0
    CONVERGED = 1
    DIVERGED = 2
    FAILED = 3

    @property
    def stopped(self) -> bool:
        """Whether the run makes no further updates."""
        return self >= Status.DIVERGED


ROW = np.dtype(
    [
        ("run", np.uint8),  # index into Experiment.runs
        ("status", np.uint8),  # a Status
        ("clock", np.uint8),  # index into CLOCKS: the clock that was in force
        ("moment", np.int64),  # ordinal of the moment at which the update completed; only ever grows
        ("position", np.float64),  # where the clock stood at that moment, in its own unit
        ("update", np.int64),  # 0 is the start
        ("examples", np.int64),  # examples read so far
        ("epoch", np.float64),  # the same as a number of passes through the data
        ("seconds", np.float64),  # time spent sampling, forward, backward and step
        ("x", np.float64),  # the parameters after the update, on the plane
        ("y", np.float64),
        ("batch_loss", np.float64),  # of the update's batch, at the parameters before it
        ("loss", np.float64),  # over all examples, at the parameters after it; NaN: not evaluated
        ("grad_norm", np.float64),  # of the batch gradient that the update used
        ("lr", np.float64),  # the rate that the update used
        ("test_loss", np.float64),  # over the test examples, at the parameters after it; NaN: not evaluated
        ("test_accuracy", np.float64),  # the share of test examples told right; NaN: not evaluated
    ]
)
"""One update of one run. NaN stands for "not evaluated"; a loss that overflowed or is no number is infinite."""

Rows = NDArray[np.void]

NO_ROWS: Rows = np.empty(0, dtype=ROW)
