"""The record of an experiment on the screen: what its runs did since it was opened, and what was recorded before."""

from collections.abc import Callable

from sim.experiment.config import Experiment
from sim.experiment.journal import clock_after
from sim.protocol.answers import Opened
from sim.protocol.results import Remade
from tui.session.banner import Banner
from tui.session.gaps import Gap
from tui.session.going_on import GoingOn
from tui.session.history import History
from tui.session.inflow import Inflow
from tui.session.link import Link
from tui.session.members import KeptMembers
from tui.session.reading import Reading
from tui.session.record import close
from tui.session.trails import PlaneTrails


class Keeping(GoingOn):
    """An experiment of which a record is kept; `Session` has the rest.

    Attributes:
        history: what was recorded; None until it stands.
        trails: where the runs went on the plane; None until it stands.
        filled: how many times what had been left out of the record has come in.
        reading: reads what was recorded before it was opened; None where there is nothing to be read.
        RECORD_SHARE: of the memory, for the record on this side.
        MOST_SELECTED: how many rows of a selection are recorded: more than are drawn, and thinned within a frame.
    """

    RECORD_SHARE = 1 / 16
    MOST_SELECTED = 24_000.0

    def __init__(self, asked: Experiment, link: Link, notify: Callable[[str], None], memory: float) -> None:
        """Nothing is kept yet; `memory` is in bytes, for what is kept of the past here and in the engine."""
        super().__init__(asked, link, notify)
        self.history: History | None = None
        self.trails: PlaneTrails | None = None
        self.filled = 0
        self.reading: Reading | None = None
        self._memory = memory

    @property
    def gap(self) -> Gap | None:
        """What was left out of the record around the moment that is sought, and can be made again.

        What was recorded in a file is read there.
        """
        history, reading = self.history, self.reading
        return None if history is None or (reading is not None and reading.has(history.sought)) else history.gap

    def close(self, gap: Gap, made: Remade) -> None:
        """Record what was left out and was made again."""
        if self.history is not None and self.trails is not None:
            close(gap, made, self.history, self.trails, self.journal)
            self.filled += 1

    def stop_reading(self, reading: Reading, why: str) -> None:
        """Break off where a recording cannot be read, unless nobody reads it any more."""
        if self.reading is reading:
            self.reading = None
            self._break(Banner(why))

    def _begin_record(self, answer: Opened) -> None:
        """Keep what an experiment does from its start on, and what was recorded of it before it was opened."""
        self.history = History(answer.rows, self.RECORD_SHARE * self._memory, self.MOST_SELECTED)
        self.trails, self.members, self._inflow = PlaneTrails(answer.plane), KeptMembers(), Inflow()
        self.clock, self.journal = answer.experiment.clock, answer.experiment.changes
        self.lineages = answer.experiment.lineages
        self.troubles, self.reading = {}, None
        if answer.past is None:
            return
        past = self.link.past
        if past is not None:
            self.journal = past.journal
            if len(past.part_ends):
                self.reading = Reading(past, self)
                self.reading.begin()
        self._record(answer.past, self.history, self.trails)
        self.history.seek_live()
        self.clock = clock_after(self.asked.clock, self.journal, self.history.end)

    def _go_on(self, history: History) -> None:
        if self.reading is not None:
            self.reading.go_on()
        super()._go_on(history)
