"""A hand-made race as a recording that is still being written, and its screen."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from sim.experiment.config import Experiment
from sim.protocol.commands import Advance, Job, Open, Work
from sim.recording.reader import Recording
from sim.recording.writer import Writer
from tests.patience import PATIENCE
from tests.tui.screen import WIDE, ready, text_of
from tests.tui.traces import ReplayLink, make_experiment, make_race
from tui.replaying import ReplayApp
from tui.session.history import History
from tui.session.link import Link, ProcessLink
from tui.session.playback import Playback
from tui.session.replay import Replay


class Writing:
    """Somebody's run that is recorded.

    Attributes:
        path: where.
    """

    def __init__(self, path: Path, experiment: Experiment | None = None) -> None:
        self.path, self._writer = path, Writer(path)
        asked = experiment or make_experiment()
        self._link = ReplayLink(make_race(asked, 60))
        self._writer.take(Open(asked), self._link._answer(Open(asked)))

    def go_on(self, moments: int) -> None:
        """Have so many moments more recorded."""
        command = Advance(moments, math.inf, 60.0)
        self._writer.take(command, self._link._answer(command))
        with self._writer._changed:
            assert self._writer._changed.wait_for(lambda: not self._writer._rows, timeout=PATIENCE)

    def look(self, *jobs: Job) -> None:
        """Have something looked at closely."""
        work = Work(jobs, 1.0)
        self._writer.take(work, self._link._answer(work))
        with self._writer._changed:
            assert self._writer._changed.wait_for(lambda: not self._writer._waiting, timeout=PATIENCE)

    def end(self) -> None:
        """The run is over."""
        self._writer.close()


class Screen:
    """A replay under test; time goes by only as the test says."""

    def __init__(self, app: ReplayApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def session(self) -> Replay:
        assert isinstance(self.app.session, Replay)
        return self.app.session

    @property
    def history(self) -> History:
        assert self.session.history is not None
        return self.session.history

    async def pass_time(self, seconds: float) -> None:
        """Let so many seconds of playing go by."""
        self.session.frame(seconds)
        await self.pilot.pause()
        self.app.redraw()

    def text(self, selector: str) -> str:
        return text_of(self.app.query_one(selector))

    def toasts(self) -> str:
        """What was notified, with the lines joined."""
        return " ".join(" ".join(text_of(toast).replace("▌", " ").split()) for toast in self.app.screen.query("Toast"))


def make_replay(path: Path, *, playing: bool = False, new_link: Callable[[], Link] = ProcessLink) -> ReplayApp:
    """The screen over a recording; nothing moves by itself."""
    playback = Playback(Recording(path), new_link)
    return ReplayApp(playback.asked, playback.card, playback, ticking=False, playing=playing)


@asynccontextmanager
async def replayed(
    path: Path, *, playing: bool = False, size: tuple[int, int] = WIDE, new_link: Callable[[], Link] = ProcessLink
) -> AsyncIterator[Screen]:
    app = make_replay(path, playing=playing, new_link=new_link)
    async with app.run_test(size=size, notifications=True) as pilot:
        await ready(pilot)
        yield Screen(app, pilot)
