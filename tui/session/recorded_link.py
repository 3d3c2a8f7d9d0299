"""A way to the engine beside which all that comes back may be recorded."""

import asyncio
import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sim.protocol.answers import Answer, Opened
from sim.protocol.commands import CHECKPOINTS_EVERY, Command, Open, Save
from tui.session.link import EngineGoneError, Link

if TYPE_CHECKING:
    from sim.recording.writer import Writer
    from tui.session.past import Past
    from tui.session.resuming import Resumption

_PATIENCE = 0.02  # seconds between two looks whether the disk has caught up
_SAVE = Save(CHECKPOINTS_EVERY)


class RecordedLink:
    """A link whose answers are recorded, too.

    Args:
        link: the way to the engine.
        notify: shows the user a sentence about the recording.
        writer: of the recording; None: there is none yet.
        resumption: the recording that the first experiment goes on from, if it does.

    Attributes:
        past: see `Link`.
    """

    def __init__(
        self,
        link: Link,
        notify: Callable[[str], None],
        writer: "Writer | None" = None,
        resumption: "Resumption | None" = None,
    ) -> None:
        self._link, self._notify = link, notify
        self._writer = writer
        self._resumption = resumption
        self.past: Past | None = None if resumption is None else resumption.past

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

    @property
    def recording(self) -> Path | None:
        """See `Link`."""
        return None if self._writer is None or self._writer.over else self._writer.file

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        if not isinstance(command, Open):
            return await self._recorded(command, await self._link.request(command))
        resumption, self._resumption = self._resumption, None
        if resumption is None:
            self._forget_past()
            answer = await self._link.request(command)
        else:
            answer = resumption.answer(await self._link.request(resumption.question(command)))
        await self._recorded(command, answer)
        if isinstance(answer, Opened) and self._writer is not None:
            await self._recorded(_SAVE, await self._link.request(_SAVE))
        return answer

    async def _recorded(self, command: Command, answer: Answer) -> Answer:
        writer = self._writer
        if writer is not None:
            writer.take(command, answer)
            for sentence in writer.sentences():
                self._notify(sentence)
            while writer.behind:
                await asyncio.sleep(_PATIENCE)
        return answer

    async def begin(self, path: Path, past: Callable[[], Iterable[tuple[Command, Answer]]]) -> None:
        """Record from here on, and before it the past, in the words in which it would have been answered."""
        from sim.recording.writer import Writer  # and SQLite, which the first frame does not wait for

        saved = await self._link.request(_SAVE)
        writer = Writer(path)
        for command, answer in (*past(), (_SAVE, saved)):
            writer.take(command, answer)
        self._writer = writer

    async def end(self) -> None:
        """Record no further."""
        writer, self._writer = self._writer, None
        if writer is not None:
            past = self.past
            await asyncio.to_thread(writer.close if past is None else partial(past.let_go, writer.close))
            await self._link.request(Save(math.inf))

    def close(self) -> None:
        """Write what is left; nothing will be asked any more."""
        if self._writer is not None:
            self._writer.close()

    def kill(self) -> None:
        """See `Link`."""
        self._link.kill()
        self._forget_past()  # whoever reads the file keeps its log

    def _forget_past(self) -> None:
        past, self.past = self.past, None
        if past is not None:
            past.close()
