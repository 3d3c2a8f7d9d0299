"""The data, with each run's present line or boundary: what a point of the surface means."""

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from sim.experiment.geometry import Window
from sim.problems.formula import Formula
from tui.draw.canvas import MARK, POINT, Canvas
from tui.draw.palette import Palette, blend
from tui.draw.viewport import Viewport
from tui.panels.plot import Plot
from tui.scene.scene import RunScene, Scene

_MARGIN = 0.06
_CURVE_POINTS = 200

Floats = NDArray[np.float64]


class DataPanel(Plot):
    """The data as points, each run's line or boundary, and the examples that each run's last update used."""

    BORDER_TITLE = "data"
    DEFAULT_CLASSES = "view framed"

    def show(self, scene: Scene) -> None:
        """Draw a scene; nothing where the problem has no data to draw."""
        formula = scene.card.drawn
        if formula is None or formula.view is None or not self.display:
            return
        is_curve = formula.view.kind == "curve"
        drawn = "line" if is_curve else "boundary between the classes"
        classes = "" if is_curve else "0 faint, 1 strong"
        self.entitle(
            [f"the data, and each run's {drawn}", f"data and {'lines' if is_curve else 'boundaries'}"],
            [f"{scene.card.note} · {classes}", classes] if classes and scene.card.note else [classes],
        )
        points = _data_points(formula)
        view = self.viewport(_data_window(points))
        palette = scene.palette
        canvas = Canvas(view.columns, view.rows, palette.background)
        for color, of_it in _points_by_color(formula, palette):
            canvas.points(view.to_dots(points[of_it]), color, POINT)
        shown = [run for run in scene.runs if run.shown]
        for run in scene.layers:
            canvas.polyline(view.to_dots(_line(formula, run, view.window)), run.color)
        for run in shown:
            self._draw_used(canvas, view, scene, run, points)
        canvas.text(0, 0, f"↑ {formula.view.ylabel} ", palette.muted, palette.background)
        xlabel = f" {formula.view.xlabel} →"
        canvas.text(view.columns - cell_len(xlabel), view.rows - 1, xlabel, palette.muted, palette.background)
        self.paint(canvas.frame(), view.window, palette)

    def _draw_used(self, canvas: Canvas, view: Viewport, scene: Scene, run: RunScene, points: Floats) -> None:
        if run.report is None or run.report.batch_size == scene.examples:
            return
        used = points[list(run.report.indices)]
        if run.report.batch_size == 1 and (cell := view.cell(*used[0])) is not None:
            canvas.text(*cell, run.glyph, run.color, bold=True)
        else:
            canvas.points(view.to_dots(used), run.color, MARK)


def _data_points(formula: Formula) -> Floats:
    """Where each example is drawn, shape (N, 2)."""
    if formula.inputs.ndim == 2 and formula.inputs.shape[1] == 2:
        return formula.inputs
    return np.stack([formula.inputs.reshape(-1), formula.targets], axis=1)


def _data_window(points: Floats) -> Window:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, 1.0)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return Window(left, right, bottom, top)


def _points_by_color(formula: Formula, palette: Palette) -> list[tuple[int, NDArray[np.bool_]]]:
    """The colours of the points, and which of them have it: two for two classes, one for a curve's points."""
    if formula.view is not None and formula.view.kind == "boundary":
        dim = blend(palette.background, palette.marks, 0.4)
        return [(palette.marks, formula.targets > 0.5), (dim, formula.targets <= 0.5)]
    return [(palette.muted, np.ones(formula.examples, dtype=np.bool_))]


def _line(formula: Formula, run: RunScene, window: Window) -> Floats:
    """A run's curve through the data, or the line on which it holds both classes for equally likely; shape (n, 2)."""
    a, b = run.head
    if formula.view is not None and formula.view.kind == "boundary":
        length = np.hypot(a, b)
        reach = np.hypot(window.right - window.left, window.top - window.bottom)
        way = np.array([-b, a]) / length * reach if 0 < length < np.inf else np.full(2, np.nan)
        return np.stack([-way, way])
    xs = np.linspace(window.left, window.right, _CURVE_POINTS)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([xs, formula.output(np, a, b, xs)], axis=1)
