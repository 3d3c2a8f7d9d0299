"""Loss or gradient norm of each run, over updates, epochs, examples or seconds."""

import math
import time
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import Clock
from sim.measures import registry
from sim.measures.measure import Measure
from sim.protocol.trace import RECORDED, Rows
from tui.draw.chart import Chart, Series
from tui.panels.picture import Picture
from tui.panels.plot import fitting
from tui.scene.scene import RunScene, Scene
from tui.session.column import thinned

_REDRAWS_PER_SECOND = 5
_MOST_BANDS = 4  # more would be a patchwork

Axis = Literal["updates", "epochs", "examples", "seconds"]
_COLUMNS: dict[Axis, str] = {"updates": "update", "epochs": "epoch", "examples": "examples", "seconds": "seconds"}
_BESIDE = "batch_loss"  # which is drawn around the loss
_SCALES = {"log": 6.0, "log, all": math.inf, "linear": math.inf}
"""How the y axis is laid out, and how many decades it goes below the start at most."""

Floats = NDArray[np.float64]
T = TypeVar("T")


class Curves(Picture):
    """The curves: for each run its loss over all examples, smoothed, before a band of the losses of its batches.

    What an update measured is drawn where it was measured: at the parameters before it, so one update earlier.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._log_x = False
        self._scale = next(iter(_SCALES))
        self._axis: Axis = "updates"
        self._clock: Clock | None = None
        self._metrics: tuple[Measure, ...] = (registry()["loss"],)
        self._metric = self._metrics[0]
        self._drawn_at = -1.0

    def next_axis(self) -> None:
        """Draw over something else."""
        self._axis = _after(self._axis, tuple(_COLUMNS))
        self._drawn_at = -1.0

    def next_metric(self) -> None:
        """Draw another metric."""
        self._metric = _after(self._metric, self._metrics)
        self._drawn_at = -1.0

    def next_scale(self) -> None:
        """Lay out the y axis otherwise."""
        self._scale = _after(self._scale, tuple(_SCALES))
        self._drawn_at = -1.0

    def toggle_log_x(self) -> None:
        """A logarithmic x axis or a linear one."""
        self._log_x ^= True
        self._drawn_at = -1.0

    def show(self, scene: Scene) -> None:
        """Draw a scene, at most a few times a second while it plays."""
        if scene.clock != self._clock:
            self._clock = self._axis = scene.clock
            self._drawn_at = -1.0
        self._metrics = _drawable(scene)
        if self._metric not in self._metrics:
            self._metric = self._metrics[0]
        now = time.monotonic()
        if scene.playing and now - self._drawn_at < 1 / _REDRAWS_PER_SECOND:
            return
        self._drawn_at = now
        self._entitle(scene)
        self.show_frame(self._chart(scene).frame())

    def _entitle(self, scene: Scene) -> None:
        scale = "" if self._is_share or self._scale == "linear" else f" · {self._scale}"
        over = f"over {self._axis}{' (log)' if self._log_x else ''}"
        behind = [f"loss, that of batches behind{scale} · {over}"] if self._metric.name == "loss" else []
        name = self._metric.title
        title = fitting([*behind, f"{name}{scale} · {over}", f"{name} {over}"], self.size.width)
        if (title, rates_words(scene)) != (self.border_title, self.border_subtitle):
            self.border_title, self.border_subtitle = title, rates_words(scene)

    @property
    def _is_share(self) -> bool:
        return self._metric.unit == "%"

    def _chart(self, scene: Scene) -> Chart:
        shown = [run for run in scene.runs if run.shown]
        cursor = max((float(run.seen[-1][_COLUMNS[self._axis]]) for run in shown), default=0.0)
        return Chart(
            series=tuple(self._series(scene, run) for run in scene.layers),
            width=self.size.width,
            height=self.size.height,
            log_x=self._log_x,
            log_y=self._scale != "linear" and not self._is_share,
            x_end=max((float(run.recorded[-1][_COLUMNS[self._axis]]) for run in shown), default=0.0),
            decades=_SCALES[self._scale],
            cursor=None if scene.live else cursor,
            ink=scene.palette.muted,
            background=scene.palette.background,
        )

    def _series(self, scene: Scene, run: RunScene) -> Series:
        if self._metric.cost == "step":
            x, y = self._measured(run, self._metric.name)
        else:
            evaluated = run.recorded[run.evaluations]
            x, y = self._x(evaluated), evaluated[self._metric.name]
        banded = self._metric.name == "loss" and sum(other.shown for other in scene.runs) <= _MOST_BANDS
        return Series(
            x,
            y,
            run.color,
            self._measured(run, _BESIDE) if banded else (np.empty(0), np.empty(0)),
            scene.palette.swaths[run.index],
            run.glyph,
            float(run.seen[-1][_COLUMNS[self._axis]]),
        )

    def _measured(self, run: RunScene, column: str) -> tuple[Floats, Floats]:
        """What updates measured, at the positions of the updates before: that is where the run then was."""
        return self._x(thinned(run.recorded[:-1])), thinned(run.recorded[1:])[column]

    def _x(self, rows: Rows) -> Floats:
        return rows[_COLUMNS[self._axis]].astype(np.float64)


def _after(one: T, choices: tuple[T, ...]) -> T:
    """The choice after another one, round and round."""
    return choices[(choices.index(one) + 1) % len(choices)]


def rates_words(scene: Scene) -> str:
    """Whether the comparison is fair: one rate for all, each run's own, or one that schedules change."""
    rates = {run.config.lr for run in scene.runs}
    schedules = {run.config.schedule for run in scene.runs}
    if len(rates) > 1 or len(schedules) > 1:
        return "each run has its own rate"
    (rate,), (schedule,) = rates, schedules
    return f"one rate for all: {rate:.4g}" + ("" if schedule == "constant" else f", by {schedule}")


def _drawable(scene: Scene) -> tuple[Measure, ...]:
    """The recorded measures, the loss first; of those that take a pass, the ones that are known at the start."""
    start = scene.runs[0].recorded[0]
    drawable = [one for one in RECORDED if one.name != _BESIDE and (one.cost == "step" or np.isfinite(start[one.name]))]
    return (registry()["loss"], *(one for one in drawable if one.name != "loss"))
