"""What was recorded so far, and the cursor that looks at some moment of it. Pure data."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.resolved import Lineage
from sim.protocol.trace import Rows, forked
from tui.session.column import Column, thinned

_REPLAYED_AT_ONCE = 20_000  # moments
_RATE_WINDOW = 200  # updates over which a run's speed is measured

Floats = NDArray[np.float64]

FULL = 4_000_000
"""Rows that are kept at most, some 400 MB; playing pauses there."""


class History:
    """The record of the runs: every row of every run, and a cursor, the moment up to which they are seen.

    Attributes:
        cursor: the moment that is looked at; 0 is the start.
    """

    def __init__(self, start: Rows) -> None:
        """Begin with update 0 of each run, shape (runs,), in the order of the runs."""
        self.cursor = 0
        self._runs = [Column(start.dtype) for _ in start]
        self._evaluated = [Column(np.dtype(np.int64)) for _ in start]
        self._evaluations = [Column(np.dtype(np.int64)) for _ in start]
        self._moments = Column(np.dtype([("moment", np.int64), ("position", np.float64), ("clock", np.uint8)]))
        self._moments.extend(np.zeros(1, dtype=self._moments.values.dtype))
        self._append_runs(start)

    # -- recording ----------------------------------------------------------------------------------------------------

    def append(self, rows: Rows) -> None:
        """Record new rows, in the order of their moments; a cursor at the end stays there."""
        if not len(rows):
            return
        was_live = self.live
        self._append_runs(rows)
        _, last = np.unique(rows["moment"][::-1], return_index=True)
        self._moments.extend(rows[len(rows) - 1 - last][["moment", "position", "clock"]])
        if was_live:
            self.cursor = self.end

    def _append_runs(self, rows: Rows) -> None:
        for run in range(len(self._runs)):
            self._append_run(run, rows[rows["run"] == run])

    def fork(self, lineage: Lineage) -> None:
        """Record one run more, which has its past in common with another one."""
        assert lineage.parent is not None
        index = len(self._runs)
        self._runs.append(Column(self._runs[0].values.dtype))
        self._evaluated.append(Column(np.dtype(np.int64)))
        self._evaluations.append(Column(np.dtype(np.int64)))
        self._append_run(index, forked(self._runs[lineage.parent].values, lineage, index))

    def _append_run(self, run: int, own: Rows) -> None:
        column, evaluated = self._runs[run], self._evaluated[run]
        if len(own):
            indices = np.where(np.isnan(own["loss"]), -1, np.arange(len(own)) + len(column.values))
            self._evaluations[run].extend(indices[indices >= 0])
            before = evaluated.values[-1:] if len(evaluated.values) else np.array([-1])
            evaluated.extend(np.maximum.accumulate(np.concatenate([before, indices]))[1:])
            column.extend(own)

    # -- the cursor ---------------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """The last moment recorded."""
        return int(self._moments.values["moment"][-1])

    @property
    def position(self) -> float:
        """Where the clock stood at the cursor, in its own unit."""
        moments = self._moments.values
        return float(moments["position"][bisect_left(moments["moment"], self.cursor)])

    @property
    def live(self) -> bool:
        """Whether the cursor is at the end of what was recorded."""
        return self.cursor >= self.end

    @property
    def full(self) -> bool:
        """Whether there is no room for more."""
        return sum(len(column.values) for column in self._runs) >= FULL

    def seek(self, moments: int) -> int:
        """Move the cursor by so many recorded moments, forward or back; how many of them were not there."""
        recorded = self._moments.values["moment"]
        index = bisect_left(recorded, self.cursor) + moments
        self.cursor = int(recorded[min(max(index, 0), len(recorded) - 1)])
        return max(0, index - (len(recorded) - 1))

    def seek_to(self, moment: int) -> None:
        """Move the cursor to a moment, or the last recorded one before it."""
        recorded = self._moments.values["moment"]
        self.cursor = int(recorded[max(0, bisect_right(recorded, moment) - 1)])

    def seek_first(self) -> None:
        """Move the cursor to the start."""
        self.cursor = 0

    def seek_live(self) -> None:
        """Move the cursor to the end."""
        self.cursor = self.end

    def replay(self, playtime: float, pace: Mapping[Clock, float]) -> float:
        """Move the cursor on through what was recorded, by so many seconds of playing; how many are left over.

        A recorded moment lasts as long as the clock that it was recorded on took to get there at its pace (units a
        second).
        """
        moments = self._moments.values
        here = bisect_left(moments["moment"], self.cursor)
        ahead = moments[here : here + 1 + _REPLAYED_AT_ONCE]
        paces = np.array([pace[clock] for clock in CLOCKS])[ahead["clock"][1:]]
        same_clock = ahead["clock"][1:] == ahead["clock"][:-1]
        lasts = np.where(same_clock | (ahead["moment"][:-1] == 0), np.diff(ahead["position"]), 0.0).clip(0.0) / paces
        times = np.cumsum(lasts)
        passed = int(np.searchsorted(times, playtime, side="right"))
        self.cursor = int(ahead["moment"][passed])
        return playtime - float(times[passed - 1]) if passed else playtime

    # -- looking ------------------------------------------------------------------------------------------------------

    def seen(self, run: int) -> Rows:
        """A run's rows up to the cursor, the start included."""
        rows = self._runs[run].values
        return rows[: bisect_right(rows["moment"], self.cursor)]  # searchsorted would copy the column

    @property
    def updates(self) -> tuple[int, ...]:
        """How many updates each run has made at the cursor."""
        return tuple(int(self.seen(run)[-1]["update"]) for run in range(len(self._runs)))

    def recorded(self, run: int) -> Rows:
        """All of a run's rows, whatever the cursor."""
        return self._runs[run].values

    def evaluations(self, run: int) -> NDArray[np.int64]:
        """The indices, among a run's rows, of those in which the losses over all examples were evaluated; thinned."""
        return thinned(self._evaluations[run].values)

    def all_rows(self) -> Rows:
        """Everything that was recorded, run by run."""
        return np.concatenate([column.values for column in self._runs])

    def evaluated(self, run: int) -> np.void:
        """A run's last row at the cursor in which the losses over all examples were evaluated."""
        seen = self.seen(run)
        row: np.void = seen[self._evaluated[run].values[len(seen) - 1]]
        return row

    def lately(self, run: int) -> tuple[np.void, np.void]:
        """A run's row at the cursor, and one some updates before, to know how fast it is."""
        seen = self.seen(run)
        return seen[-1], seen[max(0, len(seen) - 1 - _RATE_WINDOW)]
