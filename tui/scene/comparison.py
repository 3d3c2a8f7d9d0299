"""Who is ahead, who would be if something else were kept equal, and who waits for whom."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from sim.experiment.choices import CLOCKS, Clock
from tui.draw.numbers import decimal
from tui.scene.scene import RunScene, Scene

_QUANTUM = 1e-3  # seconds, more than a run computes at a time before it is the others' turn
_TIE = 1e-3  # of the loss: closer ones count as equal


def lowest(runs: Sequence[RunScene]) -> list[RunScene]:
    """The runs with the lowest loss of those given: several where it is written alike, the lowest first."""
    ordered = sorted(runs, key=lambda run: run.loss)
    return [run for run in ordered if decimal(run.loss) == decimal(ordered[0].loss)]


def reached(runs: Sequence[RunScene], column: str) -> float:
    """How far all of some runs have come in a column of the trace; those that have stopped hold up nobody."""
    return min(float(run.seen[-1][column]) for run in _racing(runs) or runs)


def leaders(runs: Sequence[RunScene], clock: Clock) -> list[RunScene]:
    """The runs that are lowest where all have come on a clock: several at a tie, none where that is not known.

    Each run that goes on and has moved by then counts with the loss over all examples that it had by then.
    """
    racing = _racing(runs)
    column = CLOCKS[clock].column
    common = reached(racing, column) if racing else 0.0
    moved = [run for run in racing if _made_by(run, column, common)]
    losses = np.array([_loss_by(run, column, common) for run in moved])
    if len(moved) < 2 or not np.isfinite(losses).all():
        return []
    return [moved[index] for index in np.flatnonzero(np.isclose(losses, losses.min(), rtol=_TIE, atol=0.0))]


def unmoved(runs: Sequence[RunScene], clock: Clock) -> list[RunScene]:
    """The runs that have made no update yet where all have come on a clock."""
    racing = _racing(runs)
    column = CLOCKS[clock].column
    return [run for run in racing if not _made_by(run, column, reached(racing, column))]


def leader(runs: Sequence[RunScene], clock: Clock) -> RunScene | None:
    """The only one of the leaders on a clock; None at a tie, or where they are not known."""
    ahead = leaders(runs, clock)
    return ahead[0] if len(ahead) == 1 else None


def _racing(runs: Sequence[RunScene]) -> list[RunScene]:
    return [run for run in runs if not run.status.stopped]


def _made_by(run: RunScene, column: str, most: float) -> int:
    """Which of its rows is a run's last one up to some point of a column; 0: it had not moved."""
    return bisect_right(run.seen[column], most) - 1


def _loss_by(run: RunScene, column: str, most: float) -> float:
    """A run's loss over all examples by some point of a column, between two evaluations as a straight line has it.

    After the last one it is the last one's; NaN where that is the start's, and the run has moved since, or without any.
    """
    made = _made_by(run, column, most)
    known = run.evaluations[: bisect_right(run.evaluations, len(run.seen) - 1)]
    after = bisect_right(known, made)
    if not len(known) or (after == len(known) and made > known[-1] == 0):
        return np.nan
    rows = run.recorded[known[after - 1 : after + 1]]
    return float(np.interp(run.seen[made]["update"], rows["update"], rows["loss"]))


def waits(scene: Scene, run: RunScene) -> bool:
    """Whether a run is so far ahead on the clock that it has to wait for others, as after a change of the clock."""
    going = [other for other in scene.runs if not other.status.stopped]
    if run.status.stopped or not scene.live:
        return False
    column = CLOCKS[scene.clock].column
    due = min(float(other.seen[-1][column]) + _turn(other, scene.clock) for other in going)
    return float(run.seen[-1][column]) >= due + _turn(run, scene.clock)


def _turn(run: RunScene, clock: Clock) -> float:
    """How far on a clock a run's next turn takes it, or somewhat more."""
    match clock:
        case "updates":
            return 1.0
        case "examples":
            return float(run.config.batch_size)
        case "seconds":
            return 2 * run.seconds / max(1, run.update) + _QUANTUM
