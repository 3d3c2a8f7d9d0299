"""What was recorded so far, and the cursor that looks at some moment of it. Pure data."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.resolved import Lineage
from sim.protocol.trace import Rows, forked
from tui.session.column import Column, thinned
from tui.session.gaps import Gap
from tui.session.run_record import RunRecord
from tui.session.thinning import drawn, outstanding, power_of_two

_REPLAYED_AT_ONCE = 20_000  # moments
_RATE_WINDOW = 200  # updates over which a run's speed is measured

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_MOMENT = np.dtype([("moment", np.int64), ("position", np.float64), ("clock", np.uint8)])
_BESIDE = 2 * 8 + _MOMENT.itemsize + 32  # bytes for each row: where it is found, and its point in the trails
_FIRST = 4096  # moments from the start on that stay, as far as there is room: what is most looked at
_ROWS_OF_A_STRETCH = 8  # that stay of each run, or more
_CLOSE = 128  # moments around the one that is sought: as far as all of them are looked for where some were left out
_SHARE = 4  # one in so many rows is left of the older ones, and as many are of the newest


class History:
    """The record of the runs: every row of every run, and a cursor, the moment up to which they are seen.

    Where it has become full, older moments are left out. One that stays does so for all runs: what is to be seen at it
    is what was to be seen before.

    Attributes:
        sought: the moment that is asked for; where it was left out, the cursor is at one beside it.
        width: how many moments long the stretches are of which the extremes stayed.
        thinnings: how many times moments were left out.
    """

    def __init__(self, start: Rows, memory: float = math.inf, selected: float = math.inf) -> None:
        """Begin with update 0 of each run, shape (runs,), in the order of the runs.

        Args:
            start: these rows.
            memory: bytes that the record, with the points of these updates, may take.
            selected: how many rows there may be at most where they are a selection, from which most moments are left
                out.
        """
        self._cursor = self.sought = 0
        self._most_rows = memory / (2 * (start.dtype.itemsize + _BESIDE))  # arrays grow by doubling
        self._most_selected = min(selected, self._most_rows)
        self.width = 1
        self.thinnings = 0
        self._runs = [RunRecord(start[:0]) for _ in start]
        self._moments = Column(_MOMENT)
        self._moments.extend(_moments_of(start[:1]))
        self._append_runs(start)

    # -- recording ----------------------------------------------------------------------------------------------------

    def append(self, rows: Rows) -> None:
        """Record new rows, in the order of their moments; a cursor at the end stays there."""
        if not len(rows):
            return
        was_live = self.live
        self._append_runs(rows)
        self._moments.extend(_moments_of(rows))
        if was_live:
            self.cursor = self.end

    def _append_runs(self, rows: Rows) -> None:
        for index, run in enumerate(self._runs):
            run.append(rows[rows["run"] == index])

    def fork(self, lineage: Lineage) -> None:
        """Record one run more, which has its past in common with another one."""
        assert lineage.parent is not None
        self._runs.append(RunRecord(forked(self._runs[lineage.parent].rows, lineage, len(self._runs))))

    # -- thinning -----------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether there are to be no more rows."""
        return sum(len(run.rows) for run in self._runs) > self._most

    @property
    def _most(self) -> float:
        """How many rows there may be."""
        selection = self.end > _SHARE * len(self._moments.values)
        return self._most_selected if selection else self._most_rows

    def thin(self, points: Sequence[Floats], marked: Sequence[int] = ()) -> None:
        """Leave out moments between the first and the newest ones, so that there is room again.

        Of each stretch those stay at which a measure of a run, or where it was, is extreme.

        Args:
            points: for each run where it was after the updates of its rows, shape (n, 2); NaN where that is not known.
            marked: moments that stay.
        """
        recorded = self._moments.values
        moments, most = recorded["moment"], self._most / _SHARE
        share = len(moments) // _SHARE
        first, newest = (int(moments[index]) for index in (min(_FIRST, share), len(moments) - share))
        ways = [drawn(run.rows, xy, first, newest) for run, xy in zip(self._runs, points, strict=True)]
        breaks, near = _breaks(recorded), np.arange(self.sought - _CLOSE, self.sought + _CLOSE + 1)
        always = np.concatenate([moments[breaks], moments[breaks + 1], np.array(marked, np.int64), near])
        stretches = most / (_ROWS_OF_A_STRETCH * len(self._runs))
        self.width = max(self.width, power_of_two((newest - first) / stretches))
        while True:
            kept = np.sort(np.concatenate([always, *(outstanding(*way, self.width) for way in ways)]))
            stay = [run.found_at(kept) for run in self._runs]
            if sum(map(np.count_nonzero, stay)) <= most or self.width > newest:
                break
            self.width *= 2
        last = kept[np.searchsorted(kept, moments, side="right") - 1] if len(kept) else moments[:0]
        self._moments.replace(recorded[(moments < first) | (moments >= newest) | (last == moments)])
        for run, stays in zip(self._runs, stay, strict=True):
            begin, end = np.searchsorted(run.rows["moment"], [first, newest])
            stays[:begin] = stays[end:] = True
            run.replace(run.rows[stays])
        self.thinnings += 1
        self.seek_to(self.sought)

    @property
    def gap(self) -> Gap | None:
        """What was left out around the moment that is sought, as far as that can be made good."""
        recorded = self._moments.values
        moments = recorded["moment"]
        begin = max(0, bisect_right(moments, self.sought - _CLOSE) - 1)
        end = min(bisect_left(moments, self.sought + _CLOSE), len(moments) - 1)
        breaks = begin + _breaks(recorded[begin : end + 1])
        here = bisect_right(moments, self.sought) - 1
        begin = max([begin, *(breaks[breaks < here] + 1)])
        end = min([end, *breaks[breaks >= here]])
        low, high = int(moments[begin]), int(moments[end])
        rows = []
        for run in self._runs:
            own = run.rows
            first = max(0, bisect_right(own["moment"], low) - 1)
            rows.append(own[first : bisect_left(own["moment"], high) + 1])
        gap = Gap(recorded[begin : end + 1], tuple(rows))
        return gap if gap.bounded else None

    def close(self, gap: Gap, made: Rows) -> Rows:
        """Record what was left out around the moment that is sought, of the rows that were made again; those."""
        rows = gap.closed(made)
        rows = np.compress(np.abs(rows["moment"] - self.sought) <= 2 * _CLOSE, rows)
        self.fill(rows, rows["moment"])
        return rows

    def fill(self, rows: Rows, moments: Indices) -> None:
        """Record what there is at some moments between those that are there; some may be there already.

        Args:
            rows: in the order of their moments.
            moments: those of which all is known then.
        """
        complete = _moments_of(rows[np.isin(rows["moment"], moments)])
        self._moments.replace(_merged(self._moments.values, complete, "moment"))
        for index, run in enumerate(self._runs):
            run.replace(_merged(run.rows, rows[rows["run"] == index], "update"))
        self.seek_to(self.sought)

    # -- the cursor ---------------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """The moment that is looked at; 0 is the start."""
        return self._cursor

    @cursor.setter
    def cursor(self, moment: int) -> None:
        self._cursor = self.sought = moment

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

    def seek(self, moments: int) -> int:
        """Move the cursor by so many moments, forward or back; how many of them are not there yet.

        Where moments were left out, it moves to the next one that is there, and the one that is meant is sought.
        """
        recorded, sought = self._moments.values["moment"], self.sought + moments
        if moments < 0:
            index = bisect_right(recorded, min(sought, self.cursor - 1)) - 1
        else:
            index = bisect_left(recorded, max(sought, self.cursor + 1)) if moments else bisect_left(recorded, sought)
        self._cursor = int(recorded[min(max(index, 0), len(recorded) - 1)])
        self.sought = min(max(sought, 0), self.end)
        return max(0, sought - self.end)

    def seek_to(self, moment: int) -> None:
        """Move the cursor to a moment, or the last recorded one before it."""
        recorded = self._moments.values["moment"]
        self._cursor = int(recorded[max(0, bisect_right(recorded, moment) - 1)])
        self.sought = min(max(moment, 0), self.end)

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
        rows = self._runs[run].rows
        return rows[: bisect_right(rows["moment"], self.cursor)]  # searchsorted would copy the column

    @property
    def updates(self) -> tuple[int, ...]:
        """How many updates each run has made at the cursor."""
        return tuple(int(self.seen(run)[-1]["update"]) for run in range(len(self._runs)))

    def recorded(self, run: int) -> Rows:
        """All of a run's rows, whatever the cursor."""
        return self._runs[run].rows

    def evaluations(self, run: int) -> NDArray[np.int64]:
        """The indices, among a run's rows, of those in which the losses over all examples were evaluated; thinned."""
        return thinned(self._runs[run].evaluations)

    def all_rows(self) -> Rows:
        """Everything that was recorded, run by run."""
        return np.concatenate([run.rows for run in self._runs])

    def evaluated(self, run: int) -> np.void:
        """A run's last row at the cursor in which the losses over all examples were evaluated."""
        return self._runs[run].evaluated_by(len(self.seen(run)) - 1)

    def lately(self, run: int) -> tuple[np.void, np.void]:
        """A run's row at the cursor, and one some updates before, to know how fast it is."""
        seen = self.seen(run)
        return seen[-1], seen[max(0, len(seen) - 1 - _RATE_WINDOW)]


def _moments_of(rows: Rows) -> Rows:
    """The moments of rows that are in their order, once each."""
    last = np.flatnonzero(np.diff(rows["moment"], append=-1))
    moments = np.empty(len(last), _MOMENT)
    for name in _MOMENT.names or ():
        moments[name] = rows[name][last]
    return moments


def _breaks(moments: Rows) -> Indices:
    """The indices of moments after which the clock is another one, or goes back: a fork began."""
    return np.flatnonzero((np.diff(moments["clock"]) != 0) | (np.diff(moments["position"]) < 0))


def _merged(there: Rows, new: Rows, column: str) -> Rows:
    """All of what is there and what is new, in the order of a column; what is both is as it was."""
    begin, end = np.searchsorted(there[column], new[column][[0, -1]], side="left") if len(new) else (0, 0)
    both = np.concatenate([there[begin : end + 1], new])
    _, first = np.unique(both[column], return_index=True)
    return np.concatenate([there[:begin], np.take(both, first), there[end + 1 :]])
