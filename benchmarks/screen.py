"""What the screen costs: training while it is open, against `gdsim run`.

The three default runs of the mlp on the digits. The real program plays as fast as possible in a pseudo-terminal of
120 x 40 cells; how many updates it has made is read off its screen. `gdsim run` makes two runs of different lengths,
so that its start does not count. The two take turns, on the threads that the engine chooses. Prints updates a second of
each run, and the median ratio of the turns.

    python benchmarks/screen.py
"""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pyte

ROOT = Path(__file__).parents[1]
ARGUMENTS = ["--model", "mlp", "--device", "cpu"]
TURNS, SECONDS = 5, 10.0
SHORT, LONG = 500, 5500
ENVIRONMENT = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


class Terminal:
    """The program in a terminal, and what its screen shows."""

    def __init__(self) -> None:
        command = ["-m", "tui", *ARGUMENTS]
        self.child = pexpect.spawn(sys.executable, command, cwd=str(ROOT), env=ENVIRONMENT, dimensions=(40, 120))
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)
        self._written: list[bytes] = []

    def read(self, seconds: float) -> None:
        """Take in, without looking at it, what is written meanwhile."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            try:
                self._written.append(self.child.read_nonblocking(1 << 20, timeout=0.05))
            except pexpect.TIMEOUT:
                continue

    def updates(self) -> int:
        """The counter in the status line; drawing the screen for it takes time."""
        # pyte takes the private marker of xterm's key and colour protocols for a plain sequence
        self._stream.feed(re.sub(rb"\x1b\[[<>=][\d;:]*[a-zA-Z]", b"", b"".join(self._written)))
        self._written.clear()
        found = re.search(r"([\d,]+) updates ", self._screen.display[0])
        return int(found[1].replace(",", "")) if found else 0


def with_screen() -> float:
    """Updates a second with the screen open."""
    terminal = Terminal()
    while terminal.updates() < 5:
        terminal.read(0.5)
    terminal.child.send("}" * 16)
    terminal.read(2.0)
    begin = time.perf_counter()
    before = terminal.updates()
    terminal.read(SECONDS)
    seconds = time.perf_counter() - begin
    made = terminal.updates() - before
    terminal.child.close(force=True)
    return made / seconds


def without_screen() -> float:
    """Updates a second of `gdsim run`."""
    times = []
    for updates in (SHORT, LONG):
        command = [sys.executable, "-m", "tui", "run", *ARGUMENTS, "--updates", str(updates)]
        begin = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begin)
    return (LONG - SHORT) / (times[1] - times[0])


def main() -> None:
    """Print the figures."""
    ratios = []
    for _ in range(TURNS):
        watched, alone = with_screen(), without_screen()
        ratios.append(watched / alone)
        print(
            f"updates/s of each run: {watched:6.0f} with the screen, {alone:6.0f} without: {ratios[-1]:.2f}", flush=True
        )
    print(f"median {statistics.median(ratios):.2f} (target: 0.95)")


if __name__ == "__main__":
    main()
