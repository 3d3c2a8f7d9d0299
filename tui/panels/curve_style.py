"""What the curves show, and how their axes are laid out: the same in every chart."""

import math
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from sim.measures import registry
from sim.measures.measure import Measure
from sim.protocol.trace import RECORDED, Status
from tui.scene.scene import Scene

BESIDE = "batch_loss"
"""The measure that is drawn around the loss, or in its stead where nobody evaluated that."""

_UP = {"log": 6.0, "log, all": math.inf, "linear": math.inf}
_ACROSS = ("auto", "log", "linear")
_FAR_APART = 10.0  # times as far as the run that has come least far: on a linear axis that one would hardly be seen

T = TypeVar("T")


@dataclass
class CurveStyle:
    """What is chosen with the keys, of all charts.

    Attributes:
        measure: what is drawn, where it is recorded; else the loss.
        up: how the y axis is laid out.
        across: how the x axes are: logarithmic, linear, or whichever shows all runs.
    """

    measure: Measure = field(default_factory=lambda: registry()["loss"])
    up: str = "log"
    across: str = "auto"

    def next_measure(self, scene: Scene) -> None:
        """Draw another measure."""
        self.measure = after(self.measure_of(scene), drawable(scene))

    def next_up(self) -> None:
        """Lay out the y axis otherwise."""
        self.up = after(self.up, tuple(_UP))

    def next_across(self) -> None:
        """Lay out the x axes otherwise."""
        self.across = after(self.across, _ACROSS)

    def measure_of(self, scene: Scene) -> Measure:
        """What is drawn of a scene."""
        measures = drawable(scene)
        return self.measure if self.measure in measures else measures[0]

    def log_up(self, scene: Scene) -> bool:
        """Whether the y axis is logarithmic; one of shares never is."""
        return self.up != "linear" and self.measure_of(scene).unit != "%"

    @property
    def decades(self) -> float:
        """How many powers of ten a logarithmic y axis goes below the start at most."""
        return _UP[self.up]

    def log_across(self, scene: Scene, column: str) -> bool:
        """Whether an x axis over a column of the trace is logarithmic."""
        last = [run.recorded[-1] for run in scene.runs if run.shown]
        ends = [float(row[column]) for row in last if row[column] > 0 and not Status(row["status"]).stopped]
        apart = bool(ends) and max(ends) > _FAR_APART * min(ends)
        return self.across == "log" or (self.across == "auto" and apart)


def drawable(scene: Scene) -> tuple[Measure, ...]:
    """The recorded measures, the loss first; of those that take a pass, the ones that are known at the start."""
    loss = registry()["loss" if any(len(run.evaluations) for run in scene.runs) else BESIDE]
    start = scene.runs[0].recorded[0]
    known = [one for one in RECORDED if one.name != BESIDE and (one.cost == "step" or np.isfinite(start[one.name]))]
    return (loss, *(one for one in known if one.name != "loss"))


def after(one: T, choices: tuple[T, ...]) -> T:
    """The choice after another one, round and round."""
    return choices[(choices.index(one) + 1) % len(choices)]
