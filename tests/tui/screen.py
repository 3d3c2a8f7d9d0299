"""The whole screen over a replayed race, and how a test steers it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from sim.experiment.config import Experiment
from sim.experiment.geometry import Window
from tests.patience import PATIENCE
from tests.tui.traces import CARD, Floats, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.panels.surface import Surface
from tui.scene.building import build_scene
from tui.session.history import History

_race = cache(make_race)
_DRAWS = 6  # each draws the surface, the words or at least one of the charts
WIDE, COMPACT, VERY_WIDE = (120, 40), (80, 24), (180, 50)


def make_app(experiment: Experiment | None = None, until: float = 60) -> tuple[GdsimApp, ReplayLink]:
    """The whole screen over a replayed race; time goes by only as the test says."""
    experiment = experiment or make_experiment()
    link = ReplayLink(_race(experiment, until))
    return GdsimApp(experiment, CARD, link, ticking=False), link


async def wait_for(pilot: Pilot[None], predicate: Callable[[], object]) -> None:
    """Let the app work until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < deadline, "waited in vain"
        await pilot.pause()
        await asyncio.sleep(0.001)  # for what is done by other threads and processes


async def ready(pilot: Pilot[None]) -> None:
    """Let the experiment be opened and its landscape drawn."""
    await wait_for(pilot, lambda: app_of(pilot).session.history is not None)
    await settled(pilot)


async def settled(pilot: Pilot[None]) -> None:
    """Draw what stands, let the panels be laid out and the landscape come in, and have all of it painted."""
    app, drawn = app_of(pilot), None
    while drawn != (drawn := _looks(app)):  # what is drawn may move the panels, and more may come in
        for _ in range(_DRAWS):
            app.draw()
        await pilot.pause()
    surface = app.screen_stack[0].query_one(Surface)
    await wait_for(pilot, lambda: surface.wanted is None or app.session.banner is not None)
    await pilot.pause()


def _looks(app: GdsimApp) -> list[object]:
    """What the panels' pictures depend on: what there is to see of the races, and each panel's size."""
    scenes = [build_scene(race, app.hidden, app.palette) for race in app.races]
    sizes = [panel.outer_size for panel in app.screen_stack[0].query("*")]
    return [[scene.key if scene else None for scene in scenes], sizes]


async def go(pilot: Pilot[None], moments: int) -> None:
    """Step by so many moments, and have these updates looked into."""
    session = app_of(pilot).session
    history = session.history
    assert history is not None
    there = history.cursor + moments
    session.step(moments)
    await wait_for(pilot, lambda: history.cursor == there)
    app_of(pilot).draw()
    wanted = list(history.updates)
    await wait_for(pilot, lambda: [report.update if report else 0 for report in session.look.reports] == wanted)
    await settled(pilot)


def app_of(pilot: Pilot[None]) -> GdsimApp:
    """The app that a pilot steers."""
    assert isinstance(pilot.app, GdsimApp)
    return pilot.app


def text_of(widget: Widget) -> str:
    """What a widget shows, its border included."""
    lines = widget.render_lines(Region(0, 0, *widget.outer_size))
    return "\n".join(line.text for line in lines)


@dataclass
class Screen:
    """The app under test."""

    app: GdsimApp
    link: ReplayLink
    pilot: Pilot[None]

    @property
    def history(self) -> History:
        assert self.app.session.history is not None
        return self.app.session.history

    def points(self, run: int) -> Floats:
        """Where a run has been up to the cursor, shape (K, 2)."""
        return self.link.race.points[run][: self.history.updates[run] + 1]

    @property
    def surface(self) -> Surface:
        return self.app.query_one(Surface)

    @property
    def window(self) -> Window:
        assert self.surface.view is not None
        return self.surface.view.window

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settled(self.pilot)

    async def go(self, moments: int) -> None:
        await go(self.pilot, moments)

    async def until(self, moment: int) -> None:
        await wait_for(self.pilot, lambda: self.history.cursor == moment)

    def text(self, selector: str) -> str:
        return text_of(self.app.query_one(selector))

    def toasts(self) -> str:
        """What was notified, with the lines joined."""
        return " ".join(" ".join(text_of(toast).split()) for toast in self.app.screen.query("Toast"))


@asynccontextmanager
async def on_screen(
    size: tuple[int, int] = WIDE, experiment: Experiment | None = None, until: float = 60
) -> AsyncIterator[Screen]:
    app, link = make_app(experiment, until)
    link.gate.clear()  # an engine takes longer to stand than the screen does
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        link.gate.set()
        await ready(pilot)
        yield Screen(app, link, pilot)
