"""Where older moments were left out of the record, and the rows that close a gap again. Pure data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.experiment.choices import CLOCKS
from sim.protocol.trace import Rows
from tui.session.thinning import Floats, Indices

_MOST = 100_000  # updates of a run that are made again for one look


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """A part of the record of which something was left out.

    Attributes:
        moments: those that are recorded from its beginning to its end, with position and clock.
        rows: for each run those from the last one at its beginning to the first one at its end.
    """

    moments: Rows
    rows: tuple[Rows, ...]

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """For each run the first and the last update in it; no gap, where nothing is missing or all too much."""
        return tuple((int(rows["update"][0]) + 1, int(rows["update"][-1])) for rows in self.rows)

    @property
    def bounded(self) -> bool:
        """Whether something is missing, and not too much."""
        steps = [np.diff(rows["update"]) for rows in self.rows]
        return any((step > 1).any() for step in steps) and all(step.sum() <= _MOST for step in steps)

    def closed(self, made: Rows) -> Rows:
        """The rows that were missing, in the order of their moments, of those that were made again.

        Seconds are those that the runs had spent at the rows around. Where the clock counts, so is the moment exact: it
        is the how many-th at which a run completed an update. Else it is as near as the rows around say.
        """
        own = [made[made["run"] == run].copy() for run in range(len(self.rows))]
        column = CLOCKS[list(CLOCKS)[int(self.moments["clock"][-1])]].column
        for rows, known in zip(own, self.rows, strict=True):
            rows["clock"], rows["seconds"] = self.moments["clock"][-1], _between(known, "seconds", rows["update"])
            rows["moment"] = np.round(_between(known, "moment", rows["update"]))
            rows["position"] = np.interp(rows["moment"], self.moments["moment"], self.moments["position"])
        counted = [rows[column].astype(np.float64) for rows in own]
        if column != "seconds" and (ordinals := self._ordinals(counted)) is not None:
            for rows, positions, moments in zip(own, counted, ordinals, strict=True):
                rows["position"], rows["moment"] = positions, moments
        begin, end = self.moments["moment"][[0, -1]]
        rows = np.concatenate(own)
        rows = rows[(rows["moment"] > begin) & (rows["moment"] <= end)]
        return np.take(rows, np.argsort(rows["moment"], kind="stable"))

    def _ordinals(self, positions: Sequence[Floats]) -> list[Indices] | None:
        """The moments at which the clock stood at some positions; None where they do not agree with what is known."""
        known = self.moments["position"]
        every = np.unique(np.concatenate(positions))
        every = every[every > known[0]]
        ordinals = int(self.moments["moment"][0]) + np.searchsorted(every, known, side="right")
        if (ordinals != self.moments["moment"]).any():
            return None
        return [self.moments["moment"][0] + np.searchsorted(every, own, side="right") for own in positions]


def _between(rows: Rows, column: str, updates: Indices) -> Floats:
    return np.interp(updates, rows["update"], rows[column].astype(np.float64))
