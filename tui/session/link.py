"""The way to the engine: in a child process, or inline for tests and for runs without a screen."""

import asyncio
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sim import family
from sim.protocol.answers import Answer, Reply
from sim.protocol.commands import Command, Open, Request

if TYPE_CHECKING:
    from sim.engine import Engine

_KEPT_LINES = 200
_LAST_WORDS = 1.0  # seconds to wait for what a process printed at its end


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

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command and return its answer."""
        if self._engine is None:
            from sim.engine import Engine

            self._engine = Engine()
        return self._engine.ask(command)

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        return self.ask(command)

    def kill(self) -> None:
        """Drop the engine."""
        self._engine = None


class ProcessLink:
    """A link to an engine in a child process, with a process group of its own, over a socket pair.

    The process starts with the first request, and once it has ended with the next `Open`. It ends with all that was
    started from it. What it prints is kept for the case that it dies.
    """

    recording = None

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._gone: EngineGoneError | None = None
        self._output: deque[str] = deque(maxlen=_KEPT_LINES)
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
        return self._process.pid if self._process is not None else None

    @property
    def gone(self) -> EngineGoneError | None:
        """See `Link`."""
        return self._gone

    @property
    def output(self) -> str:
        """See `Link`."""
        return "\n".join(list(self._output))

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        if self._process is None:
            if self._gone is not None and not isinstance(command, Open):
                raise self._gone
            self._start()
        assert self._connection is not None
        self._number += 1
        if isinstance(command, Open):
            self._generation += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future, self._generation, time.monotonic()
        # where sending fails the reader has seen the end, too, and answers every waiting request with the reason
        with contextlib.suppress(OSError):
            self._connection.send(Request(self._number, self._generation, command))
        return await future

    def kill(self) -> None:
        """See `Link`."""
        if self._process is not None:
            if self._process.poll() is None:  # else its number may be another process's by now
                family.end(self._process.pid)
            self._ended(self._process, -signal.SIGKILL)  # at once, so that the next `Open` goes to another process

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        output = self._output = deque(maxlen=_KEPT_LINES)
        self._gone = None
        self._process = subprocess.Popen(
            # -P: a folder named sim where the user happens to be is not ours
            [sys.executable, "-P", "-m", "sim", str(theirs.fileno())],
            env=os.environ | {"PYTHONPATH": _python_path()},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        loop = asyncio.get_running_loop()
        reader = threading.Thread(target=_read_output, args=(self._process, output), daemon=True)
        reader.start()
        arguments = self._process, self._connection, reader, loop
        threading.Thread(target=self._read_replies, args=arguments, daemon=True).start()

    def _read_replies(
        self,
        process: subprocess.Popen[bytes],
        connection: Connection,
        reader: threading.Thread,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            while True:
                self._post(loop, self._settle, connection.recv())
        except (EOFError, OSError):
            code = process.wait()
            reader.join(_LAST_WORDS)
            self._post(loop, self._ended, process, code)

    @staticmethod
    def _post(loop: asyncio.AbstractEventLoop, *call: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(*call)  # type: ignore[arg-type]

    def _settle(self, reply: Reply) -> None:
        future, generation, _ = self._waiting.pop(reply.number, (None, 0, 0.0))
        if future is None or future.done():  # the engine was stopped, or nobody waits any more
            return
        if generation < self._generation:
            future.set_exception(StaleError())
        else:
            future.set_result(reply.answer)

    def _ended(self, process: subprocess.Popen[bytes], code: int) -> None:
        if process is not self._process:
            return
        self._process = self._connection = None
        waiting, self._waiting = self._waiting, {}
        gone = self._gone = EngineGoneError(_how_it_ended(code), self.output)
        for future, _, _ in waiting.values():
            if not future.done():
                future.set_exception(gone)


def _python_path() -> str:
    """Where the child finds the engine: where this package is, even if it is a checkout that was not installed."""
    here = str(Path(__file__).parents[1])
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), here)))


def _read_output(process: subprocess.Popen[bytes], output: deque[str]) -> None:
    assert process.stderr is not None
    for line in io.TextIOWrapper(process.stderr, errors="replace"):  # a progress bar's returns end lines, too
        output.append(line.rstrip())


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"The engine was ended by {signal.Signals(-code).name}."
    return f"The engine ended by itself with exit code {code}."
