"""Rows on their way into the history. Pure data."""

import numpy as np

from sim.protocol.trace import NO_ROWS, Rows


class Inflow:
    """The rows of one answer of the engine, which are recorded a part a frame until the next one comes.

    The engine trains fastest when it is not asked often; the screen shows it go on evenly all the same.
    """

    def __init__(self) -> None:
        self._rows = NO_ROWS
        self._share = 0.0

    @property
    def empty(self) -> bool:
        """Whether all of it has been recorded."""
        return not len(self._rows)

    def put(self, rows: Rows, parts: int) -> None:
        """Hold back rows, in the order of their moments, to be taken in so many equal parts."""
        self._rows, self._share = rows, len(rows) / parts

    def part(self) -> Rows:
        """The next part; a moment is never torn apart."""
        if self.empty:
            return NO_ROWS
        moments = self._rows["moment"]
        last = moments[min(len(moments), max(1, round(self._share))) - 1]
        return self._take(int(np.searchsorted(moments, last, side="right")))

    def rest(self) -> Rows:
        """All of it."""
        return self._take(len(self._rows))

    def _take(self, count: int) -> Rows:
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken
