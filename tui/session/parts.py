"""Which parts of a recording were read, and which one is next. Pure data."""

from collections.abc import Sequence

import numpy as np

from tui.session.history import History
from tui.session.thinning import Indices

_NEAR = 256  # moments before and after the one that is sought


class Parts:
    """What was read of a recording: the parts that are looked at come first, then all, from the first one on.

    A part that was recorded is all there until moments are left out of the record again. Around the moment that is
    sought it still is then, so that nothing is read twice for one look.

    Args:
        count: how many parts there are; later ones are recorded as they come.
        first: parts that are read before all others, since runs branched off in them.
    """

    def __init__(self, count: int, first: Sequence[int]) -> None:
        self._first, self._rest = first, iter(range(count))
        self._recorded = set[int]()
        self._whole, self._looked_at = set[int](), set[int]()
        self._thinnings = self._sought = 0

    def needed(self, history: History, ends: Indices) -> int | None:
        """A part that is looked at and is not all there; None without any.

        Args:
            history: what is recorded.
            ends: the last moment of each part.
        """
        self._forget(history)
        sought = history.sought
        moments = sought, history.cursor + 1, sought + _NEAR, max(0, sought - _NEAR)
        near: list[int] = np.searchsorted(ends, moments).tolist()
        missing = [part for part in self._first if part not in self._recorded]
        missing += [part for part in near if part not in self._whole and part not in self._looked_at]
        return next((part for part in missing if part < len(ends)), None)

    def next(self) -> int | None:
        """One of the others that was not recorded yet; each is given once."""
        return next((part for part in self._rest if part not in self._recorded), None)

    def note(self, part: int, history: History) -> None:
        """A part is about to be recorded."""
        self._forget(history)
        for some in (self._recorded, self._whole, self._looked_at):
            some.add(part)

    def _forget(self, history: History) -> None:
        if history.thinnings != self._thinnings:
            self._whole.clear()
        if history.sought != self._sought:
            self._looked_at.clear()
        self._thinnings, self._sought = history.thinnings, history.sought
