"""A closer look at one run's update: every step that was possible, the one made, and that of all examples."""

import numpy as np

from sim.experiment.geometry import Window
from sim.protocol.cloud import Cloud, what_it_shows
from sim.protocol.results import Imagined
from tui.draw.canvas import Canvas
from tui.draw.frame import Frame
from tui.draw.numbers import count, quantity
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport
from tui.panels.magnified import draw_magnified, legend
from tui.panels.plot import Plot
from tui.scene.scene import Scene

_LEFT_OUT = 3  # percent of the examples at either end: a few are far off
_ROOM = 0.08  # beside what is shown, as a share of it
_LEGEND_ROWS = 2


class Lens(Plot):
    """The surface around a run's update, magnified so far that the cloud of possible steps fills the panel.

    Attributes:
        window: what is shown of the plane.
    """

    BORDER_TITLE = "the steps that were possible"

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
            self._say(_why_nothing(scene), palette)
            return
        run = scene.run(imagined.run)
        self.window = _window(imagined, imagined.cloud)
        view = self.viewport(self.window)
        self._headline(scene, imagined, imagined.cloud, view)
        picture = Canvas(view.columns, view.rows, palette.background)
        draw_magnified(picture, view, imagined.cloud, np.array(imagined.origin), run, palette)
        whole = Canvas(view.columns, view.rows + _LEGEND_ROWS, palette.background)
        for row, line in enumerate(legend(imagined.cloud, run, palette, view.columns), start=view.rows):
            column = 0
            for words, ink, ground in line:
                whole.text(column, row, words, ink, ground)
                column += len(words)
        self.show_frame(whole.frame().with_inset(picture.frame(), 0, 0))

    @property
    def plot_size(self) -> tuple[int, int]:
        """See `Plot`: no labels at the axes, but a legend below."""
        return max(1, self.size.width), max(1, self.size.height - _LEGEND_ROWS)

    def _headline(self, scene: Scene, imagined: Imagined, cloud: Cloud, view: Viewport) -> None:
        """Say on the border what is shown, and of which update; while it plays only where the others are far ahead."""
        run = scene.run(imagined.run)
        seed = f", seed {scene.experiment.seed}" if scene.experiment.seeds > 1 else ""
        past = scene.source != "" and imagined.update < run.update
        update = f"update {count(imagined.update)}"
        when = f"at {update}" if past else "" if scene.playing else update
        whose = f"{run.glyph} {run.config.name}{seed}{when and f', {when}'}"
        brief = "possible steps" if cloud.plain else "gradients times the rate"
        names = [f"{whose}: {what_it_shows(cloud)}", f"{whose}: {brief}"]
        names += [f"{when}: {brief}", when] if past else [*([whose] if seed else []), f"{brief}{seed}"]
        self.entitle(names, [_times(view, self._surface) if self._surface else ""])

    def _say(self, words: str, palette: Palette) -> None:
        """Show words in the middle, and nothing else."""
        columns, rows = self.size
        lines = [words.center(columns) if row == rows // 2 else " " * columns for row in range(rows)]
        self.entitle([str(self.BORDER_TITLE)])
        self.show_frame(Frame.of_text(lines, palette.muted, palette.background))

    def show_nothing(self) -> None:
        """Be empty."""
        self.entitle([str(self.BORDER_TITLE)])
        if self._frame is not None:
            self._frame = None
            self.refresh()


def _why_nothing(scene: Scene) -> str:
    if not any(run.shown for run in scene.runs):
        return "all runs are hidden"
    if scene.source and scene.imagined is not None:
        return "none were recorded up to here"
    if scene.unknowable:
        return "cannot be found out"
    return "pause to see them" if scene.playing else "not known yet"


@np.errstate(over="ignore")  # a step may lead beyond the largest number
def _window(imagined: Imagined, cloud: Cloud) -> Window:
    """The middle of the cloud, the step that was made and that of all examples."""
    steps = cloud.steps[np.isfinite(cloud.steps).all(axis=1)]
    spread = np.percentile(steps, [_LEFT_OUT, 100 - _LEFT_OUT], axis=0) if len(steps) else np.zeros((2, 2))
    ends = np.concatenate([spread, [cloud.own, cloud.full, (0.0, 0.0)]]) + imagined.origin
    ends = ends[np.isfinite(ends).all(axis=1)]
    low, high = ends.min(axis=0), ends.max(axis=0)
    room = np.maximum(_ROOM * (high - low), 1e-9 * (1 + np.abs(high)))
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return Window(left, right, bottom, top)


def _times(view: Viewport, surface: Viewport) -> str:
    """How much larger, or smaller, than on the surface it is, across and up."""
    across = (surface.width / surface.columns) / (view.width / view.columns)
    up = (surface.height / surface.rows) / (view.height / view.rows)
    word, factors = ("magnified", (across, up)) if max(across, up) >= 1 else ("reduced", (1 / across, 1 / up))
    return f"{word} {' × '.join(quantity(float(f'{factor:.2g}')) for factor in factors)}"
