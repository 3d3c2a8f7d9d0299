"""The rows of one run, and where among them its losses over all examples are."""

import numpy as np
from numpy.typing import NDArray

from sim.protocol.trace import Rows
from tui.session.column import Column

Indices = NDArray[np.int64]


class RunRecord:
    """What was recorded of a run, in the order of its updates."""

    def __init__(self, rows: Rows) -> None:
        """Begin with some rows, or none."""
        self._rows = Column(rows.dtype)
        self._evaluated = Column(np.dtype(np.int64))  # for each row the last one up to it that has losses, or -1
        self._evaluations = Column(np.dtype(np.int64))
        self.append(rows)

    @property
    def rows(self) -> Rows:
        """All of them."""
        return self._rows.values

    @property
    def evaluations(self) -> Indices:
        """The indices of those in which the losses over all examples were evaluated."""
        return self._evaluations.values

    def append(self, rows: Rows) -> None:
        """Record newer rows."""
        if not len(rows):
            return
        indices = np.where(np.isnan(rows["loss"]), -1, np.arange(len(rows)) + len(self.rows))
        before = self._evaluated.values[-1:] if len(self.rows) else np.array([-1])
        self._evaluations.extend(indices[indices >= 0])
        self._evaluated.extend(np.maximum.accumulate(np.concatenate([before, indices]))[1:])
        self._rows.extend(rows)

    def replace(self, rows: Rows) -> None:
        """Have other rows instead."""
        known = ~np.isnan(rows["loss"])
        self._rows.replace(rows)
        self._evaluations.replace(np.flatnonzero(known))
        self._evaluated.replace(np.maximum.accumulate(np.where(known, np.arange(len(rows)), -1)))

    def evaluated_by(self, index: int) -> np.void:
        """The last row up to one of them in which the losses over all examples were evaluated."""
        row: np.void = self.rows[self._evaluated.values[index]]
        return row

    def found_at(self, moments: Indices) -> NDArray[np.bool_]:
        """Which are the rows in which some moments find the run: its last ones, and those with its last losses."""
        last = np.searchsorted(self.rows["moment"], moments, side="right") - 1
        found = np.zeros(len(self.rows), np.bool_)
        found[last[last >= 0]] = True
        found[self._evaluated.values[found]] = True
        return found
