"""What the screen writes to the terminal while it plays at the default pace.

gdsim in pseudo-terminals of 120 x 40 and 200 x 60 cells that take whatever comes, each for ten seconds after its first
updates; a turn is a second. 1 KB is 1000 bytes.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from benchmarks.turns import Line, line

THREADS = (1,)
ROOT = Path(__file__).parents[1]
SIZES = {(120, 40): 100, (200, 60): 150}
"""Columns and rows, and the most kilobytes a second that are meant to be written there."""
SECONDS = 10
PATIENCE = 60.0  # seconds until it plays
PLAYING = "▶".encode()
ENVIRONMENT = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}


def written(size: tuple[int, int]) -> list[bytes]:
    """What gdsim writes in each of the seconds once it plays."""
    child = pexpect.spawn(sys.executable, ["-m", "tui"], cwd=str(ROOT), env=ENVIRONMENT, dimensions=size[::-1])
    try:
        child.expect_exact(PLAYING, timeout=PATIENCE)
        _read(child, 3.0)
        return [_read(child, 1.0) for _ in range(SECONDS)]
    finally:
        child.close(force=True)


def _read(child: pexpect.spawn, seconds: float) -> bytes:
    """All that comes in so long a time."""
    parts, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        try:
            parts.append(child.read_nonblocking(1 << 20, timeout=0.01))
        except pexpect.TIMEOUT:
            continue
    return b"".join(parts)


def lines() -> Iterator[Line]:
    """Each size."""
    for (columns, rows), target in SIZES.items():
        sizes = [len(second) / 1000 for second in written((columns, rows))]
        yield line(f"terminal of {columns} x {rows}", sizes, unit="KB/s", goal=target, at_most=True)
