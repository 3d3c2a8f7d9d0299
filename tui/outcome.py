"""What came of an experiment that ran without a screen: how its runs ended, and all of its rows, which go to disk."""

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.journal import Removal
from sim.experiment.resolved import Lineage
from sim.protocol.answers import Advanced, Members, Opened, PlaneNews, Trouble
from sim.protocol.trace import BANDS, RECORDED, Rows, Status
from tui.export import columns_of, ended, with_points
from tui.session.trails import PlaneTrails
from tui.spool import Spool

if TYPE_CHECKING:
    from tui.session.past import Past

_EVALUATED = (*(one.name for one in RECORDED if one.cost == "pass"), *BANDS["loss"])


class Ends:
    """Where runs have got to, from rows that are not kept.

    Attributes:
        rows: the last row of each run, shape (1,).
        losses: for each run what was last evaluated over all examples, by name.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Rows] = {}
        self.losses: dict[int, dict[str, float]] = {}

    @property
    def moment(self) -> int:
        """The last one at which there was a row."""
        return max(int(row["moment"]) for (row,) in self.rows.values())

    def take(self, rows: Rows) -> None:
        """Take in further rows, each run's in the order of its updates."""
        for run in np.unique(rows["run"]).tolist():
            own = rows[rows["run"] == run]
            self.rows[run] = own[-1:].copy()
            for name in (one for one in _EVALUATED if one in (own.dtype.names or ())):
                known = own[name][~np.isnan(own[name])]
                if len(known):
                    self.losses.setdefault(run, {})[name] = float(known[-1])


class Outcome:
    """What came of the runs so far.

    Attributes:
        opened: what the engine said at the start.
        lineages: the runs, those that were forked off among them.
        trails: where the runs went, as far as that may still change.
        members: of each run where they are made from several seeds; else none.
        ends: how far the runs have got.
        journal: what was changed on the way, or was to be.
        failures: why runs failed.
        troubles: a sentence for each thing that went wrong.
        stopped_by: the signal that stopped it before its end; None: none did.
    """

    def __init__(self, opened: Opened, spool: Spool | None = None) -> None:
        """Begin with the start; the rows go to the spool, if there is one."""
        self.opened = opened
        self.lineages: tuple[Lineage, ...] = opened.experiment.lineages
        self.trails = PlaneTrails(opened.plane)
        self.members: tuple[Members, ...] = ()
        self.ends = Ends()
        self.journal = opened.experiment.changes
        self.failures: list[Trouble] = []
        self.troubles: list[str] = []
        self.stopped_by: signal.Signals | None = None
        self._spool = spool
        self._append(opened.rows)

    @property
    def names(self) -> list[str]:
        """The runs' names."""
        return [lineage.newest.name for lineage in self.lineages]

    @property
    def columns(self) -> list[str]:
        """The names of the columns of an export."""
        return columns_of(self.opened.rows, flat=self.trails.plane.flat)

    def pieces(self) -> Iterator[Rows]:
        """All rows, as an export wants them: run by run, in blocks, as they ended and with where the runs were."""
        assert self._spool is not None, "without a spool no row is kept"
        flat = self.trails.plane.flat
        found = (rows if flat else with_points(rows, self.trails.points_of(rows)) for rows in self._spool.pieces())
        return ended(found, self.failures)

    def newest(self, run: int, name: str) -> float:
        """What was last evaluated of a run over all examples, as it ended; NaN if nothing ever was."""
        known = self.ends.losses.get(run, {})
        failed = [trouble.measures for trouble in self.failures if trouble.run == run and name in trouble.measures]
        return failed[-1][name] if failed else known.get(name, np.nan)

    def status(self, run: int) -> Status:
        """How a run ended."""
        failed = any(trouble.run == run for trouble in self.failures)
        return Status.FAILED if failed else Status(self.ends.rows[run]["status"][0])

    def ending(self, run: int) -> str:
        """The same in a word: a run that was removed has an end of its own."""
        end = self.ends.moment
        removed = {change.run for change in self.journal if isinstance(change, Removal) and change.moment <= end}
        return "removed" if self.names[run] in removed else self.status(run).name.lower()

    def take(self, answer: Advanced) -> None:
        """Take in what the runs did; what a fork has in common with its parent is the fork's, too."""
        self.take_plane(answer.plane, answer.lineages)
        there = len(self.lineages)
        self._append(answer.rows[answer.rows["run"] < there])
        for run in range(there, len(answer.lineages)):
            if self._spool is not None:
                for past in self._spool.past(answer.lineages[run], run):
                    self._spool.append(past)
                    self.ends.take(past)
            self._append(answer.rows[answer.rows["run"] == run])
        self._take_runs(answer)

    def _take_runs(self, answer: Advanced) -> None:
        self.lineages, self.members = answer.lineages, answer.members
        self.failures += answer.troubles
        self.troubles += (trouble.sentence for trouble in answer.troubles)

    def go_on_from(self, past: "Past") -> None:
        """Take in what was recorded of the runs before they went on; its rows where any are kept."""
        news, there = self.opened.past, len(self.lineages)
        assert news is not None, "the experiment was opened where it goes on"
        self.take_plane(news.plane, news.lineages)
        for rows in past.ends:
            self.ends.take(rows)
        if self._spool is not None:
            for rows, points in past.pieces():
                new = (rows["update"] > 0) | (rows["run"] >= there)  # the start is there
                self._spool.append(with_points(rows[new], points[new]))
        self._take_runs(news)

    def take_plane(self, news: PlaneNews, lineages: tuple[Lineage, ...] = ()) -> None:
        """Take in where the runs are seen from now on."""
        if news.flat:  # what was sent before stays as it is, and stands beside the rows by now
            self.trails = PlaneTrails(news)
        else:
            self.trails.take(news, lineages)

    def _append(self, rows: Rows) -> None:
        self.ends.take(rows)
        if self._spool is not None:
            self._spool.append(with_points(rows, self.trails.points_of(rows)))
