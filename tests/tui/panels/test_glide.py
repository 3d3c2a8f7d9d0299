"""A change of plane on the screen: the old picture stays, and turns into the new one."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from sim.protocol.answers import Advanced, Answer, Opened, PlaneNews, Worked
from sim.protocol.commands import Command, Open, SetPlane, Survey, Work
from sim.protocol.results import Surveyed
from tests.tui.screen import WIDE, Screen, go, ready, settled, wait_for
from tests.tui.traces import CARD, Floats, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.draw.palette import DARK
from tui.panels.glide import FRAMES, Carry

MODEL = replace(CARD, window=None, minima=(), comparable_axes=True, formula=None)
NEXT_PLANE = Carry(3.0, (40.0, -7.0))


class TurningLink(ReplayLink):
    """Sees the race on planes: on the second one everything is three times as large and elsewhere.

    Attributes:
        plane: the number of the present one.
        light: cleared, it keeps slow work waiting.
    """

    def __init__(self) -> None:
        super().__init__(make_race(make_experiment(), 60))
        self.plane = 0
        self.light = asyncio.Event()
        self.light.set()

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        if isinstance(command, Work):
            await self.light.wait()
        return await super().request(command)

    def _answer(self, command: Command) -> Answer:
        match command:
            case SetPlane(kind):
                self.plane += 1
                rows = self.race.rows[self.race.rows["moment"] <= self.at]
                return replace(self._seen(self.race.news(rows, self._updates())), kind=kind, whole=True)
            case Open():
                self.plane = 0
        answer = super()._answer(command)
        match answer:
            case Opened() | Advanced():
                return replace(answer, plane=self._seen(answer.plane))
            case Worked(results):
                found = tuple(
                    (job, replace(one, plane=self.plane) if isinstance(one, Surveyed) else one) for job, one in results
                )
                return replace(answer, results=found)
            case _:
                return answer

    def _seen(self, news: PlaneNews) -> PlaneNews:
        carry = NEXT_PLANE if self.plane else Carry(1.0, (0.0, 0.0))
        trails = tuple(
            replace(trail, xy=carry.points(trail.xy), head=tuple(carry.points(np.array(trail.head)).tolist()))
            for trail in news.trails
        )
        return replace(news, number=self.plane, kind="pca", trails=trails)


@asynccontextmanager
async def on_a_plane(moments: int = 30) -> AsyncIterator[Screen]:
    """The screen of a model after some moments, its landscape drawn."""
    link = TurningLink()
    app = GdsimApp(make_experiment(), MODEL, link, ticking=False)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await go(pilot, moments)
        it = Screen(app, link, pilot)
        for _ in range(FRAMES):
            app.frame()
        await settled(pilot)
        yield it


async def turned(it: Screen) -> None:
    """Ask for the next plane, and have it come in without its landscape."""
    it.link.light.clear()
    await it.pilot.press("p")
    trails = it.app.session.trails
    await wait_for(it.pilot, lambda: trails.plane.number == 1)


def heads(it: Screen) -> Floats:
    """The cells of the three heads on the canvas, (column, row) each."""
    lines = it.surface._frame.lines()
    return np.array([next((line.index(glyph), y) for y, line in enumerate(lines) if glyph in line) for glyph in "●■▲"])


def black(it: Screen) -> float:
    """The share of the canvas that has no landscape behind it."""
    _, bg = it.surface._frame.fg, it.surface._frame.bg[:-1, 7:]
    return float((bg == DARK.background).mean())


async def test_a_new_plane_is_moved_to_over_the_dimmed_landscape_of_the_last_one() -> None:
    async with on_a_plane() as it:
        began, lit = heads(it), black(it)
        bright = set(it.surface._frame.bg[:-1, 7:].flat)
        await turned(it)
        seen = []
        for _ in range(FRAMES + 1):
            it.app.frame()
            assert black(it) == pytest.approx(lit, abs=0.02), "never black"
            assert not (set(it.surface._frame.bg[:-1, 7:].flat) - {DARK.background}) >= bright
            seen.append(heads(it))
        assert not it.surface.gliding
        # this plane differs in scale and origin alone, so that the picture is the same all along
        assert np.abs(np.array(seen) - began).max() <= 1
        it.link.light.set()
        await settled(it.pilot)
        assert set(it.surface._frame.bg[:-1, 7:].flat) & bright


async def test_the_trails_are_moved_through_what_lies_between() -> None:
    async with on_a_plane() as it:
        link, mirror = it.link, np.array([1.0, -0.2])
        upright = link._seen
        link._seen = lambda news: replace(  # type: ignore[method-assign]
            upright(news),
            trails=tuple(
                replace(trail, xy=trail.xy * mirror, head=(trail.head[0], trail.head[1] * mirror[1]))
                for trail in upright(news).trails
            ),
        )
        await turned(it)
        rows = []
        for _ in range(FRAMES + 1):
            it.app.frame()
            rows.append(heads(it)[:, 1])
        steps = np.diff(rows, axis=0)
        way = np.abs(np.sum(steps, axis=0))
        assert way.max() >= 3, "the heads moved"
        assert np.abs(steps).max() <= math.ceil(way.max() / 2), "and in several steps"


@pytest.mark.parametrize("why", ["not wanted", "held up"])
async def test_nothing_moves_where_motion_is_not_wanted_or_the_terminal_is_slow(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_a_plane() as it:
        if why == "not wanted":
            it.app.animation_level = "none"
        await turned(it)
        it.app.frame()
        if why == "held up":
            assert it.surface.gliding
            monkeypatch.setattr(GdsimApp, "held_up", True)
            it.app.frame()
            monkeypatch.setattr(GdsimApp, "held_up", False)
            it.app.frame()
        there = heads(it)
        assert not it.surface.gliding
        it.app.redraw()
        np.testing.assert_array_equal(heads(it), there)


async def test_the_next_plane_is_fitted_to_the_trails_whatever_the_window_was() -> None:
    async with on_a_plane() as it:
        fitted = heads(it)
        await it.press("minus", "minus", "minus", "l", "l")
        assert np.abs(heads(it) - fitted).max() > 3
        await it.press("p")
        for _ in range(FRAMES):
            it.app.frame()
        points = np.concatenate([NEXT_PLANE.points(it.points(run)) for run in range(3)])
        left, right, bottom, top = it.window
        across, up = np.ptp(points, axis=0)
        assert left < points[:, 0].min() < points[:, 0].max() < right
        assert bottom < points[:, 1].min() < points[:, 1].max() < top
        assert max(across / (right - left), up / (top - bottom)) > 0.5


async def test_a_window_of_one_s_own_goes_along_to_a_plane_that_is_fitted_anew() -> None:
    async with on_a_plane() as it:
        await it.press("plus")
        window = it.window
        it.link.light.clear()
        it.app.session.trails.take(it.link._answer(SetPlane("pca")))
        it.app.frame()
        assert it.window == pytest.approx(NEXT_PLANE.window(window))


async def test_reset_keeps_the_landscape_until_the_next_one_is_there() -> None:
    async with on_a_plane() as it:
        it.link.light.clear()
        await it.pilot.press("r")
        await wait_for(it.pilot, lambda: it.app.session.generation == 2)
        it.app.frame()
        assert it.history.end == 0
        assert black(it) < 0.1
        assert it.surface.wanted is not None
        assert len(it.link.asked(Survey)) == len(set(it.link.asked(Survey)))


def test_what_takes_one_picture_to_another_is_found() -> None:
    points = np.random.default_rng(0).normal(size=(50, 2))
    found = Carry.between(points, NEXT_PLANE.points(points))
    assert found is not None
    assert found.scale == pytest.approx(3)
    assert found.shift == pytest.approx((40, -7))
    assert Carry.between(points[:1], points[1:2]) is None
    assert Carry.between(points, -points) is None
