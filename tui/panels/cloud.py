"""The cloud of possible steps, as dots: on the surface, and in the lens."""

import numpy as np

from sim.protocol.answers import Imagined
from sim.protocol.cloud import ellipse
from tui.draw.canvas import POINT, Canvas
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene

_ROUND = np.linspace(0, 2 * np.pi, 73)


def draw_cloud(canvas: Canvas, view: Viewport, imagined: Imagined, run: RunScene) -> None:
    """A faint dot where each example alone would have led, a bright one for each that the update used."""
    cloud = imagined.cloud
    if cloud is None:
        return
    ends = np.array(imagined.origin) + cloud.steps
    canvas.points(view.to_dots(ends), run.faded, POINT)
    if 1 < cloud.batch_size < cloud.total:
        canvas.points(view.to_dots(ends[cloud.used]), run.color, POINT)


def draw_spread(canvas: Canvas, view: Viewport, imagined: Imagined, palette: Palette) -> None:
    """How far batches of this size stray from the mean: the ellipse of one standard deviation."""
    cloud = imagined.cloud
    if cloud is None:
        return
    axes = ellipse(cloud.covariance, cloud.batch_size, cloud.total, replacement=cloud.replacement)
    middle = np.array(imagined.origin) + cloud.full
    around = middle + (axes @ np.stack([np.cos(_ROUND), np.sin(_ROUND)])).T
    canvas.polyline(view.to_dots(around), palette.text)
