"""The loss over the plane of the parameters, with the runs' trails across it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.message import Message

from sim.experiment.geometry import Point, Window
from sim.problems.card import Card
from sim.protocol.answers import Surveyed
from sim.protocol.commands import Survey
from tui.draw.canvas import GROUND, Canvas
from tui.draw.ground import Ground
from tui.draw.numbers import count, decimal
from tui.draw.palette import MINIMUM, START, TURN, Palette, blend, trail_colors
from tui.draw.viewport import Viewport
from tui.panels.cloud import draw_cloud
from tui.panels.plot import Plot
from tui.scene.scene import RunScene, Scene, vanishes

_DETAILED = 1500  # the newest points of a trail that are all drawn; of older ones as many, evenly
_ROOM = 0.3  # around the trails, as a share of their extent
_FADE_EVERY = 60  # points of a trail between two shades; all but the newest so many thin to a haze
_FIRST_WINDOW = Window(-1.0, 1.0, -1.0, 1.0)
_FAR_OFF = 0.2  # of the window's width: a head further than this from the plane is dimmed
_INNER = 0.08  # of the window: heads nearer to the edge are followed

Floats = NDArray[np.float64]


class Surface(Plot):
    """The landscape and the trails on it; a click starts the runs from there."""

    BORDER_TITLE = "loss"

    @dataclass
    class StartChosen(Message):
        """A point was clicked on: runs are to start from it."""

        point: Point

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.contours = True
        self.follow = False
        self._fits_itself = self._square = False
        self._plane = self._generation = 0
        self._window: Window | None = None
        self._scene: Scene | None = None
        self._ground: Ground | None = None
        self._painted: tuple[object, ...] = ()
        self._canvas: Canvas | None = None

    def show_problem(self, card: Card) -> None:
        """Look at a problem's own window, before anything has moved; that of a model's plane is fitted as it goes."""
        self._window = card.window or _FIRST_WINDOW
        self._fits_itself, self._square = card.window is None, card.comparable_axes
        self._ground = self._scene = None
        self._plane = self._generation = 0

    # -- the landscape ------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> Survey | None:
        """How to ask for the landscape that is missing, or not complete; None if it stands."""
        view = self.view
        if view is None or self._scene is None or self.size.width == 0 or not self.display:
            return None
        columns, rows = self.plot_size
        if self._here is not None and self._here.progress == 1:
            return None
        return Survey(view.window, columns, 2 * rows, self._run)

    @property
    def stands(self) -> bool:
        """Whether there is a landscape of this window and plane, be it a coarse one."""
        return self._here is not None

    @property
    def _run(self) -> int:
        """Whose buffers the landscape is made with: the first run that is shown."""
        return next((run.index for run in self._scene.runs if run.shown), 0) if self._scene else 0

    @property
    def _here(self) -> Surveyed | None:
        """The landscape at hand, if it is of this window, plane and run."""
        view = self.view
        if self._ground is None or view is None:
            return None
        columns, rows = self.plot_size
        landscape = self._ground.landscape
        of_this = (landscape.window, landscape.plane, landscape.run) == (view.window, self._plane, self._run)
        return landscape if of_this and landscape.values.shape == (2 * rows, columns) else None

    def set_landscape(self, landscape: Surveyed) -> None:
        """Take a landscape that was asked for; one of a window left meanwhile still serves until the next comes."""
        if landscape.progress > 0 and landscape.plane == self._plane and self._scene is not None:
            self._ground = Ground.of(landscape, len(self._scene.palette.bands))
            self.show(self._scene)

    # -- the window ---------------------------------------------------------------------------------------------------

    @property
    def view(self) -> Viewport | None:
        """The window seen through the canvas, in square units where its axes compare; None before a problem."""
        if self._window is None:
            return None
        view = self.viewport(self._window)
        return view.squared() if self._square else view

    def zoom(self, factor: float, about: Point | None = None) -> None:
        """Nearer or farther, about a point or the middle."""
        if (view := self.view) is not None:
            self._window, self._fits_itself = view.zoom(factor, about).window, False

    def pan(self, across: float, up: float) -> None:
        """Move the window by fractions of itself."""
        if (view := self.view) is not None:
            self._window, self._fits_itself = view.pan(across, up).window, False

    def fit(self) -> None:
        """Show all of the trails, and the known minima."""
        view, scene = self.view, self._scene
        if view is not None and scene is not None:
            trails = [run.points for run in scene.runs if run.shown]
            self._window = view.fit(np.concatenate([*trails, np.array(scene.card.minima).reshape(-1, 2)])).window
            self._fits_itself = scene.card.window is None

    def _keep_in_sight(self, scene: Scene) -> None:
        """On a plane without a window of its own: show all of the trails when it changed, or a head is at the edge."""
        changed = (scene.plane.number, scene.generation) != (self._plane, self._generation)
        if changed:
            self._plane, self._generation, self._ground = scene.plane.number, scene.generation, None
        view = self.view
        if view is None or not self._fits_itself:
            return
        trails = [run.points for run in scene.runs if run.shown and not run.status.stopped]
        heads = np.array([trail[-1] for trail in trails]).reshape(-1, 2)
        if len(heads) and (changed or not _well_inside(view, heads)):
            self._window = view.fit(np.concatenate(trails), margin=_ROOM).window

    def _follow(self, scene: Scene) -> None:
        view = self.view
        heads = np.array([run.head for run in scene.runs if run.shown and not run.status.stopped]).reshape(-1, 2)
        if view is None or not len(heads):
            return
        if not _well_inside(view, heads):
            moved = view.centred(*heads.mean(axis=0))
            self._window = (moved if _well_inside(moved, heads) else moved.fit(heads, margin=0.5)).window

    # -- drawing ------------------------------------------------------------------------------------------------------

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        self._scene = scene
        self._keep_in_sight(scene)
        if self.follow:
            self._follow(scene)
        view = self.view
        if view is None or not self.display:
            return
        palette = scene.palette
        canvas = self._on_the_ground(view, palette)
        shown = [run for run in scene.runs if run.shown]
        if scene.imagined is not None and not scene.playing:
            draw_cloud(canvas, view, scene.imagined, scene.runs[scene.imagined.run])
        for run in scene.layers:
            self._draw_trail(canvas, view, run, palette)
        self._draw_marks(canvas, view, scene)
        self._draw_turns(canvas, view, shown)
        if not scene.playing:
            self._draw_steps(canvas, view, shown, palette)
        self._say_what_it_is(scene)
        _name_axes(canvas, view, scene, self._draw_heads(canvas, view, scene))
        self.paint(canvas.frame(), view.window, palette)

    def _on_the_ground(self, view: Viewport, palette: Palette) -> Canvas:
        """A canvas with the landscape on it; what changes from frame to frame is drawn over it."""
        wanted = view, palette, self._ground, self.contours
        if self._canvas is None or wanted != self._painted:
            self._painted, self._canvas = wanted, Canvas(view.columns, view.rows, palette.background)
            if self._ground is not None:
                self._canvas.background(self._ground.colors(view, palette))
                for line in self._ground.lines if self.contours else []:
                    self._canvas.polyline(view.to_dots(line), palette.contour, GROUND)
        return self._canvas.copy()

    def _say_what_it_is(self, scene: Scene) -> None:
        """The plane, what it explains, over how many examples the landscape is, and how far it has got."""
        if scene.flat:
            a, b = scene.card.axes
            titles = [f"loss over {a} and {b}{self._window_words}", f"loss{self._window_words}"]
            self.entitle(titles, [scene.card.note, scene.card.note.partition(",")[0]])
            return
        share = f" · {100 * scene.plane.explained:.0f}%" if scene.end else ""
        explained = f"{share} of the movement" if share else ""
        here = self._here
        if here is None:
            below = ["landscape to come"]
        else:
            made = "" if here.progress == 1 else f"{100 * here.progress:.0f}%"
            some = "all" if here.examples >= scene.examples else f"{count(here.examples)} of"
            over = f"{some} {count(scene.examples)} examples"
            below = (
                [f"over {over} · landscape {made}", f"over {over} · {made}", over] if made else [f"over {over}", over]
            )
        kind = scene.plane.kind
        titles = [f"loss · {scene.plane.words}{explained}", f"loss · {kind} plane{explained}", f"{kind} plane{share}"]
        self.entitle([f"{title}{self._window_words}" for title in titles], below)

    @property
    def _window_words(self) -> str:
        """What the window does by itself."""
        if self.follow:
            return " · following the heads"
        return " · fitted" if self._fits_itself else ""

    def _draw_trail(self, canvas: Canvas, view: Viewport, run: RunScene, palette: Palette) -> None:
        points = run.points
        older = max(0, len(points) - _DETAILED)
        kept = np.concatenate([np.arange(0, older, max(1, older // _DETAILED)), np.arange(older, len(points))])
        shades = trail_colors(len(kept), run.color, palette.faded[run.index], _FADE_EVERY)
        canvas.trail(view.to_dots(points[kept]), shades, run.color, max(0, len(kept) - _FADE_EVERY))

    def _draw_marks(self, canvas: Canvas, view: Viewport, scene: Scene) -> None:
        for point, mark in [
            (scene.runs[0].points[0], START),
            *((minimum, MINIMUM) for minimum in scene.card.minima),
        ]:
            if (cell := view.cell(*point)) is not None:
                canvas.text(*cell, mark, scene.palette.marks, bold=True)

    def _draw_turns(self, canvas: Canvas, view: Viewport, runs: list[RunScene]) -> None:
        """Where a run's settings were changed."""
        for run in runs:
            for turn in run.turns:
                if turn.point is not None and (cell := view.cell(*turn.point)) is not None:
                    canvas.text(*cell, TURN, run.color, bold=True)

    def _draw_steps(self, canvas: Canvas, view: Viewport, runs: list[RunScene], palette: Palette) -> None:
        """Each run's last step from where it began (its colour), and where all examples would have led (white)."""
        arrows = []
        for run in runs:
            if run.report is not None and run.reported and not vanishes(run.report):
                origin = np.array(run.report.origin)
                dots = view.to_dots(np.stack([origin, origin + run.report.full_step, np.array(run.head)]))
                if np.isfinite(dots).all():
                    arrows.append((dots, run.color))
        for (tail, tip, _), _ in arrows:
            canvas.arrow(tail, tip, palette.marks)
        for (tail, _, tip), color in arrows:
            canvas.arrow(tail, tip, color)

    def _draw_heads(self, canvas: Canvas, view: Viewport, scene: Scene) -> set[tuple[int, int]]:
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
            row = int(np.clip(down // 4, 0, view.rows - 1))
            column = _free(int(np.clip(across // 2, 0, view.columns - 1)), row, taken, view.columns)
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

    # -- the mouse ----------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Start from there."""
        point = self._point_at(event)
        if point is not None:
            self.post_message(self.StartChosen(point))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Nearer."""
        self._wheel(event, 1.25)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther."""
        self._wheel(event, 0.8)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        self.zoom(factor, self._point_at(event))
        event.stop()
        if self._scene is not None:
            self.show(self._scene)

    def _point_at(self, event: events.MouseEvent) -> Point | None:
        offset = event.get_content_offset(self)
        view = self.view
        if offset is None or view is None:
            return None
        cell = self.canvas_cell(offset.x, offset.y)
        return None if cell is None else view.point(*cell)


def _name_axes(canvas: Canvas, view: Viewport, scene: Scene, taken: set[tuple[int, int]]) -> None:
    """The parameters' names in the corners, where no head is in the way."""
    across, up = scene.card.axes
    for column, row, words in ((0, 0, f"↑ {up} "), (view.columns - len(across) - 3, view.rows - 1, f" {across} →")):
        if taken.isdisjoint((column + i, row) for i in range(len(words))):
            canvas.text(column, row, words, scene.palette.muted, scene.palette.background)


def _free(column: int, row: int, taken: set[tuple[int, int]], columns: int) -> int:
    """The first column of a row, from one on to the right and then to its left, where nothing stands yet."""
    others = [*range(column, columns), *range(column - 1, -1, -1)]
    return next((other for other in others if (other, row) not in taken), column)


def _well_inside(view: Viewport, points: Floats) -> bool:
    shares = view.to_dots(points) / (2 * view.columns, 4 * view.rows)
    return bool(((shares >= _INNER) & (shares <= 1 - _INNER)).all())
