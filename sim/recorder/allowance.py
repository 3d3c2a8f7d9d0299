"""How much of a loop's time may go into looking at it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """Seconds that something may take in all, as a share of the loop's."""

    share: float
    spent: float = 0.0

    def due(self, seconds: float = 0.0) -> float:
        """How long after the start so much more may be spent, in seconds."""
        return (self.spent + seconds) / self.share

    def bears(self, seconds: float, elapsed: float) -> bool:
        """Whether so much more may be spent, so many seconds after the start."""
        return self.due(seconds) <= elapsed

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Within, time is spent."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent += time.perf_counter() - began
