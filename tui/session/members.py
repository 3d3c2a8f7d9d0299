"""Where the members of the runs were, as far as it is kept. Pure data."""

from bisect import bisect_right

from sim.protocol.answers import Members

_MEMORY = 64 * 2**20  # bytes


class KeptMembers:
    """The members of each run at some moments, the older the fewer, so that the cursor can look back at them."""

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._members: list[tuple[Members, ...]] = []

    def take(self, moment: int, members: tuple[Members, ...]) -> None:
        """Keep where they were after a moment."""
        if not members:
            return
        each = sum(one.points.nbytes + one.statuses.nbytes for one in members)
        if len(self._moments) >= max(2, _MEMORY // each):
            del self._moments[1::2], self._members[1::2]
        self._moments.append(moment)
        self._members.append(members)

    def at(self, moment: int) -> tuple[Members, ...]:
        """Where they were at a moment, or when it was last kept before it; none before anything was."""
        index = bisect_right(self._moments, moment)
        return self._members[index - 1] if index else ()
