"""The way to the engine: in a child process, or inline for tests and for runs without a screen."""

import asyncio
import contextlib
import signal
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sim.loading import loading
from sim.protocol.answers import Answer, Reply
from sim.protocol.commands import Command, Open, Request
from tui.session.engine_process import EngineProcess

if TYPE_CHECKING:
    from sim.engine import Engine
    from tui.session.past import Past


class EngineGoneError(Exception):
    """The engine's process ended; the message says how, `output` is the last it printed."""

    def __init__(self, sentence: str, output: str) -> None:
        super().__init__(sentence)
        self.output = output


class StaleError(Exception):
    """The answer is about an experiment that is no longer the open one."""


class Link(Protocol):
    """A way to an engine: carries commands to it, and its answers back."""

    @property
    def busy_for(self) -> float:
        """Seconds since the oldest unanswered command was sent; 0 when idle."""

    @property
    def process_id(self) -> int | None:
        """The engine's process; None when there is none."""

    @property
    def gone(self) -> EngineGoneError | None:
        """How the process ended, if it did and no other was started since."""

    @property
    def output(self) -> str:
        """What the engine, and the model in it, printed last."""

    @property
    def recording(self) -> Path | None:
        """The file that its answers are recorded in; None where they are not."""

    @property
    def past(self) -> "Past | None":
        """What was recorded of its experiment before it was opened; None where nothing was."""

    async def request(self, command: Command) -> Answer:
        """Send a command and wait for its answer.

        Raises:
            EngineGoneError: when the process has ended.
            StaleError: when another experiment was opened meanwhile.
        """

    def kill(self) -> None:
        """End the engine at once, whatever it is doing."""


class InlineLink:
    """A link to an engine in this very process, which loads torch."""

    process_id = None
    gone = None
    busy_for = 0.0
    output = ""
    recording = None
    past = None

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command and return its answer."""
        if self._engine is None:
            self._engine = _engine_class()()
        return self._engine.ask(command)

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        return self.ask(command)

    def kill(self) -> None:
        """Drop the engine."""
        self._engine = None


@cache
def _engine_class() -> "type[Engine]":
    with loading():
        from sim.engine import Engine
    return Engine


class ProcessLink:
    """A link to an engine in a child process.

    The process starts with the first request, where it was not started before, and once it has ended with the next
    `Open`.

    Args:
        process: one that was started before.
    """

    recording = None
    past = None

    def __init__(self, process: EngineProcess | None = None) -> None:
        self._process = process
        self._listening = False
        self._gone: EngineGoneError | None = None
        self._output = ""
        self._waiting: dict[int, tuple[asyncio.Future[Answer], int, float]] = {}
        self._number = 0
        self._generation = 0

    @property
    def busy_for(self) -> float:
        """See `Link`."""
        return max((time.monotonic() - sent for _, _, sent in self._waiting.values()), default=0.0)

    @property
    def process_id(self) -> int | None:
        """See `Link`."""
        return self._process.process_id if self._process is not None else None

    @property
    def gone(self) -> EngineGoneError | None:
        """See `Link`."""
        return self._gone

    @property
    def output(self) -> str:
        """See `Link`."""
        return self._process.output if self._process is not None else self._output

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        process = self._process
        if process is None:
            if self._gone is not None and not isinstance(command, Open):
                raise self._gone
            process = self._process = EngineProcess()
        if not self._listening:
            self._listen(process)
        self._number += 1
        if isinstance(command, Open):
            self._generation += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future, self._generation, time.monotonic()
        # where sending fails the listener has seen the end, too, and answers every waiting request with the reason
        with contextlib.suppress(OSError):
            process.connection.send(Request(self._number, self._generation, command))
        return await future

    def kill(self) -> None:
        """See `Link`."""
        if self._process is not None:
            self._process.end()
            self._ended(self._process, -signal.SIGKILL)  # at once, so that the next `Open` goes to another process

    def _listen(self, process: EngineProcess) -> None:
        self._listening, self._gone = True, None
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read_replies, args=(process, loop), daemon=True).start()

    def _read_replies(self, process: EngineProcess, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while True:
                self._post(loop, self._settle, process.connection.recv())
        except (EOFError, OSError):
            self._post(loop, self._ended, process, process.wait())

    @staticmethod
    def _post(loop: asyncio.AbstractEventLoop, *call: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed by now
            loop.call_soon_threadsafe(*call)  # type: ignore[arg-type]

    def _settle(self, reply: Reply) -> None:
        future, generation, _ = self._waiting.pop(reply.number, (None, 0, 0.0))
        if future is None or future.done():  # the engine was stopped, or nobody waits any more
            return
        if generation < self._generation:
            future.set_exception(StaleError())
        else:
            future.set_result(reply.answer)

    def _ended(self, process: EngineProcess, code: int) -> None:
        if process is not self._process:
            return
        self._process, self._listening, self._output = None, False, process.output
        waiting, self._waiting = self._waiting, {}
        gone = self._gone = EngineGoneError(_how_it_ended(code), self.output)
        for future, _, _ in waiting.values():
            if not future.done():
                future.set_exception(gone)


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"The engine was ended by {signal.Signals(-code).name}."
    return f"The engine ended by itself with exit code {code}."
