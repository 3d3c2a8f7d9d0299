"""Possible steps and reports that were recorded, as a replay shows them."""

import time
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.geometry import Point
from sim.experiment.resolved import Lineage
from sim.protocol.commands import Imagine, Inspect
from sim.protocol.results import Imagined
from tests.tui.recorded import Screen, Writing, make_replay, replayed
from tests.tui.screen import WIDE, settled, wait_for
from tests.tui.traces import cloud_of, make_experiment, make_race
from tui.panels.lens import Lens
from tui.session.recorded_looks import imagined


async def seek(screen: Screen, moment: int) -> None:
    """Look at a moment, and have what was recorded of it come in."""
    screen.history.seek_to(moment)
    await screen.pass_time(0.0)
    await settled(screen.pilot)
    await wait_for(screen.pilot, lambda: not screen.session.look._jobs())
    screen.app.redraw()


async def seen(screen: Screen, words: str) -> None:
    """Let time go by until the lens says something."""
    deadline = time.monotonic() + 30.0
    while words not in screen.text("#lens"):
        assert time.monotonic() < deadline, "waited in vain"
        await screen.pass_time(0.3)


async def test_they_are_those_at_the_cursor_or_else_the_last_ones_before_it(tmp_path: Path) -> None:
    writing, race = Writing(tmp_path / "race.gdsim"), make_race(make_experiment(), 60)
    writing.go_on(40)
    writing.look(Imagine(1, 6), Inspect((6, 6, 6)))
    writing.look(Imagine(1, 20), Inspect((20, 20, 20)))
    writing.end()
    async with replayed(writing.path) as screen:
        lens = screen.app.query_one(Lens)
        assert lens.display
        for cursor, update, words in ((6, 6, ", update 6:"), (19, 6, ", at update 6:"), (20, 20, ", update 20:")):
            await seek(screen, cursor)
            possible = screen.session.look.possible
            assert possible is not None
            assert possible.cloud is not None
            point = Point(*race.points[1][update - 1])
            expected = cloud_of(update, race.experiment.runs[1], point)
            np.testing.assert_allclose(possible.cloud.steps, expected.steps, rtol=1e-6)
            np.testing.assert_allclose(possible.cloud.covariance, expected.covariance, rtol=1e-5)
            np.testing.assert_array_equal(possible.cloud.used, expected.used)
            assert (possible.origin, possible.cloud.own, possible.cloud.full) == (point, expected.own, expected.full)
            assert words in screen.text("#lens")
            sentence = f"This cloud is of update {update}, the last one recorded before this."
            assert (sentence in " ".join(screen.text("#sentence").split())) == (cursor != update)
            report = screen.session.look.reports[2]
            assert report is not None
            assert report.update == update
            assert (f" at {update}: " in screen.text("#this-update")) == (cursor != update)
        await seek(screen, 5)
        assert "none were recorded up to here" in screen.text("#lens")
        await screen.pilot.press("u")
        assert not lens.display


async def test_whoever_follows_sees_them_as_they_come(tmp_path: Path) -> None:
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(10)
    app = make_replay(writing.path, playing=True)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = Screen(app, pilot)
        await wait_for(pilot, lambda: app.session.history is not None and app.session.history.end == 10)
        await settled(pilot)
        assert not app.query_one(Lens).display
        assert "need an engine" not in screen.toasts()  # they may still come
        for update in (8, 9):
            writing.look(Imagine(1, update))
            await seen(screen, f"at update {update}")
        assert app.query_one(Lens).display
    writing.end()


@pytest.mark.parametrize(("run", "update", "whose"), [(0, 4, (0, 4)), (1, 4, (0, 3)), (1, 9, (1, 9)), (2, 9, (0, 3))])
def test_a_fork_has_those_of_its_parents_past(run: int, update: int, whose: tuple[int, int]) -> None:
    class Recorded:
        def cloud(self, run: int, update: int) -> Imagined | None:
            there = [at for of, at in ((0, 2), (0, 3), (0, 4), (1, 8), (1, 9)) if of == run and at <= update]
            return Imagined(run, max(there), Point(run, 0.0), None) if there else None

    lineages = Lineage(()), Lineage((), parent=0, update=3), Lineage((), parent=1, update=5)
    found = imagined(Recorded(), lineages, Imagine(run, update))  # type: ignore[arg-type]
    assert (found.run, found.origin.x, found.update) == (run, *whose)
