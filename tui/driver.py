"""The way to the terminal, which may be slow or stuck: nobody ever waits for it."""

import math
import os
import select
import sys
import termios
import threading
import time
from dataclasses import dataclass

from textual.drivers.linux_driver import LinuxDriver

_CHUNK = 1024  # bytes written at once
_LOOK_AGAIN = 0.05  # seconds
_LAST_WORDS = 0.4  # seconds that a terminal has to take what puts it in order again
_END_OF_SYNCHRONIZED_UPDATE = "\x1b[?2026l"


@dataclass(slots=True)
class Pace:
    """How fast a terminal takes what is written to it, as far as writing tells.

    A write that is held up says that all buffers on the way are full; from then on, what is accepted is what drains.
    Whoever keeps them full sees a key's effect only after all that is in them, so what was written is given the time
    that the terminal needs for it.

    Attributes:
        rate: bytes a second; infinite where the terminal is fast enough.
        busy_until: when it will have taken all that was written.
    """

    rate: float = math.inf
    busy_until: float = -math.inf
    _full_since: float | None = None
    _drained: int = 0
    _learnt: float = -math.inf

    HELD_UP = 0.02  # seconds
    BUFFERED = 20_000  # bytes: what Linux keeps of a pseudo-terminal's output
    FAST = 200_000.0  # bytes a second: these are gone in a tenth of a second
    TRUSTED = 10.0  # seconds

    def wrote(self, size: int, began: float, ended: float) -> None:
        """So many bytes were accepted, from one time to another."""
        if self._full_since is not None:
            self._drained += size
        elif ended - began > self.HELD_UP:
            self._full_since, self._drained = ended, 0

    def rested(self, size: int, now: float) -> None:
        """Nothing is left to be written, after so many bytes without a break."""
        if self._full_since is not None and now - self._full_since > self.HELD_UP:
            rate = self._drained / (now - self._full_since)
            self.rate, self._learnt = rate if rate < self.FAST else math.inf, now
        elif now - self._learnt > self.TRUSTED:
            self.rate *= 2  # it may have become faster; if not, it will soon be held up again
        buffered = size if self._full_since is None else self.BUFFERED
        self.busy_until = max(self.busy_until, now) + buffered / self.rate
        self._full_since = None


class Output:
    """Writes to a terminal from a thread of its own.

    Args:
        file: the terminal's descriptor, which does not block; closed at the end.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._pace = Pace()
        self._pending = bytearray()
        self._writing = False
        self._closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="terminal", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether the terminal has not taken all yet."""
        with self._changed:
            return self._unwritten or time.monotonic() < self._pace.busy_until

    @property
    def rate(self) -> float:
        """Bytes a second that the terminal takes; infinite while it holds nothing up."""
        return self._pace.rate

    def write(self, data: str) -> None:
        """Have something written, in its turn."""
        with self._changed:
            self._pending += data.encode(errors="replace")
            self._changed.notify_all()

    def drop(self) -> None:
        """Forget what was not written yet."""
        with self._changed:
            self._pending.clear()

    def close(self) -> None:
        """Have the rest written, if the terminal takes it soon; after this nothing can be written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._unwritten, _LAST_WORDS):
                termios.tcflush(self._file, termios.TCOFLUSH)  # the system's buffer, to make room for the last words
                self._changed.wait_for(lambda: not self._unwritten, _LAST_WORDS)

    @property
    def _unwritten(self) -> bool:
        return self._writing or bool(self._pending)

    def _work(self) -> None:
        size = 0
        while chunk := self._next_chunk():
            began = time.monotonic()
            self._write(chunk)
            size += len(chunk)
            with self._changed:
                self._pace.wrote(len(chunk), began, time.monotonic())
                if not self._pending:
                    self._pace.rested(size, time.monotonic())
                    self._writing, size = False, 0
                    self._changed.notify_all()
        os.close(self._file)

    def _next_chunk(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed)
            chunk = bytes(self._pending[:_CHUNK])
            del self._pending[:_CHUNK]
            self._writing = bool(chunk)
            return chunk

    def _write(self, chunk: bytes) -> None:
        while chunk:
            try:
                chunk = chunk[os.write(self._file, chunk) :]
            except BlockingIOError:
                select.select([], [self._file], [], _LOOK_AGAIN)
            except OSError:  # the terminal is gone; reading from it ends the program
                self.drop()
                return


class PacedDriver(LinuxDriver):
    """Textual's driver, which writes through an `Output`."""

    output: Output
    _suspended = False

    def start_application_mode(self) -> None:
        """See `Driver`."""
        assert sys.__stdout__ is not None
        # opened anew: the shell shares the descriptor that we were given, and wants it to block
        name = os.ttyname(sys.__stdout__.fileno())
        self.output = Output(os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """See `Driver`; never waits."""
        self.output.write(data)

    def stop_application_mode(self) -> None:
        """See `Driver`. A frame ends where it is: the escape that follows ends a sequence cut in two."""
        self.output.drop()
        self.write(_END_OF_SYNCHRONIZED_UPDATE)
        super().stop_application_mode()

    def suspend_application_mode(self) -> None:
        """See `Driver`."""
        super().suspend_application_mode()
        self._suspended = True

    def _sigcont_application(self, *_: object) -> None:
        # the signal comes to what was never suspended, too: when the terminal hangs up
        if self._suspended:
            self._suspended = False
            super()._sigcont_application()

    def close(self) -> None:
        """See `Driver`; a terminal that takes nothing is left as it is."""
        super().close()
        self.output.close()
