"""What the screen costs, and how soon it answers, while it plays as fast as possible.

gdsim in pseudo-terminals of 120 x 40 and 200 x 60 cells that take whatever comes, on `linear` with its three runs, the
updates made by either backend: the frames and kilobytes that it writes a second, and the share of a processor that the
screen's process takes (the engine's is another one), a turn being a second; and the milliseconds from a key that is
pressed while it plays to its effect in what is written, the 99th percentile of all that were pressed. 1 KB is 1000
bytes. Other processes that compute meanwhile take from the frames and add to the milliseconds.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pexpect
import psutil

from benchmarks.turns import Line, line
from sim.experiment.choices import Backend

THREADS = (1,)
ROOT = Path(__file__).parents[1]
SIZES = (120, 40), (200, 60)
BACKENDS: tuple[Backend, ...] = "torch", "compiled"
MOST_WRITTEN = {(120, 40): 100.0}
"""Kilobytes a second that are meant to be written at most, where there is a goal."""
FRAMES, SHARE, ANSWERED, PERCENT = 30, 0.5, 50.0, 99
SECONDS, ROUNDS, PATIENCE = 10, 40, 60.0
SETTLED = 5.0  # seconds until it plays as evenly as it does later
BETWEEN = 0.2  # seconds between two keys, and a little more each time, so that they come at any point of a frame
FASTEST = "}" * 16
KEYS = ((" ", "‖"), (" ", "▶"), ("\x1b[B", "›"))
"""Keys, and what is written when one was pressed: paused, on again, another run selected."""
SYNCHRONIZED, FRAME = "\x1b[?2026;2$y", b"\x1b[?2026h"
"""How a terminal says that it can show a frame at once, and what a frame then begins with."""
ENVIRONMENT = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


class Playing:
    """gdsim in a terminal, as fast as possible."""

    def __init__(self, size: tuple[int, int], backend: Backend) -> None:
        command = ["-m", "tui", "linear", "--device", "cpu", "--backend", backend]
        self._child = pexpect.spawn(sys.executable, command, cwd=str(ROOT), env=ENVIRONMENT, dimensions=size[::-1])
        self._child.delaybeforesend = None
        self._child.expect_exact("▶".encode(), timeout=PATIENCE)
        self._child.send(SYNCHRONIZED + FASTEST)
        self._process = psutil.Process(self._child.pid)
        self.written(SETTLED)

    def written(self, seconds: float) -> bytes:
        """All that it writes in so long a time."""
        parts, end = list[bytes](), time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            parts.append(self._some(left))
        return b"".join(parts)

    def cost(self) -> tuple[float, float, float]:
        """Frames, kilobytes, and seconds of a processor, for a second."""
        began, before = time.perf_counter(), self._spent
        written = self.written(1.0)
        seconds = time.perf_counter() - began
        return written.count(FRAME) / seconds, len(written) / 1000 / seconds, (self._spent - before) / seconds

    def answered(self, key: str, sign: str) -> float:
        """The milliseconds until a key shows; infinite where it does not."""
        began, written = time.perf_counter(), b""
        self._child.send(key)
        while sign.encode() not in written:
            written += self._some(1.0)
            if time.perf_counter() - began > PATIENCE:
                return float("inf")
        return 1000 * (time.perf_counter() - began)

    def close(self) -> None:
        """End it."""
        self._child.close(force=True)

    @property
    def _spent(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _some(self, patience: float) -> bytes:
        try:
            written: bytes = self._child.read_nonblocking(1 << 20, timeout=patience)
        except pexpect.TIMEOUT:
            return b""
        return written


def measured(size: tuple[int, int], backend: Backend) -> tuple[list[tuple[float, float, float]], list[float]]:
    """What it costs, second by second, and the milliseconds of each key."""
    playing = Playing(size, backend)
    try:
        costs = [playing.cost() for _ in range(SECONDS)]
        waits = list[float]()
        for turn in range(ROUNDS):
            for key, sign in KEYS:
                playing.written(BETWEEN + turn / ROUNDS / FRAMES)
                waits.append(playing.answered(key, sign))
        return costs, waits
    finally:
        playing.close()


def lines() -> Iterator[Line]:
    """Each size with each backend."""
    for size in SIZES:
        for backend in BACKENDS:
            case = f"{backend}, {size[0]} x {size[1]}"
            costs, waits = measured(size, backend)
            frames, kilobytes, shares = zip(*costs, strict=True)
            yield line(f"{case}: frames", frames, unit="frames/s", goal=FRAMES)
            yield line(f"{case}: written", kilobytes, unit="KB/s", goal=MOST_WRITTEN.get(size), at_most=True)
            yield line(f"{case}: the screen's process", shares, unit="cores", goal=SHARE, at_most=True)
            worst = float(np.percentile(waits, PERCENT))
            yield line(f"{case}: a key, {PERCENT} of 100", [worst], unit="ms", goal=ANSWERED, at_most=True)
