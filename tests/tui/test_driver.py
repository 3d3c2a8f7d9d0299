"""What is written to a terminal that takes it slowly, late, or not at all."""

import math
import os
import pty
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.patience import PATIENCE
from tui.driver import Output, Pace

LONG = "x" * 200_000  # more than any system keeps of a terminal's output


@dataclass
class Terminal:
    """A pseudo-terminal that takes nothing unless it is let."""

    master: int
    slave: int
    output: Output

    def fill(self) -> None:
        """Have the system keep some 20 KB for it."""
        with suppress(BlockingIOError):
            while True:
                os.write(self.slave, bytes(1000))

    def take(self, size: int = 1 << 20) -> bytes:
        """Take what is there, as a terminal does."""
        ready = select.select([self.master], [], [], 0.01)[0]
        return os.read(self.master, size) if ready else b""

    def take_until(self, condition: Callable[[bytes], bool]) -> bytes:
        taken, deadline = b"", time.monotonic() + PATIENCE
        while not condition(taken):
            taken += self.take()
            assert time.monotonic() < deadline
        return taken


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, False)
    yield Terminal(master, slave, Output(os.dup(slave)))
    os.close(master)
    os.close(slave)


def test_nobody_waits_and_nothing_is_lost(terminal: Terminal) -> None:
    terminal.output.write(LONG)
    terminal.output.write("é, the end")
    assert terminal.output.busy
    assert terminal.take_until(lambda taken: taken.endswith(b"end")) == (LONG + "é, the end").encode()
    terminal.take_until(lambda _: not terminal.output.busy)


def test_what_is_dropped_is_not_written(terminal: Terminal) -> None:
    terminal.output.write(LONG)
    terminal.output.drop()
    terminal.output.write("\x1b[m")
    assert len(terminal.take_until(lambda taken: taken.endswith(b"\x1b[m"))) < len(LONG)


def test_a_terminal_that_takes_nothing_does_not_keep_anyone_and_has_the_last_words_when_it_comes_back(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, flush, flushed = os.write, termios.tcflush, threading.Event()

    def write_if_flushed(file: int, data: bytes) -> int:
        """The system itself may find some more room after a while."""
        if file == terminal.output._file and not flushed.is_set():
            raise BlockingIOError
        return write(file, data)

    def flush_and_say_so(file: int, queue: int) -> None:
        flush(file, queue)
        flushed.set()

    monkeypatch.setattr(os, "write", write_if_flushed)
    monkeypatch.setattr(termios, "tcflush", flush_and_say_so)
    terminal.fill()
    terminal.output.write("\x1b[?1049l")
    terminal.output.close()
    assert len(terminal.take_until(lambda taken: taken.endswith(b"\x1b[?1049l"))) < 10_000  # of the 20 KB kept before


def test_a_terminal_that_is_gone_is_no_error(terminal: Terminal) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), terminal.master)  # hangs up
    terminal.output.write(LONG)
    terminal.take_until(lambda _: not terminal.output.busy)
    terminal.output.close()
    assert not terminal.output.busy, "what nobody can take is dropped"


def fill(pace: Pace, size: int, full: float, ended: float) -> None:
    """A frame goes out that is held up at one time, and then accepted evenly until another."""
    pace.wrote(1000)
    pace.held_up(full)
    pace.wrote(size)
    pace.rested(ended)


def test_a_terminal_that_holds_nothing_up_is_never_busy() -> None:
    pace = Pace()
    for frame in range(100):
        pace.wrote(40_000)
        pace.rested(frame / 30)
        assert pace.busy_until == frame / 30
    assert pace.rate == math.inf


def test_a_slow_terminal_is_given_the_time_that_it_needs() -> None:
    pace = Pace()
    fill(pace, 10_000, 0.0, 0.5)
    assert pace.rate == 20_000
    assert pace.busy_until == 0.5 + 1.0  # for the 20 KB that the system keeps
    pace.wrote(5000)
    pace.rested(2.0)
    assert pace.busy_until == 2.25
    pace.wrote(1000)  # something short in between does not shorten it
    pace.rested(2.0)
    assert pace.busy_until == 2.3


def test_a_terminal_that_stood_still_for_once_is_not_slow() -> None:
    pace = Pace()
    pace.wrote(1000)
    for now in (3.0, 3.01, 3.02):
        pace.held_up(now)
        pace.wrote(10_000)
    pace.rested(3.1)
    assert pace.rate == math.inf
    assert pace.busy_until == 3.1


def test_a_terminal_that_became_fast_is_found_out() -> None:
    pace = Pace()
    fill(pace, 10_000, 0.0, 0.5)
    for second in range(2, 40):
        pace.wrote(1000)
        pace.rested(second)
    assert pace.rate > 1e9
