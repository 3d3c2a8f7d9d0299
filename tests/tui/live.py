"""The screen while the race is on, with the real engine in this process, and what a test does with it."""

from sim.protocol.trace import Rows
from tests.tui.screen import settled, wait_for
from tui.app import GdsimApp
from tui.session.session import Session


class Live:
    """The screen, and what a test does with it."""

    def __init__(self, app: GdsimApp, pilot, heard: list[str]) -> None:
        self.app, self.pilot, self.heard = app, pilot, heard

    @property
    def session(self) -> Session:
        return self.app.session

    @property
    def names(self) -> list[str]:
        return [lineage.newest.name for lineage in self.session.lineages]

    async def go(self, moments: int) -> None:
        history = self.session.history
        there = history.cursor + moments
        self.session.step(moments)
        await wait_for(self.pilot, lambda: history.cursor == there)
        await settled(self.pilot)

    async def change(self, *keys: str) -> None:
        """Press keys of which each makes a change."""
        for key in keys:
            made = len(self.session.journal)
            await self.pilot.press(key)
            await wait_for(self.pilot, lambda made=made: len(self.session.journal) == made + 1)
        await settled(self.pilot)

    def recorded(self, run: int) -> Rows:
        return self.session.history.recorded(run)

    def notified(self) -> list[str]:
        """What the user was notified of so far; on the screen it stays for a short time only."""
        return self.heard
