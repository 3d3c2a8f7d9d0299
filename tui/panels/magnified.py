"""The cloud of possible steps, magnified: what is drawn of it in the lens, and the legend that says what is what."""

import numpy as np
from numpy.typing import NDArray

from sim.protocol.cloud import Cloud, Floats, batch_covariance
from tui.draw.canvas import MARK, POINT, TRAIL, Canvas
from tui.draw.numbers import count
from tui.draw.palette import Palette, blend
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene

_DOT, _MEAN = "∙", "+"
_SHARE = 0.42  # of a run's colour in the ellipse of its batches

Piece = tuple[str, int, int]
"""Words, their colour, and that of their background."""


@np.errstate(over="ignore")  # a step may lead beyond the largest number
def draw_magnified(
    canvas: Canvas, view: Viewport, cloud: Cloud, origin: Floats, run: RunScene, palette: Palette
) -> None:
    """The dots of single examples over the ellipses of one and of a batch, with the step made and that of all.

    Args:
        canvas, view: where.
        cloud: the possible steps.
        origin: where they begin, shape (2,).
        run: whose.
        palette: the colours.
    """
    halves = np.full((2 * view.rows, view.columns), palette.background, dtype=np.int64)
    for size, color in _grounds(cloud, run, palette):
        halves[spread(view, cloud, origin + cloud.full, size)] = color
    canvas.background(halves)
    ends = view.to_dots(origin + cloud.steps)
    canvas.points(ends, palette.muted, POINT)
    if cloud.batch_size < cloud.total:
        canvas.points(ends[cloud.used], run.color, TRAIL)
    for step, color in ((cloud.full, palette.marks), (cloud.own, run.color)):
        canvas.polyline(view.to_dots([origin, origin + step]), color, MARK)
    front, back = palette.head(run.color)
    for step, mark, ground in ((cloud.full, _MEAN, None), (cloud.own, run.glyph, back)):
        if (cell := view.cell(*(origin + step))) is not None:
            canvas.text(*cell, mark, front, ground, bold=True)


def spread(view: Viewport, cloud: Cloud, middle: Floats, size: int) -> NDArray[np.bool_]:
    """Which half cells lie within one standard deviation of batches of a size about the mean of all.

    In units of half cells, to which half of one is added each way: an ellipse that is thinner is seen, too. None do
    where the steps are no finite numbers. Shape (2 * rows, columns).
    """
    columns, rows = view.columns, 2 * view.rows
    scale = np.array([columns / view.width, rows / view.height])
    covariance = batch_covariance(cloud.covariance, size, cloud.total, replacement=cloud.replacement)
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = covariance * np.outer(scale, scale) + np.eye(2) / 4
    if not np.isfinite(covariance).all():
        return np.zeros((rows, columns), dtype=np.bool_)
    across, up = (middle - (view.window.left, view.window.bottom)) * scale
    off = np.stack(np.meshgrid(np.arange(columns) + 0.5 - across, np.arange(rows)[::-1] + 0.5 - up), axis=-1)
    inside: NDArray[np.bool_] = np.einsum("...i,ij,...j", off, np.linalg.inv(covariance), off) <= 1
    return inside


def _grounds(cloud: Cloud, run: RunScene, palette: Palette) -> list[tuple[int, int]]:
    """Of which sizes of batches the ellipses are, the larger ellipse first, and their colours."""
    sizes = sorted({1, cloud.batch_size} - {cloud.total})
    return list(zip(sizes, ellipse_colors(run.color, run.swath, palette), strict=False))


def ellipse_colors(color: int, swath: int, palette: Palette) -> tuple[int, int]:
    """The grounds of single examples and of batches, for a run of some colour and that of its bands."""
    return swath, blend(palette.background, color, _SHARE)


def legend(cloud: Cloud, run: RunScene, palette: Palette, width: int) -> list[list[Piece]]:
    """What is what: two lines of words with their colours, the longer ones where a width has room for them."""
    longer = _legend(cloud, run, palette, brief=False)
    fits = all(sum(len(words) for words, _, _ in line) <= width for line in longer)
    return longer if fits else _legend(cloud, run, palette, brief=True)


def _legend(cloud: Cloud, run: RunScene, palette: Palette, *, brief: bool) -> list[list[Piece]]:
    plain = palette.background
    gap = " " if brief else "  ", plain, plain
    of = "σ of" if brief else "1σ of"
    one, *many = [(f" {of} {count(size)} ", palette.text, color) for size, color in _grounds(cloud, run, palette)]

    def item(mark: str, color: int, words: str, brief_words: str) -> list[Piece]:
        return [(f"{mark} ", color, plain), (brief_words if brief else words, palette.muted, plain), gap]

    share = f", {count(cloud.sampled)} of {count(cloud.total)}" if cloud.sampled < cloud.total else ""
    example = item(_DOT, palette.muted, f"one example each{share}", "examples")
    mean = item(_MEAN, palette.marks, "mean of all", "of all")
    if cloud.batch_size == cloud.total:
        return [[*example, one], item(run.glyph, run.color, "all of them: always the mean", "all: always the mean")]
    if cloud.batch_size == 1:
        return [[*example, one], [*item(run.glyph, run.color, "the one it used", "the one used"), *mean]]
    size = count(cloud.batch_size)
    if not cloud.used.any():  # by a loop that did not say which
        return [[*example, one], [*item(run.glyph, run.color, f"mean of the {size} used", "mean"), *mean, *many]]
    used = item(_DOT, run.color, f"the {size} used", "used")
    return [[*example, *used, one], [*item(run.glyph, run.color, "their mean", "mean"), *mean, *many]]
