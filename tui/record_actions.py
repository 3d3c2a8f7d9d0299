"""The key that begins and ends a recording."""

import time
from contextlib import suppress
from pathlib import Path

from textual.app import App

from sim.experiment.errors import ConfigError
from tui.session.asking import Phase
from tui.session.link import EngineGoneError, StaleError
from tui.session.recorded_link import RecordedLink
from tui.session.session import Session
from tui.session.story import story_of


def dated(name: str, suffix: str) -> Path:
    """A file in this folder, by the name of a problem, or its file, and the time."""
    return Path(f"gdsim-{Path(name).stem}-{time.strftime('%Y%m%d-%H%M%S')}{suffix}")


class RecordActions(App[None]):
    """The action that records.

    Attributes:
        session: the experiment on the screen.
    """

    session: Session

    def action_record(self) -> None:
        """Record all of the experiment, what was before as well, in a file in this folder; or end that."""
        session, link = self.session, self.session.link
        if session.asked.seeds > 1:
            self.notify("A recording is of one seed; begin without --seeds.")
        elif session.phase is Phase.STANDING and isinstance(link, RecordedLink):
            session.spawn(self._end(session, link) if link.recording else self._begin(session, link))
        elif session.phase is Phase.BROKEN:
            self.notify("Nothing can be recorded as things are; press r to begin again.")
        else:
            self.notify("There is nothing yet to be recorded.")

    async def _begin(self, session: Session, link: RecordedLink) -> None:
        from sim.recording.schema import SUFFIX
        from sim.recording.writer import check  # and SQLite, which the first frame does not wait for

        path = dated(session.card.name, SUFFIX)
        try:
            check(path)
        except ConfigError as error:
            self.notify(str(error), severity="error")
            return
        with suppress(StaleError, EngineGoneError):
            async with session.changing:
                if link.recording is None:
                    await link.begin(path, lambda: story_of(session))
                    self.notify(f"Recording to {path}, from the start on; W ends it.")

    async def _end(self, session: Session, link: RecordedLink) -> None:
        with suppress(StaleError, EngineGoneError):
            async with session.changing:
                if file := link.recording:
                    await link.end()
                    self.notify(f"Recorded in {file}; gdsim replay shows it, gdsim resume goes on.")
