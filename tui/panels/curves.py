"""Loss or gradient norm of each run, over updates, epochs, examples or seconds."""

import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip
from textual.widget import Widget

from sim.experiment.choices import Clock
from sim.measures import registry
from sim.measures.measure import Measure
from sim.protocol.trace import RECORDED, Rows
from tui.draw.chart import Chart, Series
from tui.draw.palette import blend
from tui.panels.plot import fitting
from tui.scene.scene import RunScene, Scene
from tui.session.column import thinned

_REDRAWS_PER_SECOND = 5
_NOISE_REACH = 2.0  # how far beyond the lines dots are drawn, as a factor
_NOISE_SHARE = 0.45  # of a run's colour: the loss of its batches, behind the loss over all examples

Axis = Literal["updates", "epochs", "examples", "seconds"]
_COLUMNS: dict[Axis, str] = {"updates": "update", "epochs": "epoch", "examples": "examples", "seconds": "seconds"}
_BESIDE = "batch_loss"  # which is drawn around the loss

Floats = NDArray[np.float64]


class Curves(Widget, can_focus=True):
    """The line is the loss over all examples; the dots around it are the losses of the batches.

    What an update measured is drawn where it was measured: at the parameters before it, so one update earlier.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_y = True
        self._axis: Axis = "updates"
        self._clock: Clock | None = None
        self._metrics: tuple[Measure, ...] = (registry()["loss"],)
        self._metric = self._metrics[0]
        self._strips: list[Strip] = []
        self._drawn_at = -1.0
        self._drawn: tuple[object, ...] = ()

    def next_axis(self) -> None:
        """Draw over something else."""
        axes = list(_COLUMNS)
        self._axis = axes[(axes.index(self._axis) + 1) % len(axes)]
        self._drawn_at = -1.0

    def next_metric(self) -> None:
        """Draw another metric."""
        self._metric = self._metrics[(self._metrics.index(self._metric) + 1) % len(self._metrics)]
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
        scale, name = " · log" if self._logarithmic else "", self._metric.title
        dotted = [f"loss, batches dotted{scale} · over {self._axis}"] if self._metric.name == "loss" else []
        titles = [*dotted, f"{name}{scale} · over {self._axis}", f"{name} over {self._axis}"]
        self.border_title = fitting(titles, self.size.width)
        self.border_subtitle = rates_words(scene)
        self._strips = self._chart(scene).strips()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the chart."""
        style = self.rich_style  # the theme's background, whatever the terminal's own is
        return self._strips[y].apply_style(style) if y < len(self._strips) else Strip.blank(self.size.width, style)

    @property
    def _logarithmic(self) -> bool:
        """A share is best seen as it is."""
        return self.log_y and self._metric.unit != "%"

    def _chart(self, scene: Scene) -> Chart:
        shown = [run for run in scene.runs if run.shown]
        lines = [self._line(run) for run in scene.layers]
        noise = [self._noise(scene, run, _bounds(lines)) for run in scene.layers] if self._metric.name == "loss" else []
        ends = [float(run.recorded[-1][_COLUMNS[self._axis]]) for run in shown]
        cursor = max((float(run.seen[-1][_COLUMNS[self._axis]]) for run in shown), default=0.0)
        return Chart(
            series=(*noise, *lines),
            width=self.size.width,
            height=self.size.height,
            log_y=self._logarithmic,
            x_limits=(0.0, max(ends, default=0.0) or 1.0),
            cursor=None if scene.live else cursor,
            ink=scene.palette.muted,
        )

    def _line(self, run: RunScene) -> Series:
        if self._metric.cost == "step":
            return Series(*self._measured(run, self._metric.name), run.color)
        evaluated = run.recorded[run.evaluations]
        return Series(self._x(evaluated), evaluated[self._metric.name], run.color)

    def _measured(self, run: RunScene, column: str) -> tuple[Floats, Floats]:
        """What updates measured, at the places of the updates before: that is where the run then was."""
        return self._x(thinned(run.recorded[:-1])), thinned(run.recorded[1:])[column]

    def _noise(self, scene: Scene, run: RunScene, bounds: tuple[float, float]) -> Series:
        """The losses of a run's batches near the lines: single examples that fit perfectly would squeeze all else."""
        dim = blend(scene.palette.background, run.color, _NOISE_SHARE)
        places, losses = self._measured(run, _BESIDE)
        low, high = bounds
        near = (losses <= high) & ((losses >= low) | (losses <= 0))
        return Series(places, np.where(near, losses, np.nan), dim, "dots")

    def _x(self, rows: Rows) -> Floats:
        return rows[_COLUMNS[self._axis]].astype(np.float64)


def rates_words(scene: Scene) -> str:
    """Whether the comparison is fair: one rate for all, each run's own, or one that schedules change."""
    rates = {run.config.lr for run in scene.runs}
    schedules = {run.config.schedule for run in scene.runs}
    if len(rates) > 1 or len(schedules) > 1:
        return "each run has its own rate"
    (rate,), (schedule,) = rates, schedules
    return f"one rate for all: {rate:.4g}" + ("" if schedule == "constant" else f", by {schedule}")


def _drawable(scene: Scene) -> tuple[Measure, ...]:
    """The recorded measures, the loss first; of those that a pass tells, the ones that are told of the start."""
    start = scene.runs[0].recorded[0]
    told = [one for one in RECORDED if one.name != _BESIDE and (one.cost == "step" or np.isfinite(start[one.name]))]
    return (registry()["loss"], *(one for one in told if one.name != "loss"))


def _bounds(lines: list[Series]) -> tuple[float, float]:
    """Between which losses batches are drawn: somewhat beyond those of all examples."""
    losses = np.concatenate([np.empty(0), *(line.y for line in lines)])
    losses = losses[np.isfinite(losses)]
    if not losses.size:
        return -np.inf, np.inf
    low, high = float(losses.min()), float(losses.max())
    return (low / _NOISE_REACH if low > 0 else low * _NOISE_REACH), high * _NOISE_REACH
