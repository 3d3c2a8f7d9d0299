"""Lines of the benchmarks' table, and timing in turns: a machine is not equally fast from one second to the next."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TURNS, WARM_UPS, SECONDS = 7, 3, 0.1

_now = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter
"""On one thread the processor's time, which leaves out whatever else the machine does meanwhile."""

Work = Callable[[int], object]
"""Something that makes so many updates, or whatever is counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        case: what was measured.
        ours, peer: the two figures, medians over the turns; without a peer, None, and ours is what counts.
        unit: of both.
        ratio: the median over the turns of ours to the peer's; without a peer, ours.
        least, most: the ratios of all turns lie between.
        goal: what the ratio is meant to be; None: nothing.
        at_most: whether it is meant to be at most that, not at least.
    """

    case: str
    ours: float
    peer: float | None
    unit: str
    ratio: float
    least: float
    most: float
    goal: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the goal was; None without one."""
        if self.goal is None:
            return None
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal


def line(
    case: str,
    ours: Sequence[float],
    peer: Sequence[float] = (),
    unit: str = "updates/s",
    goal: float | None = None,
    *,
    at_most: bool = False,
) -> Line:
    """The line of figures that were measured in turns, those of the peer each right after ours."""
    ratios = [one / other for one, other in zip(ours, peer, strict=True)] if peer else list(ours)
    middle = statistics.median(peer) if peer else None
    found = statistics.median(ratios), min(ratios), max(ratios)
    return Line(case, statistics.median(ours), middle, unit, *found, goal, at_most)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = _now()
    work()
    return _now() - began


def pace(work: Work, count: int) -> float:
    """How many a second, where so many are made."""
    return count / seconds(lambda: work(count))


def race(case: str, ours: Work, peer: Work, goal: float, counts: tuple[int, int] = (0, 0)) -> Line:
    """The line of two that make updates in turns, after a warm-up.

    Args:
        case: what is measured.
        ours, peer: the two.
        goal: how many times as many updates a second ours are meant to be.
        counts: how many updates a turn has, of each; 0: as many as take a while.
    """
    some = [
        count or max(1, round(SECONDS * max(pace(work, first) for _ in range(WARM_UPS))))
        for work, count, first in ((ours, counts[0], 1000), (peer, counts[1], 20))
    ]
    turns = [(pace(ours, some[0]), pace(peer, some[1])) for _ in range(TURNS)]
    return line(case, [one for one, _ in turns], [other for _, other in turns], goal=goal)
