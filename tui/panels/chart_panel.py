"""A chart of all runs over one of the ways to count, in which a click goes to the update under it."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from textual.geometry import Offset

from sim.experiment.choices import CLOCKS
from sim.measures.measure import Measure
from sim.protocol.trace import BANDS, Rows
from tui.draw.chart import Chart, Series
from tui.draw.frame import Frame
from tui.panels.curve_style import BESIDE, CurveStyle
from tui.panels.picture import Picture
from tui.panels.seeking import Seeking
from tui.scene.comparison import reached
from tui.scene.scene import RunScene, Scene
from tui.session.column import thinned

_EDGE_POINTS = 2048
_MOST_BANDS = 4  # more would be a patchwork

Axis = Literal["updates", "epochs", "examples", "seconds"]
AXES: dict[Axis, str] = {clock: kind.column for clock, kind in CLOCKS.items()} | {"epochs": "epoch"}
"""What runs are drawn over, and the column of the trace that it is read from."""

Floats = NDArray[np.float64]


class ChartPanel(Seeking, Picture, can_focus=True):
    """A chart: for each run its loss over all examples, smoothed, before a band of the losses of its batches.

    Where nobody evaluated the former, the batches' losses are the line, too.

    What an update measured is drawn where it was measured: at the parameters before it, so one update earlier.
    """

    def __init__(self, style: CurveStyle, axis: Axis = "updates", id: str | None = None) -> None:
        super().__init__(id=id)
        self.curve_style, self.axis = style, axis
        self._chart: Chart | None = None
        self._scene: Scene | None = None
        self._prepared: tuple[Scene, Frame] | None = None

    def entitle(self, scene: Scene, log_x: bool) -> None:
        """Write on the border what is drawn."""
        raise NotImplementedError

    def composed(self, scene: Scene) -> Frame:
        """The picture of a scene."""
        return self.chart_frame(scene, self.size.height)

    def prepare(self, scene: Scene) -> None:
        """Compose the picture of a scene that is to be shown later."""
        if self.size:  # else it is not to be seen
            self._prepared = scene, self.composed(scene)

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        if not self.size:
            return
        if self._prepared is None or self._prepared[0] is not scene:
            self.prepare(scene)
        assert self._prepared is not None
        self._scene, frame = self._prepared
        self._prepared = None
        self.entitle(scene, self.curve_style.log_across(scene, self.column))
        self.show_frame(frame)

    def moment_at(self, cell: Offset) -> int | None:
        """See `Seeking`: when the run whose line is the nearest had got there."""
        nearest = self._chart.nearest(cell.x, cell.y) if self._chart else None
        if nearest is None or self._scene is None:
            return None
        index, x = nearest
        rows = self._scene.layers[index].recorded
        return int(rows["moment"][np.abs(rows[self.column] - x).argmin()])

    @property
    def column(self) -> str:
        """The column of the trace that the x axis shows."""
        return AXES[self.axis]

    def chart_frame(self, scene: Scene, height: int) -> Frame:
        """The chart in so many rows."""
        shown, column = [run for run in scene.runs if run.shown], self.column
        apart = bool(shown) and not (scene.live and self.axis == scene.clock)
        self._chart = Chart(
            series=tuple(self._series(scene, run, column) for run in scene.layers),
            width=self.size.width,
            height=height,
            log_x=self.curve_style.log_across(scene, column),
            log_y=self.curve_style.log_up(scene),
            x_end=max((float(run.recorded[-1][column]) for run in shown), default=0.0),
            decades=self.curve_style.decades,
            cursor=reached(shown, column) if apart else None,
            ink=scene.palette.muted,
            background=scene.palette.background,
        )
        return self._chart.frame()

    def _series(self, scene: Scene, run: RunScene, column: str) -> Series:
        measure = self.curve_style.measure_of(scene)
        if measure.cost == "step":
            x, y = _measured(run, column, measure.name)
            end = run.update
        else:
            x, y = _floats(run.recorded, column, run.evaluations), run.recorded[measure.name][run.evaluations]
            end = run.loss_update
        banded = sum(other.shown for other in scene.runs) <= _MOST_BANDS
        return Series(
            x,
            y,
            run.color,
            _swath(scene, run, column, measure) if banded else (np.empty(0), np.empty(0)),
            run.swath,
            run.glyph,
            float(run.seen[_index_after(run.seen, end)][column]),
            run.values[measure.name],
            tuple((float(run.seen[_index_after(run.seen, one.update)][column]), one.words) for one in run.changes),
        )


def _swath(scene: Scene, run: RunScene, column: str, measure: Measure) -> tuple[Floats, Floats]:
    """What is drawn behind a run's line, from the least to the greatest: of many seeds the edges of the band."""
    if scene.experiment.seeds == 1:
        return _banded(run, column) if measure.name in ("loss", BESIDE) else (np.empty(0), np.empty(0))
    if measure.name not in BANDS:
        return np.empty(0), np.empty(0)
    rows = thinned(run.recorded)
    rows = rows[np.isfinite(rows[measure.name])]
    if not len(rows):  # as of what updates measure, before the first one
        return np.empty(0), np.empty(0)
    x = _floats(rows, column)
    # so many points of either edge that the band does not look wider than it is where it is steep
    dense = np.linspace(x[0], x[-1], max(_EDGE_POINTS, len(x)))
    return dense.repeat(2), np.stack([np.interp(dense, x, rows[edge]) for edge in BANDS[measure.name]], axis=1).ravel()


def _measured(run: RunScene, column: str, measure: str) -> tuple[Floats, Floats]:
    """What updates measured, over the updates before: that is where the run then was."""
    return _floats(thinned(run.recorded[:-1]), column), thinned(run.recorded[1:])[measure]


def _banded(run: RunScene, column: str) -> tuple[Floats, Floats]:
    """The same of batch losses, where not the course counts but the extremes: of many, the least and the largest."""
    return _floats(run.recorded, column, run.extremes - 1), run.recorded["batch_loss"][run.extremes]


def _floats(rows: Rows, column: str, some: NDArray[np.int64] | slice = slice(None)) -> Floats:
    return rows[column][some].astype(np.float64)  # the column first: picking whole rows copies all of them


def _index_after(rows: Rows, update: int) -> int:
    """Which row is the last one up to an update."""
    return int(np.searchsorted(rows["update"], update, side="right")) - 1
