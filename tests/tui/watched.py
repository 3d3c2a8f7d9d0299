"""A session over a replaying link, and what it asked for and said."""

import asyncio

from sim.experiment.config import Experiment
from sim.protocol.commands import Advance
from sim.protocol.trace import Rows
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race
from tui.session.history import History
from tui.session.session import Session


class Watched:
    """A session that stands, its link, and what the user was notified of."""

    def __init__(self, experiment: Experiment, until: float, link: type[ReplayLink]) -> None:
        self.notified: list[str] = []
        self.race = make_race(experiment, until)
        self.link = link(self.race)
        self.session = Session(experiment, CARD, self.link, self.notified.append)

    @property
    def rows(self) -> Rows:
        return self.race.rows

    @property
    def history(self) -> History:
        assert self.session.history is not None
        return self.session.history

    async def frame(self, seconds: float = 0.0) -> None:
        """Some time goes by, and whatever was asked is answered."""
        self.session.frame(seconds)
        await settle()

    async def step(self, moments: int) -> None:
        self.session.step(moments)
        await settle()

    def advances(self) -> list[Advance]:
        return [command for command in self.link.commands if isinstance(command, Advance)]


async def settle() -> None:
    """Let every task do what it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def stand(
    experiment: Experiment | None = None, until: float = 60, link: type[ReplayLink] = ReplayLink
) -> Watched:
    watched = Watched(experiment or make_experiment(), until, link)
    await watched.session.open()
    return watched
