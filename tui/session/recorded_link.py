"""A way to the engine beside which all that comes back is recorded."""

import asyncio
from collections.abc import Callable

from sim.protocol.answers import Answer
from sim.protocol.commands import Command
from sim.recording.writer import Writer
from tui.session.link import EngineGoneError, Link

_PATIENCE = 0.02  # seconds between two looks whether the disk has caught up


class RecordedLink:
    """A link whose answers are recorded, too.

    Args:
        link: the way to the engine.
        writer: of the recording.
        notify: shows the user a sentence about the recording.
    """

    def __init__(self, link: Link, writer: Writer, notify: Callable[[str], None]) -> None:
        self._link, self._writer, self._notify = link, writer, notify

    @property
    def busy_for(self) -> float:
        """See `Link`."""
        return self._link.busy_for

    @property
    def process_id(self) -> int | None:
        """See `Link`."""
        return self._link.process_id

    @property
    def gone(self) -> EngineGoneError | None:
        """See `Link`."""
        return self._link.gone

    @property
    def output(self) -> str:
        """See `Link`."""
        return self._link.output

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        answer = await self._link.request(command)
        self._writer.take(command, answer)
        for sentence in self._writer.sentences():
            self._notify(sentence)
        while self._writer.behind:
            await asyncio.sleep(_PATIENCE)
        return answer

    def kill(self) -> None:
        """See `Link`."""
        self._link.kill()
