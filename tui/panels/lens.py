"""A closer look at one run's update: every step that was possible, the one made, and that of all examples."""

import numpy as np

from sim.experiment.geometry import Window
from sim.protocol.answers import Imagined
from sim.protocol.cloud import Cloud, what_it_shows
from tui.draw.canvas import MARK, Canvas
from tui.draw.numbers import count
from tui.draw.viewport import Viewport
from tui.panels.cloud import draw_cloud, draw_spread
from tui.panels.plot import Plot
from tui.scene.scene import Scene

_LEFT_OUT = 3  # percent of the examples at either end: a few are far off
_ROOM = 0.08  # beside what is shown, as a share of it


class Lens(Plot):
    """The surface around a run's update, magnified so far that the cloud of possible steps fills the panel.

    Attributes:
        window: what is shown of the plane.
    """

    BORDER_TITLE = "possible steps"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._surface: Viewport | None = None
        self.window = Window(-1.0, 1.0, -1.0, 1.0)

    def magnify(self, surface: Viewport | None) -> None:
        """Show what a view of the surface shows, larger; None where the surface is not to be seen."""
        self._surface = surface

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        if not self.display:
            return
        imagined, palette = scene.imagined, scene.palette
        if imagined is None or imagined.cloud is None or not any(run.shown for run in scene.runs):
            self.show_nothing(_why_nothing(scene))
            return
        run, cloud = scene.runs[imagined.run], imagined.cloud
        self.window = _window(imagined, cloud)
        view = self.viewport(self.window)
        canvas = Canvas(view.columns, view.rows, palette.background)
        draw_cloud(canvas, view, imagined, run)
        draw_spread(canvas, view, imagined, palette)
        origin = np.array(imagined.origin)
        tail, full, own = view.to_dots([origin, origin + cloud.full, origin + cloud.own])
        canvas.arrow(tail, full, palette.marks, MARK)
        canvas.arrow(tail, own, run.color, MARK)
        which = f"update {count(imagined.update)}"
        names = [f"{run.glyph} {run.config.name}, {which}: {what_it_shows(cloud)}"]
        names.append(f"{run.glyph} {which}: possible steps")
        times = f" · {_times(view, self._surface)}" if self._surface else ""
        self.entitle([f"{names[0]}{times}", f"{names[1]}{times}", names[1]], _strays(cloud))
        self.paint(canvas.frame(), view.window, palette)

    def show_nothing(self, why: str = "") -> None:
        """Be empty, and say why."""
        self.entitle(["the steps that were possible"], [why])
        if self._frame is not None:
            self._frame = None
            self.refresh()


def _why_nothing(scene: Scene) -> str:
    if not any(run.shown for run in scene.runs):
        return "all runs are hidden"
    return "pause to see them" if scene.playing else "not known yet"


def _window(imagined: Imagined, cloud: Cloud) -> Window:
    """The middle of the cloud, the step that was made and that of all examples."""
    steps = cloud.steps[np.isfinite(cloud.steps).all(axis=1)]
    spread = np.percentile(steps, [_LEFT_OUT, 100 - _LEFT_OUT], axis=0) if len(steps) else np.zeros((2, 2))
    ends = np.concatenate([spread, [cloud.own, cloud.full, (0.0, 0.0)]])
    ends = ends[np.isfinite(ends).all(axis=1)] + imagined.origin
    low, high = ends.min(axis=0), ends.max(axis=0)
    room = np.maximum(_ROOM * (high - low), 1e-9 * (1 + np.abs(high)))
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return Window(left, right, bottom, top)


def _times(view: Viewport, surface: Viewport) -> str:
    """How much larger than on the surface it is, across and up."""
    across = (surface.width / surface.columns) / (view.width / view.columns)
    up = (surface.height / surface.rows) / (view.height / view.rows)
    return f"{across:.2g} × {up:.2g} times as large"


def _strays(cloud: Cloud) -> list[str]:
    """What the cloud means for batches of this size, from the fullest words to the shortest."""
    if cloud.batch_size == cloud.total and not cloud.replacement:
        return ["all examples together always go to the middle of the cloud", "all: always the middle"]
    if cloud.batch_size == 1:
        return ["one example alone can go anywhere in this cloud", "one example: anywhere in the cloud"]
    size = count(cloud.batch_size)
    return [
        f"one example could go anywhere in this cloud; the mean of {size} strays as far as the ellipse",
        f"the mean of {size} strays as far as the ellipse (1σ)",
        f"ellipse: 1σ of {size}",
    ]
