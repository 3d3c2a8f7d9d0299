"""Where the members of runs were, at moments that are kept."""

import numpy as np
import pytest

from sim.protocol.answers import Members
from tui.session import members as kept_members
from tui.session.members import KeptMembers


def at(moment: int) -> tuple[Members, ...]:
    """One run of two members, whose points say the moment."""
    return (Members(np.full((2, 2), float(moment)), np.zeros(2, np.uint8)),)


def test_the_last_ones_at_or_before_a_moment_are_found() -> None:
    kept = KeptMembers()
    for moment in (3, 5, 9):
        kept.take(moment, at(moment))
    found = [kept.at(moment) for moment in (2, 3, 4, 9, 100)]
    assert [one[0].points[0, 0] if one else None for one in found] == [None, 3, 3, 9, 9]


@pytest.mark.parametrize("most", [50, 51])
def test_memory_is_bounded_and_the_newest_stay(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_members, "_MEMORY", most * (4 * 8 + 2))
    kept = KeptMembers()
    for moment in range(1000):
        kept.take(moment, at(moment))
        assert kept.at(moment)[0].points[0, 0] == moment
    there = {kept.at(moment)[0].points[0, 0] for moment in range(1000)}
    assert most // 2 <= len(there) <= most
    assert min(there) == 0
