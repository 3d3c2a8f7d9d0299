"""What is drawn over a landscape: trails, heads, members, the start, known minima, last steps and possible ones."""

import numpy as np
from rich.cells import cell_len

from sim.protocol.results import Imagined
from tui.draw.bands import trail_colors
from tui.draw.canvas import POINT, Canvas
from tui.draw.numbers import decimal
from tui.draw.palette import CHANGE, MINIMUM, START, Palette, blend
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene, Scene

_DETAILED = 750  # the newest points of a trail that are all drawn; of older ones as many, evenly
_FADE_EVERY = 60  # points of a trail between two shades; all but the newest so many thin to a haze
_DENSEST = 0.5  # of the run's colour in the ground where most members are
_FAR_OFF = 0.2  # of the window's width: a head further than this from the plane is dimmed


def draw_runs(canvas: Canvas, view: Viewport, scene: Scene, *, closely: bool) -> None:
    """All runs that are shown; closely: with their last steps, and those that were possible for the selected one."""
    for run in scene.layers:
        draw_members(canvas, view, run)
    if scene.imagined is not None and closely:
        _draw_cloud(canvas, view, scene.imagined, scene.run(scene.imagined.run))
    for run in scene.layers:
        _draw_trail(canvas, view, run)
    _draw_marks(canvas, view, scene)
    _draw_changes(canvas, view, scene)
    if closely:
        _draw_steps(canvas, view, [run for run in scene.runs if run.shown], scene.palette)
    _name_axes(canvas, view, scene, _draw_heads(canvas, view, scene))


def draw_members(canvas: Canvas, view: Viewport, run: RunScene) -> None:
    """A dot for each member, and the more of them there are in half a cell, the more of the run's colour."""
    if run.members is None:
        return
    dots = view.to_dots(run.members.points)
    seen = dots[((dots >= 0) & (dots < (2 * view.columns, 4 * view.rows))).all(axis=1)].astype(np.int64)
    counts = np.zeros((2 * view.rows, view.columns))
    np.add.at(counts, (seen[:, 1] // 2, seen[:, 0] // 2), 1.0)
    canvas.shade(_DENSEST * np.sqrt(counts / max(1.0, counts.max())), run.color)
    canvas.points(dots, run.faded, POINT)


@np.errstate(over="ignore")  # a step may lead beyond the largest number
def _draw_cloud(canvas: Canvas, view: Viewport, imagined: Imagined, run: RunScene) -> None:
    """A faint dot where each example alone would have led, a bright one for each that the update used."""
    cloud = imagined.cloud
    if cloud is None:
        return
    ends = np.array(imagined.origin) + cloud.steps
    canvas.points(view.to_dots(ends), run.faded, POINT)
    if 1 < cloud.batch_size < cloud.total:
        canvas.points(view.to_dots(ends[cloud.used]), run.color, POINT)


def _draw_trail(canvas: Canvas, view: Viewport, run: RunScene) -> None:
    points = run.points
    older = max(0, len(points) - _DETAILED)
    kept = np.concatenate([np.arange(0, older, max(1, older // _DETAILED)), np.arange(older, len(points))])
    shades = trail_colors(len(kept), run.color, run.faded, _FADE_EVERY)
    canvas.trail(view.to_dots(points[kept]), shades, run.color, max(0, len(kept) - _FADE_EVERY))


def _draw_marks(canvas: Canvas, view: Viewport, scene: Scene) -> None:
    for point, mark in [
        (scene.runs[0].points[0], START),
        *((minimum, MINIMUM) for minimum in scene.card.minima),
    ]:
        if (cell := view.cell(*point)) is not None:
            canvas.text(*cell, mark, scene.palette.marks, bold=True)


def _draw_changes(canvas: Canvas, view: Viewport, scene: Scene) -> None:
    """Where a run's settings were changed."""
    for run in scene.layers:
        for change in run.changes:
            if change.point is not None and (cell := view.cell(*change.point)) is not None:
                canvas.text(*cell, CHANGE, run.color, bold=True)


@np.errstate(over="ignore")
def _draw_steps(canvas: Canvas, view: Viewport, runs: list[RunScene], palette: Palette) -> None:
    """Each run's last step from where it began (its colour), and where all examples would have led (white)."""
    arrows = []
    for run in runs:
        if run.report is not None and run.reported and not run.report.vanishes:
            origin = np.array(run.report.origin)
            dots = view.to_dots(np.stack([origin, origin + run.report.full_step, np.array(run.head)]))
            if np.isfinite(dots).all():
                arrows.append((dots, run.color))
    for (tail, tip, _), _ in arrows:
        canvas.arrow(tail, tip, palette.marks)
    for (tail, _, tip), color in arrows:
        canvas.arrow(tail, tip, color)


def _draw_heads(canvas: Canvas, view: Viewport, scene: Scene) -> set[tuple[int, int]]:
    """A glyph on the run's colour, beside another that is there already; plain at the edge if it is outside.

    Returns the cells, column and row, that heads and their distances take.
    """
    palette, taken = scene.palette, set[tuple[int, int]]()
    far_off = _FAR_OFF * view.width * (scene.plane.unit)
    labels = []
    for run in scene.runs:
        if not run.shown or not np.isfinite(run.head).all():
            continue
        across, down = view.to_dots(run.head)[0]
        row = int(np.clip(down, 0, 4 * view.rows - 1)) // 4
        column = _free(int(np.clip(across, 0, 2 * view.columns - 1)) // 2, row, taken, view.columns)
        taken.add((column, row))
        off_plane = run.values["distance_from_plane"]
        far = off_plane > far_off
        color = blend(palette.background, run.color, 0.5) if far else run.color
        colors = palette.head(color) if view.cell(*run.head) else (color, palette.background)
        canvas.text(column, row, run.glyph, *colors, bold=True)
        if far:
            labels.append((column, row, f" {decimal(run.values['distance_from_plane'], 2)} off"))
    for column, row, words in labels:
        for begin in (column + 1, column - len(words)):
            cells = {(begin + i, row) for i in range(len(words))}
            if begin >= 0 and begin + len(words) <= view.columns and not cells & taken:
                taken |= cells
                canvas.text(begin, row, words, palette.text, palette.background)
                break
    return taken


def _name_axes(canvas: Canvas, view: Viewport, scene: Scene, taken: set[tuple[int, int]]) -> None:
    """The parameters' names in the corners, where no head is in the way."""
    across, up = scene.card.axes
    for column, row, words in (
        (0, 0, f"↑ {up} "),
        (view.columns - cell_len(across) - 3, view.rows - 1, f" {across} →"),
    ):
        if taken.isdisjoint((column + i, row) for i in range(cell_len(words))):
            canvas.text(column, row, words, scene.palette.muted, scene.palette.background)


def _free(column: int, row: int, taken: set[tuple[int, int]], columns: int) -> int:
    """The first column of a row, from one on to the right and then to its left, where nothing stands yet."""
    others = [*range(column, columns), *range(column - 1, -1, -1)]
    return next((other for other in others if (other, row) not in taken), column)
