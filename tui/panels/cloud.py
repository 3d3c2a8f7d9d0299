"""The cloud of possible steps on the surface: a dot where each example alone would have led."""

import numpy as np

from sim.protocol.results import Imagined
from tui.draw.canvas import POINT, Canvas
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene


def draw_cloud(canvas: Canvas, view: Viewport, imagined: Imagined, run: RunScene) -> None:
    """A faint dot where each example alone would have led, a bright one for each that the update used."""
    cloud = imagined.cloud
    if cloud is None:
        return
    ends = np.array(imagined.origin) + cloud.steps
    canvas.points(view.to_dots(ends), run.faded, POINT)
    if 1 < cloud.batch_size < cloud.total:
        canvas.points(view.to_dots(ends[cloud.used]), run.color, POINT)
