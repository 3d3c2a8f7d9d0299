"""What is written to a terminal that takes it slowly, late, or not at all."""

import math
import os
import pty
import select
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tui.driver import Output, Pace

PATIENCE = 30.0  # seconds: a deadline, not a pause
LONG = "x" * 200_000  # more than any system keeps of a terminal's output


@dataclass
class Terminal:
    """A pseudo-terminal that takes nothing unless told to."""

    master: int
    slave: int
    output: Output

    @property
    def full(self) -> bool:
        """Whether the system keeps as much for it as it can (and nobody is just writing)."""
        return not any(select.select([], [self.slave], [], 0)[1] for _ in range(1000))

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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    own = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    yield Terminal(master, slave, Output(own))
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
    terminal: Terminal,
) -> None:
    terminal.output.write(LONG)
    wait_until(lambda: terminal.full)
    terminal.output.drop()
    terminal.output.write("\x1b[?1049l")
    terminal.output.close()
    assert len(terminal.take_until(lambda taken: taken.endswith(b"\x1b[?1049l"))) < 10_000  # of the 20 KB kept before


def test_a_terminal_that_is_gone_is_no_error(terminal: Terminal) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), terminal.master)  # hangs up
    terminal.output.write(LONG)
    terminal.take_until(lambda _: not terminal.output.busy)


def written(pace: Pace, size: int, began: float, seconds: float, chunk: int = 1000) -> float:
    """A frame goes out evenly; when it has."""
    chunks = size // chunk
    for n in range(chunks):
        pace.wrote(chunk, began + n / chunks * seconds, began + (n + 1) / chunks * seconds)
    pace.rested(size, began + seconds)
    return began + seconds


def test_a_terminal_that_holds_nothing_up_is_never_busy() -> None:
    pace = Pace()
    for frame in range(100):
        ended = written(pace, 40_000, frame / 30, 0.01)
        assert pace.busy_until == ended
    assert pace.rate == math.inf


def test_a_slow_terminal_is_given_the_time_that_it_needs() -> None:
    pace = Pace()
    ended = written(pace, 20_000, 0.0, 1.0)
    assert pace.rate == pytest.approx(20_000)
    assert pace.busy_until == pytest.approx(ended + 1.0)  # for the 20 KB that the system keeps
    began = pace.busy_until
    ended = written(pace, 5_000, began, 0.0)
    assert pace.busy_until == pytest.approx(ended + 0.25)


def test_a_terminal_that_stood_still_for_once_is_not_slow() -> None:
    pace = Pace()
    pace.wrote(1000, 0.0, 3.0)
    for _ in range(9):
        pace.wrote(1000, 3.0, 3.0)
    pace.rested(10_000, 3.0)
    assert pace.rate == math.inf
    assert pace.busy_until == 3.0


def test_a_terminal_that_became_fast_is_found_out() -> None:
    pace = Pace()
    now = written(pace, 20_000, 0.0, 1.0)
    for _ in range(40):
        now = max(now + 1.0, pace.busy_until)
        written(pace, 5_000, now, 0.0)
    assert pace.rate > 1e9
