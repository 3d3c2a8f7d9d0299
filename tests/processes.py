"""Whether processes run, and waiting for what they come to."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.patience import PATIENCE

_BETWEEN = 0.01  # seconds between two looks, which leave the processor to what is waited for


def runs(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what no event says."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(_BETWEEN)
