"""A closer look at one run's update: every step that was possible, the one made, and that of all examples."""

import math

import numpy as np

from sim.experiment.geometry import Window
from sim.protocol.answers import Imagined
from sim.protocol.cloud import Cloud, what_it_shows
from tui.draw.canvas import MARK, Canvas
from tui.draw.numbers import count
from tui.draw.viewport import Viewport
from tui.panels.cloud import draw_cloud, draw_spread
from tui.panels.plot import Plot
from tui.scene.scene import RunScene, Scene

_SHOWN_SHARE = 98  # percent of the examples that the lens shows at least
_ROOM = 1.15
_STEPS = (1.0, 2.0, 5.0)


class Lens(Plot):
    """The surface around a run's update, magnified so far that the cloud of possible steps fills the panel."""

    BORDER_TITLE = "possible steps"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._surface: Viewport | None = None

    def magnify(self, surface: Viewport | None) -> None:
        """Show what a view of the surface shows, larger."""
        self._surface = surface

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        if not self.display:
            return
        imagined, palette = scene.imagined, scene.palette
        if imagined is None or imagined.cloud is None or self._surface is None:
            self.entitle(["the steps that were possible"], ["pause to see them" if scene.playing else ""])
            return
        run, cloud = scene.runs[imagined.run], imagined.cloud
        magnification = self._magnification(cloud, self._surface)
        view = self.viewport(self._window(imagined, cloud, self._surface, magnification))
        canvas = Canvas(view.columns, view.rows, palette.background)
        draw_cloud(canvas, view, imagined, run)
        draw_spread(canvas, view, imagined, palette)
        origin = np.array(imagined.origin)
        tail, full, own = view.to_dots([origin, origin + cloud.full, origin + cloud.own])
        canvas.arrow(tail, full, palette.marks, MARK)
        canvas.arrow(tail, own, run.color, MARK)
        names = [f"{run.glyph} {run.config.name}, update {count(imagined.update)}: {what_it_shows(cloud)}"]
        names.append(f"{run.glyph} update {count(imagined.update)}: possible steps")
        times = f" · {magnification:g} times"
        self.entitle([f"{names[0]}{times}", f"{names[1]}{times}", names[1]], _strays(cloud, run))
        self.paint(canvas.frame(), view.window, palette)

    def _magnification(self, cloud: Cloud, surface: Viewport) -> float:
        """How much larger than on the surface: a round number with which nearly all of the cloud is to be seen."""
        ends = np.concatenate([cloud.steps, [cloud.own, cloud.full, (0.0, 0.0)]])
        ends = ends[np.isfinite(ends).all(axis=1)]
        low, high = np.percentile(ends, [(100 - _SHOWN_SHARE) / 2, (100 + _SHOWN_SHARE) / 2], axis=0)
        low, high = np.minimum(low, ends[-3:].min(axis=0)), np.maximum(high, ends[-3:].max(axis=0))
        columns, rows = self.plot_size
        room = np.array([surface.width / surface.columns * columns, surface.height / surface.rows * rows])
        fits = float(np.min(room / np.maximum(_ROOM * (high - low), 1e-300)))
        power = 10.0 ** math.floor(math.log10(fits)) if 1e-12 < fits < 1e12 else 1.0
        return max(step * power for step in _STEPS if step * power <= max(fits, power))

    def _window(self, imagined: Imagined, cloud: Cloud, surface: Viewport, magnification: float) -> Window:
        columns, rows = self.plot_size
        ends = np.concatenate([cloud.steps, [cloud.own, cloud.full, (0.0, 0.0)]])
        x, y = np.array(imagined.origin) + np.median(ends[np.isfinite(ends).all(axis=1)], axis=0)
        across = surface.width / surface.columns * columns / magnification / 2
        up = surface.height / surface.rows * rows / magnification / 2
        return Window(x - across, x + across, y - up, y + up)


def _strays(cloud: Cloud, run: RunScene) -> list[str]:
    """What the cloud means for batches of this size, from the most telling words to the shortest."""
    if run.config.full_batch:
        return ["all examples together always go to the middle of the cloud", "all: always the middle"]
    if cloud.batch_size == 1:
        return ["one example alone can go anywhere in this cloud", "one example: anywhere in the cloud"]
    size = count(cloud.batch_size)
    return [
        f"one example could go anywhere in this cloud; the mean of {size} strays as far as the ellipse",
        f"the mean of {size} strays as far as the ellipse (1σ)",
        f"ellipse: 1σ of {size}",
    ]
