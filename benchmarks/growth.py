"""How an update's time and memory grow: with examples, parameters, updates made so far, runs beside it, and seeds.

Batch size 1, by torch and compiled. Each line is the time of an update (of one run, by one seed), or the peak memory of
the whole process, beside that of the smallest size; the sizes take turns. Time is to be flat, at most twice as much, in
examples, updates and runs, where the work is the same (many seeds have bands besides); and memory in updates. Races
report as much as a screen gets, keep what they keep, and evaluate no loss over all examples.

    python -m benchmarks.growth docs/growth.svg

draws it, and prints it as a table.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.turns import TURNS, Line, line
from sim.experiment.choices import Backend

THREADS = (1,)
FLAT = 2.0
SIZES: dict[str, dict[Backend, tuple[int, ...]]] = {
    "examples": {"torch": (100, 10_000, 1_000_000), "compiled": (100, 10_000, 1_000_000)},
    "parameters": {
        "torch": (2, 100, 10_000, 1_000_000, 10_000_000),
        "compiled": (2, 100, 10_000, 1_000_000, 10_000_000),
    },
    "updates": {"torch": (100, 1000, 10_000), "compiled": (10_000, 100_000, 1_000_000, 10_000_000)},
    "runs": {"torch": (1, 3, 9), "compiled": (1, 3, 9)},
    "seeds": {"compiled": (1, 2, 16, 256, 4096)},
}
"""What grows, and to what."""

FLAT_TIME, FLAT_MEMORY = {"examples", "updates", "runs"}, {"updates"}


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured where a quantity has a size.

    Attributes:
        microseconds: of an update, in each turn.
        megabytes: at most.
    """

    quantity: str
    backend: Backend
    size: int
    microseconds: Sequence[float]
    megabytes: float


class Process:
    """A race under way, see `growing`."""

    def __init__(self, quantity: str, size: int, backend: Backend) -> None:
        command = [sys.executable, "-m", "benchmarks.growing", quantity, str(size), backend]
        self._process = subprocess.Popen(
            command,
            bufsize=1,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def turn(self) -> float:
        """The microseconds of an update."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        return float(self._process.stdout.readline())

    def end(self) -> float:
        """The most memory that it had, in megabytes."""
        said, _ = self._process.communicate()
        return float(said)


def grown(quantity: str, backend: Backend) -> list[Point]:
    """A quantity's sizes in turns."""
    sizes = SIZES[quantity][backend]
    processes = [Process(quantity, size, backend) for size in sizes]
    turns = [[process.turn() for process in processes] for _ in range(TURNS)]
    return [
        Point(quantity, backend, size, column, process.end())
        for size, column, process in zip(sizes, zip(*turns, strict=True), processes, strict=True)
    ]


def lines() -> Iterator[Line]:
    """Each quantity, for each backend."""
    for quantity, backends in SIZES.items():
        for backend in backends:
            first, *others = grown(quantity, backend)
            for point in others:
                case = f"{backend}, {quantity} {point.size:,} ({first.size:,})"
                flat = FLAT if quantity in FLAT_TIME else None
                yield line(case, point.microseconds, first.microseconds, "µs", flat, at_most=flat is not None)
                flat = FLAT if quantity in FLAT_MEMORY else None
                yield line(case, [point.megabytes], [first.megabytes], "MB", flat, at_most=flat is not None)


def table(points: Sequence[Point]) -> Iterator[str]:
    """The same as lines of Markdown."""
    yield "| | sizes | torch, µs | compiled, µs | torch, MB | compiled, MB |"
    yield "|---|---|---|---|---|---|"
    for quantity, backends in SIZES.items():
        sizes = sorted(set().union(*backends.values()))
        known = {(one.backend, one.size): one for one in points if one.quantity == quantity}
        for size in sizes:
            both = [known.get((backend, size)) for backend in ("torch", "compiled")]
            times = ["" if one is None else f"{statistics.median(one.microseconds):,.3g}" for one in both]
            memory = ["" if one is None else f"{one.megabytes:,.0f}" for one in both]
            yield f"| {quantity} | {size:,} | {' | '.join((*times, *memory))} |"


def main() -> None:
    """Draw the figure, and print the table."""
    from benchmarks.growth_figure import draw

    points = [one for quantity, backends in SIZES.items() for backend in backends for one in grown(quantity, backend)]
    draw(points, Path(sys.argv[1]))
    print("\n".join(table(points)))


if __name__ == "__main__":
    main()
