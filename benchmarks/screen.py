"""What the screen costs: training while it is open, against `gdsim run`.

Both make the three default runs of the mlp on the digits, by torch, or of `linear`, compiled, each in a pseudo-terminal
of 120 x 40 cells, the screen playing as fast as possible. A machine is not equally fast from one second to the next:
they take turns, each stopped while the other goes on, so that both train at about the same time and are at about the
same update. How far they are is read off their terminals, the screen's counter and the percentage of the progress bar.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pyte

from benchmarks.turns import Line, line

THREADS = (1,)
ROOT = Path(__file__).parents[1]
CASES = {
    "mlp": (["--model", "mlp", "--device", "cpu", "--backend", "torch"], 20_000),
    "linear, compiled,": (["linear", "--device", "cpu", "--backend", "compiled"], 20_000_000),
}
"""What is run, and how many updates: more than any round gets to."""
ROUNDS, TURNS, SECONDS = 6, 4, 1.5
ENVIRONMENT = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


class Program:
    """gdsim in a terminal, with whatever processes it starts; goes on in `turn` only."""

    def __init__(self, *arguments: str) -> None:
        command = ["-m", "tui", *arguments]
        self.child = pexpect.spawn(sys.executable, command, cwd=str(ROOT), env=ENVIRONMENT, dimensions=(40, 120))
        self._main = psutil.Process(self.child.pid)
        self._main.suspend()
        self.seconds = 0.0
        """How long it went on."""
        self.written: list[tuple[float, bytes]] = []
        """What it wrote, and when, in these seconds."""

    def turn(self, seconds: float) -> None:
        """Go on for so long."""
        for process in self._processes():
            process.resume()
        begin, before = time.perf_counter(), self.seconds
        while self.seconds < before + seconds:
            try:
                some = self.child.read_nonblocking(1 << 20, timeout=0.01)
            except pexpect.TIMEOUT:
                some = b""
            self.seconds = before + time.perf_counter() - begin
            if some:
                self.written.append((self.seconds, some))
        for process in self._processes():
            process.suspend()

    def close(self) -> None:
        """End it, and what it started, which may be stopped and see nothing of that."""
        for process in self._processes():
            process.kill()
        self.child.close(force=True)

    def _processes(self) -> list[psutil.Process]:
        return [self._main, *self._main.children(recursive=True)]


class Watched(Program):
    """The screen."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(*arguments)
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)

    def updates(self) -> int:
        """The counter in the status line. Finding out takes long: nothing else should be running."""
        written = b"".join(some for _, some in self.written)
        self.written.clear()
        # pyte takes the private marker of xterm's key and colour protocols for a plain sequence
        self._stream.feed(re.sub(rb"\x1b\[[<>=][\d;:]*[a-zA-Z]", b"", written))
        found = re.search(r"([\d,]+) updates ", self._screen.display[0])
        return int(found[1].replace(",", "")) if found else 0


class Headless(Program):
    """`gdsim run`."""

    def __init__(self, arguments: list[str], most: int) -> None:
        super().__init__("run", *arguments, "--updates", str(most))
        self._most = most

    def updates(self) -> list[tuple[float, float]]:
        """After how many seconds so many updates had been made, each time the percentage changed."""
        changes: dict[int, float] = {}
        for seconds, some in self.written:
            for percent in re.findall(rb"(\d+)%", some):
                changes.setdefault(int(percent), seconds)
        return [(seconds, percent * self._most / 100) for percent, seconds in changes.items()]


def updates_per_second(arguments: list[str], most: int) -> Iterator[tuple[float, float]]:
    """With the screen open, and without; in each round."""
    watched, headless = Watched(arguments), Headless(arguments, most)
    while watched.updates() < 5:
        watched.turn(0.5)
    watched.child.send("}" * 16)
    watched.turn(2.0)
    while len(headless.updates()) < 3:
        headless.turn(0.5)
    for _ in range(ROUNDS):
        headless.written.clear()
        begin, before = watched.seconds, watched.updates()
        for _ in range(TURNS):
            watched.turn(SECONDS)
            headless.turn(SECONDS)
        made = (watched.updates() - before) / (watched.seconds - begin)
        (first_at, first), *_, (last_at, last) = headless.updates()[1:]
        yield made, (last - first) / (last_at - first_at)
    watched.close()
    headless.close()


def lines() -> Iterator[Line]:
    """The line of each."""
    for name, (arguments, most) in CASES.items():
        watched, alone = zip(*updates_per_second(arguments, most), strict=True)
        yield line(f"{name} with the screen, of gdsim run", watched, alone, goal=0.95)
