"""Has what was recorded of a session's past read: what is looked at first, then all of it."""

from typing import TYPE_CHECKING

from sim.experiment.errors import ConfigError
from sim.protocol.trace import Excerpt, together
from tui.session.parts import Parts
from tui.session.record import fill

if TYPE_CHECKING:
    from tui.session.keeping import Keeping
    from tui.session.past import Past

_GATHERED = 2  # parts that are recorded at once
_UNSEEN = 8  # times that parts are recorded until the curves are drawn with them: that takes as long as to record some


class Reading:
    """Brings the parts of a recording into a session's record.

    Attributes:
        parts: which were read.
        busy: whether one is being read.
    """

    def __init__(self, past: "Past", session: "Keeping") -> None:
        self.parts = Parts(len(past.part_ends), past.forked_in)
        self.busy = False
        self._past, self._session = past, session
        self._gathered: list[tuple[int, Excerpt]] = []
        self._unseen = 0

    def has(self, moment: int) -> bool:
        """Whether a moment is in a part."""
        return moment <= int(self._past.part_ends[-1])

    def begin(self) -> None:
        """Record where the runs were at the ends of parts."""
        session, ends = self._session, self._past.overview.moments
        assert session.history is not None, "an experiment has been opened"
        assert session.trails is not None, "an experiment has been opened"
        begun = tuple(lineage for lineage in self._past.news.lineages if lineage.moment <= ends[-1])
        for lineage in begun[len(session.lineages) :]:
            session.trails.fork(lineage)
        session.branch(begun, session.history)
        self._fill(self._past.overview)

    def go_on(self) -> None:
        """Have one part read: one that is looked at, else one of the rest; none while one is being read."""
        if self.busy:
            return
        if (part := self._looked_at) is not None:
            self._begin(part, needed=True)
        elif (part := self.parts.next()) is not None:
            self._begin(part, needed=False)
        else:
            self._record()
            self._show_more(after=1)

    @property
    def _looked_at(self) -> int | None:
        """A part that is looked at and is not there; None without any."""
        history = self._session.history
        return None if history is None else self.parts.needed(history, self._past.part_ends)

    def _begin(self, part: int, *, needed: bool) -> None:
        self.busy = True
        self._session.spawn(self._read(part, needed=needed))

    async def _read(self, part: int, *, needed: bool) -> None:
        try:
            excerpt = await self._past.part(part)
        except ConfigError as error:  # damaged, or gone
            self._session.stop_reading(self, str(error))
            return
        finally:
            self.busy = False
        if self._session.reading is not self:
            return
        self._gathered.append((part, excerpt))
        at_hand, looked_at = [number for number, _ in self._gathered], self._looked_at
        if needed or looked_at in at_hand or (looked_at is None and len(at_hand) >= _GATHERED):
            self._record()
        elif looked_at is not None:  # since this one was begun
            self._begin(looked_at, needed=True)

    def _record(self) -> None:
        """Record the parts that were read: several at once, since that takes about as long as one."""
        history = self._session.history
        if history is not None and self._gathered:
            for part, _ in self._gathered:
                self.parts.note(part, history)
            self._fill(together([excerpt for _, excerpt in self._gathered]))
            self._gathered = []
            self._unseen += 1
            self._show_more(after=_UNSEEN)

    def _fill(self, excerpt: Excerpt) -> None:
        session = self._session
        if session.history is not None and session.trails is not None:
            fill(excerpt, session.history, session.trails, session.journal, session.lineages)

    def _show_more(self, after: int) -> None:
        """Have the curves drawn with what was recorded in between, if that was done so often."""
        if self._unseen >= after:
            self._unseen = 0
            self._session.filled += 1
