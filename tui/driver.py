"""The way to the terminal, which may be slow or stuck: nobody ever waits for it."""

import math
import os
import select
import sys
import termios
import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.drivers.linux_driver import LinuxDriver

_LOOK_AGAIN = 0.05  # seconds
_LAST_WORDS = 0.4  # seconds that a terminal has to take what puts it in order again
_END_OF_SYNCHRONIZED_UPDATE = "\x1b[?2026l"
ALTERNATE_SCREEN, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


@dataclass(slots=True)
class Pace:
    """How fast a terminal takes what is written to it, as far as writing shows.

    When a write is held up all buffers on the way are full; from then on, what is accepted is what drains. Whoever
    keeps them full sees a key's effect only after all that is in them, so what was written is given the time that the
    terminal needs for it.

    Attributes:
        rate: bytes a second; infinite where the terminal is fast enough.
        busy_until: when it will have taken all that was written.
    """

    rate: float = math.inf
    busy_until: float = -math.inf
    _learnt: float = -math.inf
    _full_since: float | None = None
    _size: int = 0
    _drained: int = 0

    BUFFERED = 20_000  # bytes: what Linux keeps of a pseudo-terminal's output
    FAST = 200_000.0  # bytes a second: these are gone in a tenth of a second
    MEASURABLE = 0.05  # seconds
    TRUSTED = 10.0  # seconds

    def held_up(self, now: float) -> None:
        """There is room again, after there was none; a terminal that only stood still takes all of the rest at once."""
        if self._full_since is None:
            self._full_since, self._drained = now, 0

    def wrote(self, size: int) -> None:
        """So many bytes were accepted."""
        self._size += size
        self._drained += size

    def rested(self, now: float) -> None:
        """Nothing is left to be written."""
        full = self._full_since is not None
        seconds = now - self._full_since if self._full_since is not None else 0.0
        if seconds > self.MEASURABLE:
            rate = self._drained / seconds
            self.rate, self._learnt = rate if rate < self.FAST else math.inf, now
        elif now - self._learnt > self.TRUSTED:
            self.rate *= 2  # it may have become faster; if not, it will soon be held up again
        self.busy_until = max(self.busy_until, now) + (self.BUFFERED if full else self._size) / self.rate
        self._full_since, self._size = None, 0


class Output:
    """The way to a terminal, which is written to from a thread of its own.

    Args:
        file: the terminal's descriptor, which does not block; closed at the end.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._pace = Pace()
        self._pending = bytearray()
        self._closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="terminal", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether the terminal has not taken all yet."""
        return bool(self._pending) or time.monotonic() < self._pace.busy_until

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
            if not self._changed.wait_for(lambda: not self._pending, _LAST_WORDS):
                termios.tcflush(self._file, termios.TCOFLUSH)  # the system's buffer, to make room for the last words
                self._changed.wait_for(lambda: not self._pending, _LAST_WORDS)

    def _work(self) -> None:
        while self._write_some():
            if self._pending and select.select([], [self._file], [], _LOOK_AGAIN)[1]:
                self._pace.held_up(time.monotonic())
        os.close(self._file)

    def _write_some(self) -> bool:
        """Write what there is, or wait for it, as far as the terminal has room; False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed)
            if not self._pending:
                return False
            try:
                size = os.write(self._file, self._pending)
            except BlockingIOError:
                return True
            except OSError:  # the terminal is gone; reading from it ends the program
                size = len(self._pending)
            del self._pending[:size]
            self._pace.wrote(size)
            if not self._pending:
                self._pace.rested(time.monotonic())
                self._changed.notify_all()
            return True


def _opened_anew(terminal: int) -> int:
    """A descriptor that does not block; the one that we were given is the shell's, too, which wants it to."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(os.ttyname(terminal), flags)
    except OSError:  # it is another user's, or its name is one outside of the container
        return os.open("/dev/tty", flags)


class PacedDriver(LinuxDriver):
    """Textual's driver, which writes through an `Output`.

    Attributes:
        curtain: how the terminal was before a curtain was drawn on it; None where there is none to take over.
    """

    curtain: ClassVar[list[Any] | None] = None
    output: Output
    _suspended = False

    def start_application_mode(self) -> None:
        """See `Driver`."""
        assert sys.__stdout__ is not None
        self.output = Output(_opened_anew(sys.__stdout__.fileno()))
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if PacedDriver.curtain is not None:
            self.attrs_before, PacedDriver.curtain = PacedDriver.curtain, None

    def write(self, data: str) -> None:
        """See `Driver`; never waits. To enter the screen of a curtain again would clear it before the first frame."""
        if PacedDriver.curtain is None or data != ALTERNATE_SCREEN:
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
