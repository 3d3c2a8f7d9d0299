"""Who is ahead, who would be if something else were kept equal, and who waits for whom."""

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


def leader(runs: Sequence[RunScene], clock: Clock) -> RunScene | None:
    """The run that is lowest where all runs had come on a clock; None where that is a tie, or was not evaluated.

    Each run counts with the last loss over all examples that it had by then.
    """
    column = CLOCKS[clock].column
    common = min(float(run.seen[-1][column]) for run in runs)
    losses = [_loss_by(run, column, common) for run in runs]
    if len(runs) < 2 or not np.isfinite(losses).all():
        return None
    first, second = sorted(losses)[:2]
    return None if np.isclose(first, second, rtol=_TIE, atol=0.0) else runs[int(np.argmin(losses))]


def _loss_by(run: RunScene, column: str, most: float) -> float:
    """A run's last evaluated loss by some point of a column; NaN if there was none since the start."""
    evaluated = run.recorded[run.evaluations]
    by_then = evaluated[(evaluated[column] <= most) & (evaluated["update"] <= run.update)]
    return float(by_then[-1]["loss"]) if len(by_then) > 1 else np.nan


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
