"""The loss over the plane of the parameters, with the runs' trails across it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.message import Message

from sim.experiment.geometry import Point, Window
from sim.problems.card import Card
from sim.protocol.commands import Survey
from sim.protocol.results import Surveyed
from tui.draw.canvas import GROUND, Canvas
from tui.draw.ground import Ground
from tui.draw.numbers import count
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport
from tui.panels.glide import Carry, Glide, TrailsPicture
from tui.panels.on_the_ground import draw_runs
from tui.panels.plot import Plot
from tui.scene.scene import Scene

_ROOM = 0.3  # around the trails, as a share of their extent
_FIRST_WINDOW = Window(-1.0, 1.0, -1.0, 1.0)
_INNER = 0.08  # of the window: heads nearer to the edge are followed

Floats = NDArray[np.float64]


class Surface(Plot):
    """The landscape and the trails on it; a click starts the runs from there."""

    BORDER_TITLE = "loss"

    @dataclass
    class StartChosen(Message):
        """A point was clicked on: runs are to start from it."""

        point: Point

    class Moved(Message):
        """Another window was chosen."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.contours = True
        self.follow = False
        self._fits_itself = self._square = False
        self._plane = self._generation = 0
        self._glide: Glide | None = None
        self._picture: TrailsPicture | None = None
        self._window: Window | None = None
        self._scene: Scene | None = None
        self._ground: Ground | None = None
        self._taken: Surveyed | None = None
        self._painted: tuple[object, ...] = ()
        self._canvas: Canvas | None = None

    def show_problem(self, card: Card) -> None:
        """Look at a problem's own window, before anything has moved; that of a model's plane is fitted as it goes."""
        self._window = card.window or _FIRST_WINDOW
        self._fits_itself, self._square = card.window is None, card.comparable_axes
        self._ground = self._taken = self._scene = self._glide = self._picture = None
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
        if self._ground is None or self._ground.stale or view is None:
            return None
        columns, rows = self.plot_size
        landscape = self._ground.landscape
        of_this = (landscape.window, landscape.plane, landscape.run) == (view.window, self._plane, self._run)
        return landscape if of_this and landscape.values.shape == (2 * rows, columns) else None

    def take(self, landscape: Surveyed | None) -> None:
        """Take a landscape that was asked for; one of a window left meanwhile still serves until the next comes."""
        if landscape is None or landscape is self._taken or self._scene is None:
            return
        self._taken = landscape
        if landscape.progress > 0 and landscape.plane == self._plane:
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

    def fit_always(self) -> None:
        """Where the problem has no window of its own: keep all of the trails in sight, whatever the plane."""
        self._fits_itself = self._scene is not None and self._scene.card.window is None

    def _keep_in_sight(self, scene: Scene) -> None:
        """On a plane without a window of its own: show all of the trails when it changed, or a head is at the edge."""
        changed = (scene.plane.number, scene.generation) != (self._plane, self._generation)
        same_race = scene.generation == self._generation
        self._plane, self._generation = scene.plane.number, scene.generation
        before = self._window
        self._fit_heads(scene, changed=changed)
        if self._picture is not None and ((changed and not scene.flat) or self._window != before):
            self._move(self._picture, scene, same_race=same_race, same_plane=not changed)

    def _fit_heads(self, scene: Scene, *, changed: bool) -> None:
        view = self.view
        if view is None or not self._fits_itself:
            return
        trails = [run.points for run in scene.runs if run.shown and not run.status.stopped]
        heads = np.array([trail[-1] for trail in trails]).reshape(-1, 2)
        margin = _INNER if self.stands else 0.0  # as long as nothing can be seen of a window's landscape, let it come
        if len(heads) and (changed or not _inside(view, heads, margin)):
            self._window = view.fit(np.concatenate(trails), margin=_ROOM).window

    def _move(self, picture: TrailsPicture, scene: Scene, *, same_race: bool, same_plane: bool) -> None:
        """Take the old picture along, to go from it to the new one; at the beginning of a race there is no way."""
        view = self.view
        if view is None:
            return
        carry = Carry(1.0, (0.0, 0.0)) if same_plane else picture.carry(scene.runs) if same_race else None
        if carry is not None and not self._fits_itself:
            self._window = carry.window(view.window)
        carry = carry or Carry.of_windows(picture.window, view.window)
        if self._ground is not None and not same_plane:
            self._ground = carry.ground(self._ground)
        self._picture = picture.carried(carry)
        moves = same_race and self.app.animation_level != "none"
        self._glide = Glide(self._picture) if moves else None

    @property
    def gliding(self) -> bool:
        """Whether it is on the way to another picture."""
        return self._glide is not None

    def glide_on(self, *, at_once: bool) -> None:
        """A frame went by; at once: to the end of the way."""
        self._glide = None if at_once or self._glide is None else self._glide.on()

    def _follow(self, scene: Scene) -> None:
        view = self.view
        heads = np.array([run.head for run in scene.runs if run.shown and not run.status.stopped]).reshape(-1, 2)
        if view is None or not len(heads):
            return
        if not _inside(view, heads, _INNER):
            moved = view.centred(*heads.mean(axis=0))
            self._window = (moved if _inside(moved, heads, _INNER) else moved.fit(heads, margin=0.5)).window

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
        if self._glide is not None:
            scene, view = self._glide.scene(scene), self._glide.view(view)
        self._picture = TrailsPicture.of(scene, view.window)
        canvas = self._on_the_ground(view, scene.palette)
        draw_runs(canvas, view, scene, closely=not scene.playing and self._glide is None)
        self._say_what_it_is(scene)
        self.paint(canvas.frame(), view.window, scene.palette)

    def _on_the_ground(self, view: Viewport, palette: Palette) -> Canvas:
        """A canvas with the landscape on it; what changes from frame to frame is drawn over it."""
        wanted = view, palette, self._ground, self.contours
        if self._canvas is None or wanted != self._painted:
            self._painted, self._canvas = wanted, Canvas(view.columns, view.rows, palette.background)
            if self._ground is not None:
                self._canvas.background(self._ground.colors(view, palette))
                for line in self._ground.lines if self.contours else []:
                    self._canvas.polyline(view.to_dots(line), self._ground.ink(palette), GROUND)
        return self._canvas.copy()

    def _say_what_it_is(self, scene: Scene) -> None:
        """The plane, what it explains, over how many examples the landscape is, and how far it has got."""
        if scene.flat:
            a, b = scene.card.axes
            titles = [f"loss over {a} and {b}{self._window_words}", f"loss{self._window_words}"]
            if (seeds := scene.experiment.seeds) > 1:
                first = scene.experiment.seed
                titles = [
                    f"{titles[0]} · a dot for each of {count(seeds)} seeds, the trail of seed {first}",
                    f"loss{self._window_words} · dots: {count(seeds)} seeds, trail: seed {first}",
                    *titles,
                ]
            self.entitle(titles, [scene.card.note, scene.card.note.partition(",")[0]])
            return
        share = f" · {100 * scene.plane.explained:.0f}%" if scene.end else ""
        explained = f"{share} of the movement" if share else ""
        here = self._here
        if here is None:
            yet = " yet" if scene.source == "being written" else ""
            below = [f"no landscape was recorded{yet}" if scene.source else "landscape to come"]
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
        self.post_message(self.Moved())

    def _point_at(self, event: events.MouseEvent) -> Point | None:
        offset = event.get_content_offset(self)
        view = self.view
        if offset is None or view is None:
            return None
        cell = self.canvas_cell(offset.x, offset.y)
        return None if cell is None else view.point(*cell)


def _inside(view: Viewport, points: Floats, margin: float) -> bool:
    """Whether points lie in a view, and no nearer to its edge than a share of it."""
    shares = view.to_dots(points) / (2 * view.columns, 4 * view.rows)
    return bool(((shares >= margin) & (shares <= 1 - margin)).all())
