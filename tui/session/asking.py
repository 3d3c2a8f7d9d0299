"""How it stands with the engine that an experiment on the screen asks, and what is said where that goes wrong."""

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from typing import Any

from sim.protocol.answers import Answer, Failed
from sim.protocol.commands import Command
from tui.session.banner import Banner
from tui.session.link import EngineGoneError, Link, StaleError
from tui.session.player import Player


class Phase(Enum):
    """How far the experiment on the screen has got."""

    STARTING = auto()
    """The engine is being started: nothing stands yet, or nothing any more."""
    STANDING = auto()
    """There is an experiment, and the engine works on it."""
    BEGINNING_AGAIN = auto()
    """The same, until the experiment that is to replace it stands."""
    BROKEN = auto()
    """The engine is gone, or cannot do what it was asked: the banner says why."""


class Asking:
    """An experiment on the screen, as far as it asks the engine; `Session` has the rest.

    Attributes:
        link: the way to the engine.
        notify: shows the user a sentence.
        phase: how it stands.
        player: playing or paused, and how fast.
        banner: trouble, or None.
    """

    def __init__(self, link: Link, notify: Callable[[str], None]) -> None:
        self.link, self.notify = link, notify
        self.phase = Phase.STARTING
        self.player = Player()
        self.banner: Banner | None = None
        self._killed = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def output(self) -> str:
        """What the engine, and a model in it, printed last."""
        return self.link.output

    @property
    def busy_for(self) -> float:
        """Seconds that the engine has been working on a command."""
        return self.link.busy_for

    def kill(self) -> None:
        """End the engine at once."""
        self._killed = True
        self.link.kill()

    async def ask(self, command: Command) -> Answer | None:
        """Send a command; trouble becomes the banner, what is stale nothing."""
        try:
            answer = await self.link.request(command)
        except StaleError:
            return None
        except EngineGoneError as gone:
            self._lose_engine(gone)
            return None
        if isinstance(answer, Failed) and self.phase is not Phase.BROKEN:
            self._break(Banner(answer.sentence, answer.details, config=answer.config))
        return answer

    def _lose_engine(self, gone: EngineGoneError) -> None:
        sentence = "You stopped the engine." if self._killed else str(gone)
        self._break(Banner(f"{sentence} Press r to start it again.", gone.output, dead=True))

    def _break(self, banner: Banner) -> None:
        self.player.pause()
        self.phase, self.banner = Phase.BROKEN, banner

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have something done meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
