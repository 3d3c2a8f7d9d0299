"""Which parts of a recording were read, and which one is next. Pure data."""

from collections.abc import Sequence

import numpy as np

from tui.session.history import History
from tui.session.thinning import Indices

_NEAR = 256  # moments before and after the one that is sought


class Parts:
    """What was read of a recording: the parts that are looked at come first, then all, from the first one on.

    A part that was read is all there until moments are left out of the record again; around the one that was sought
    then, it still is.

    Args:
        first: parts that are read before all others, since runs branched off in them.
    """

    def __init__(self, first: Sequence[int]) -> None:
        self._first = list(first)
        self._next = 0
        self._read: dict[int, int] = {}  # part: how many times moments had been left out before
        self._thinnings = self._sought = 0

    def next(self, history: History, ends: Indices) -> int | None:
        """The part that is to be read now; None where nothing is missing.

        Args:
            history: what is recorded.
            ends: the last moment of each part.
        """
        if history.thinnings != self._thinnings:
            self._thinnings, self._sought = history.thinnings, history.sought
        sought = history.sought
        moments = sought, history.cursor + 1, sought + _NEAR, max(0, sought - _NEAR)
        near: list[int] = np.searchsorted(ends, moments).tolist()
        every = (part for part in range(self._next, len(ends)) if part not in self._read)
        missing = (part for part in near if not self._is_there(part, sought))
        for part in (*missing, *(part for part in self._first if part not in self._read)):
            if part < len(ends):
                return part
        self._next = next(every, len(ends))
        return self._next if self._next < len(ends) else None

    def _is_there(self, part: int, sought: int) -> bool:
        return part in self._read and (self._read[part] == self._thinnings or sought == self._sought)

    def note(self, part: int) -> None:
        """A part was read."""
        self._read[part] = self._thinnings
