"""An experiment on the screen, as far as it is kept what its runs did."""

import math
from collections.abc import Callable

from sim.experiment.config import Experiment
from sim.protocol.answers import Advanced, Opened, Trouble
from sim.protocol.results import Remade
from sim.protocol.trace import Rows
from tui.session.banner import Banner, with_hint
from tui.session.changing import Changing
from tui.session.gaps import Gap
from tui.session.history import History
from tui.session.inflow import Inflow
from tui.session.link import Link
from tui.session.members import KeptMembers
from tui.session.reading import Reading
from tui.session.record import close, record
from tui.session.trails import PlaneTrails

FRAMES_AT_ONCE = 3  # computed with one command while it plays as fast as possible


class Keeping(Changing):
    """The record of an experiment; `Session` has the rest.

    Attributes:
        history: what was recorded; None until it stands.
        trails: where the runs went on the plane; None until it stands.
        members: where those of each run were that is made from several seeds.
        troubles: why runs failed, by their index.
        finished: no run has anything left to do.
        filled: how many times what had been left out of the record has come in.
        reading: reads what was recorded before it was opened; None where there is nothing more to be read.
        RECORD_SHARE: of the memory, for the record on this side: what takes longer to thin would hold up a frame.
    """

    RECORD_SHARE = 1 / 16

    def __init__(self, asked: Experiment, link: Link, notify: Callable[[str], None], memory: float) -> None:
        """Nothing is kept yet; `memory` is in bytes, for what is kept of the past here and in the engine."""
        super().__init__(asked, link, notify)
        self.history: History | None = None
        self.trails: PlaneTrails | None = None
        self.members = KeptMembers()
        self.troubles: dict[int, Trouble] = {}
        self.finished = False
        self.filled = 0
        self.reading: Reading | None = None
        self._memory = memory
        self._inflow = Inflow()

    @property
    def caught_up(self) -> bool:
        """Whether the cursor is where the engine is, as far as is known."""
        return self.history is not None and self.history.live and self._inflow.empty

    @property
    def hurried(self) -> bool:
        """Whether it plays as fast as possible: the engine then always has a next command waiting."""
        return self.player.playing and math.isinf(self.player.speed)

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

    def catch_up(self) -> None:
        """See `Changing`."""
        if self.history is not None:
            self._store(self._inflow.rest())

    def stop_reading(self, reading: Reading, why: str) -> None:
        """Break off where a recording cannot be read, unless nobody reads it any more."""
        if self.reading is reading:
            self.reading = None
            self._break(Banner(why))

    def _begin_record(self, answer: Opened) -> None:
        """Keep what an experiment does from its start on, and what was recorded of it before it was opened."""
        self.history = History(answer.rows, self.RECORD_SHARE * self._memory)
        self.trails, self.members, self._inflow = PlaneTrails(answer.plane), KeptMembers(), Inflow()
        self.journal, self.lineages = answer.experiment.changes, answer.experiment.lineages
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

    def _store(self, rows: Rows) -> None:
        if self.history is not None and self.trails is not None:
            record(rows, self.history, self.trails, self.journal)

    def _record(self, answer: Advanced, history: History, trails: PlaneTrails) -> None:
        """Record what the runs did, with forks that were planned where they begin."""
        self._store(self._inflow.rest())
        rows = answer.rows
        for made in range(len(self.lineages) + 1, len(answer.lineages) + 1):
            before = rows["moment"] <= answer.lineages[made - 1].moment
            self._store(rows[before])
            rows = rows[~before]
            self.branch(answer.lineages[:made], history)
        self.branch(answer.lineages, history)
        if self.hurried and not answer.finished:
            self._inflow.put(rows, FRAMES_AT_ONCE)
        else:
            self._store(rows)
        trails.take(answer.plane, answer.lineages)
        if len(rows):
            self.members.take(int(rows[-1]["moment"]), answer.members)
        self.finished = answer.finished
        for trouble in answer.troubles:
            self.troubles[trouble.run] = trouble
            self.notify(with_hint(trouble.sentence, trouble.details))
