"""What "this update" says of a scene, and on the screen."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point
from sim.protocol.results import UpdateReport
from tests.tui.panels.moments import EXPERIMENT, RACE, point_of, row_of, scene_at
from tests.tui.screen import go, make_app, ready, text_of
from tests.tui.traces import FORMULA, batch, gradient_at, make_experiment, make_race, make_scene, report_of
from tui.app import GdsimApp
from tui.draw.numbers import decimal
from tui.panels.this_update import ThisUpdate, update_text
from tui.session.angles import Angles


async def this_update(app: GdsimApp, size: tuple[int, int], moments: int = 7) -> str:
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        if moments:
            await go(pilot, moments)
        return text_of(app.query_one(ThisUpdate))


async def test_this_update_names_the_examples_and_the_difference() -> None:
    text = await this_update(make_app()[0], (120, 40))
    assert "● batch update 7 used all 61 examples" in text
    assert "0° off · cosine 1.00 · error 0" in text
    used, point = batch(7, 1), np.array(point_of(2, 6))
    own, full = gradient_at(point, used), gradient_at(point)
    cosine = own @ full / np.hypot(*own) / np.hypot(*full)
    assert f"▲ stochastic update 7 used #{used[0]} (1 of 61)" in text
    assert f"{np.degrees(np.arccos(cosine)):.0f}° off · cosine {cosine:.2f} · error" in text


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (180, 50)])
async def test_this_update_names_whole_examples_only(size: tuple[int, int]) -> None:
    app, _ = make_app(make_experiment(RunConfig("a name of some length", 32), RunConfig("b", 60)))
    named = [word for word in (await this_update(app, size)).split() if word.startswith("#")]
    assert named
    assert set(named) <= {f"#{index}" for index in range(61)}


async def test_a_long_name_leaves_room_for_what_was_used_and_how_far_off_that_was() -> None:
    app, _ = make_app(make_experiment(RunConfig("n" * 60, 1), RunConfig("b", 60)))
    text = await this_update(app, (120, 40))
    assert f"nnn… update 7 used #{batch(7, 1)[0]}" in text
    assert text.count("off · cosine") == 2


async def test_this_update_before_there_is_one() -> None:
    text = await this_update(make_app()[0], (120, 40), moments=0)
    assert text.count("has not moved yet") == 3


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (180, 50)])
async def test_while_it_plays_this_update_says_what_the_trace_does(size: tuple[int, int]) -> None:
    app, _ = make_app()
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        await go(pilot, 20)
        app.session.player.playing = True
        app.redraw()
        text = text_of(app.query_one(ThisUpdate))
        for run, counted in enumerate(("all 61", "16 of 61", "1 of 61")):
            row, name = row_of(run, 20), EXPERIMENT.runs[run].name
            about = text[text.index(name) : text.index(name) + 2 * size[0]]
            assert counted in about
            shown = {"batch loss": "batch_loss"} | ({} if size == (120, 40) else {"‖grad‖": "grad_norm"})
            for words, column in shown.items():
                found = re.search(rf"{words} (\S+)", about)
                assert found is not None
                assert float(found[1]) == pytest.approx(row[column], rel=5e-3)
        assert ("‖grad‖" in text) == (size != (120, 40)), "where there is room"
        assert ("rate 0.15" in text) == (size == (180, 50)), "where there is more"


async def test_the_course_of_the_angle_is_that_of_the_updates_that_were_looked_at() -> None:
    app, _ = make_app(make_experiment(RunConfig("stochastic", 1)))
    async with app.run_test(size=(180, 50)) as pilot:
        await ready(pilot)
        angles = []
        for update, moments in ((3, 3), (4, 1), (9, 5), (10, 1), (12, 2)):
            await go(pilot, moments)
            used, before = batch(update, 1), np.array(RACE.points[2][update - 1])
            own, full = gradient_at(before, used), gradient_at(before)
            angles.append(math.degrees(math.acos(own @ full / np.hypot(*own) / np.hypot(*full))))
        course = "".join("▁▂▃▄▅▆▇█"[int(angle / 22.5)] for angle in angles)
        assert len(set(course)) > 1
        assert f" {course} " in text_of(app.query_one(ThisUpdate))
        await go(pilot, -2)  # what came later is not known then
        assert f" {course[:-1]} " in text_of(app.query_one(ThisUpdate))


@pytest.mark.parametrize(("width", "height"), [(42, 6), (78, 3), (41, 3)])
def test_nothing_comes_or_goes_or_moves_as_the_numbers_of_an_update_change(width: int, height: int) -> None:
    scene, seen = replace(scene_at(40), playing=True), set()
    for loss, norm, angle in ((0.626, 1.0, 3.0), (-0.105, 0.0147, 180.0), (1.2e-4, 123456.7, 26.0)):
        values = {"batch_loss": loss, "grad_norm": norm}
        angles = tuple((update, angle) for update in range(20, 40))
        runs = tuple(replace(run, values={**run.values, **values}, angles=angles) for run in scene.runs)
        text = update_text(replace(scene, runs=runs), width, height).plain
        assert text.count(f"{angle:.0f}°") == 3
        words = re.finditer("batch loss|‖grad‖|[▁▂▃▄▅▆▇█]+|°", text)
        seen.add(tuple(found.span() for found in words))
    assert len(seen) == 1


def test_an_angle_that_is_not_of_the_newest_update_says_so_where_it_may_be_old() -> None:
    playing = replace(scene_at(40), playing=True)
    old = replace(playing, runs=tuple(replace(run, angles=((31, 26.0),)) for run in playing.runs))
    assert "at 31:" not in update_text(old, 78, 3).plain, "at a human pace it is one of just now"
    for scene in (replace(old, speed=math.inf), replace(old, plane=replace(old.plane, kind="pca"))):
        assert update_text(scene, 78, 3).plain.count(" at 31:  26°") == 3


async def test_at_the_minimum_there_is_no_angle() -> None:
    experiment = make_experiment(RunConfig("batch", "all"), RunConfig("stochastic", 1))
    there = replace(experiment, start=FORMULA.minima[0])
    text = await this_update(make_app(there)[0], (120, 40), moments=1)
    assert text.count("– the full gradient is zero") == 2
    assert "cosine" not in text


async def test_nine_runs_have_a_line_each() -> None:
    runs = [RunConfig(f"run number {n}", n) for n in range(1, 10)]
    text = await this_update(make_app(make_experiment(*runs))[0], (120, 40))
    assert [line.split("number ")[1][0] for line in text.split("\n") if "run number" in line] == list("123456789")
    assert text.count("° err ") == 9


@pytest.mark.parametrize("height", [3, 4, 5])
def test_where_runs_outnumber_the_lines_several_share_one(height: int) -> None:
    experiment = make_experiment(*(RunConfig(f"a rather long name {n}", n) for n in range(1, 10)))
    scene = make_scene(experiment, make_race(experiment, 4))
    reports = [report_of(4, n, Point(0.5, n)) for n in range(1, 10)]
    runs = tuple(replace(run, report=report) for run, report in zip(scene.runs, reports, strict=True))
    lines = update_text(replace(scene, runs=runs), 78, height).plain.split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= 78
    for run, report in zip(runs, reports, strict=True):
        (line,) = [line for line in lines if run.glyph in line]
        angle = report.measures["angle"]
        assert f"{angle:.0f}° err {decimal(report.measures['relative_error'], 3)}" in line[line.index(run.glyph) :][:39]


def test_what_rounding_leaves_of_a_gradient_has_no_angle() -> None:
    measures = {"cosine": 0.98, "angle": 11.5, "relative_error": 0.2}
    report = UpdateReport(4, (1, 2), 61, (1e-14, 2e-15), (1e-14, 0.0), Point(0, 0), (0.0, 0.0), measures)
    scene = scene_at(4)
    rest = replace(scene, runs=(replace(scene.runs[0], report=report),))
    assert "– the full gradient is zero" in update_text(rest, 44, 9).plain
    angles = Angles()
    angles.take((report, replace(report, full_gradient=(1e-3, 0.0))))
    assert math.isnan(angles.until(0, 4, 1)[0][1])
    assert angles.until(1, 4, 1) == ((4, 11.5),)
