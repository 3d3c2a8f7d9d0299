"""What the panels say and show of a scene, as text."""

import math
import re
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point
from sim.problems.curvature import Kind
from sim.protocol.results import Predicted, UpdateReport
from sim.protocol.trace import Rows, Status
from tests.tui.screen import app_of, go, make_app, ready, text_of
from tests.tui.traces import (
    FORMULA,
    SECONDS,
    batch,
    gradient_at,
    loss_at,
    make_experiment,
    make_race,
    make_scene,
    report_of,
)
from tui.app import GdsimApp
from tui.draw.numbers import decimal
from tui.draw.sparkline import BLOCKS
from tui.panels.data_view import DataPanel
from tui.panels.predictions import predictions_text
from tui.panels.runs_table import table_text
from tui.panels.status_line import status_text
from tui.panels.surface import Surface
from tui.panels.this_update import ThisUpdate, update_text
from tui.scene.scene import RunScene, Scene

EXPERIMENT = make_experiment()
RACE = make_race(EXPERIMENT, 40)


def scene_at(cursor: int = 40, **fields: Any) -> Scene:
    return make_scene(EXPERIMENT, RACE, cursor=cursor, **fields)


def row_of(run: int, update: int) -> np.void:
    """A row of the trace."""
    return RACE.rows[(RACE.rows["run"] == run) & (RACE.rows["update"] == update)][0]


def point_of(run: int, update: int) -> Point:
    """Where a run was after an update."""
    return Point(*RACE.points[run][update])


def grown(run: RunScene) -> Rows:
    """A run's rows with a last one a million updates later."""
    rows = run.seen.copy()
    rows["update"][-1], rows["seconds"][-1] = 1_234_567, 1235.0 if run.index else 2058.0
    rows["examples"][-1] = 1_234_567 * min(run.config.batch_size, 61)
    return rows


# -- the status line --------------------------------------------------------------------------------------------------


def test_the_status_line_in_full() -> None:
    line = status_text(scene_at(), 150).plain
    assert line.startswith(" linear  points made by hand: x → y · 61 examples ")
    assert line.endswith("‖ paused  40 updates each · 40–2,440 examples read · 4.04–6.44 ms computing  seed 0  cpu ")
    assert len(line) == 150


def test_the_name_of_a_recording_is_there_however_short_it_is() -> None:
    assert " ● k.gdsim " in status_text(replace(scene_at(), recording="k.gdsim"), 150).plain


def test_the_status_line_says_that_updates_are_compiled() -> None:
    plain = scene_at()
    scene = replace(plain, experiment=replace(plain.experiment, backend="compiled"))
    assert status_text(scene, 150).plain.endswith("  compiled on cpu ")


def test_where_time_counts_the_status_line_says_whose_time() -> None:
    assert "torch" not in status_text(scene_at(), 150).plain
    assert status_text(replace(scene_at(), clock="seconds"), 150).plain.endswith("  torch on cpu ")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("width", [80, 66])
def test_a_tight_status_line_cuts_no_number_and_keeps_the_clocks_own(width: int, clock: Clock) -> None:
    plain = scene_at()
    runs = tuple(replace(run, seen=grown(run)) for run in plain.runs)
    line = status_text(replace(plain, runs=runs, clock=clock, playing=True, speed=math.inf), width)
    assert line.cell_len <= width
    kept = {
        "updates": "1,234,567 updates",
        "examples": "1,234,567–75,308,587 examples",
        "seconds": "20 min 35 s–34 min 18 s",
    }
    assert kept[clock] in line.plain
    for part in line.plain.split(" · ")[1:]:
        assert re.search(r"(updates|examples| s| seed 0)$", part), line.plain


@pytest.mark.parametrize("recording", ["", "race.gdsim"])
def test_the_status_line_fits_and_keeps_what_matters(recording: str) -> None:
    for playing, width in product((False, True), range(80, 131)):
        line = status_text(replace(scene_at(cursor=13, playing=playing), recording=recording), width).plain
        assert len(line) <= width
        assert " linear " in line
        assert "27 back" in line
        assert ("●" in line) is bool(recording)
        assert "13 updates" in line


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"playing": True}, "▶ 10 updates/s"),
        ({"playing": True, "speed": 4.0}, "▶ 40 updates/s"),
        ({"playing": True, "rate": 9.0}, "▶ 10 updates/s"),
        ({"playing": True, "rate": 2.5}, "▶ 2.5 of 10 updates/s"),
        ({"playing": True, "speed": math.inf}, "▶ as fast as possible"),
        ({"speed": 2.0}, "‖ paused, 20 updates/s"),
        ({"busy_for": 5.2}, "… update running, 5 s"),
    ],
)
def test_the_status_line_says_what_time_does(fields: dict[str, object], words: str) -> None:
    assert words in status_text(scene_at(**fields), 120).plain


def test_before_the_first_update_a_busy_engine_warms_up() -> None:
    scene = make_scene(EXPERIMENT, make_race(EXPERIMENT, 0), busy_for=2.0)
    assert "… warming up, 2 s" in status_text(scene, 120).plain


COUNTERS: dict[Clock, str] = {
    "updates": "40 updates each",
    "examples": "40–2,440 examples read",
    "seconds": "4.04–6.44 ms computing",
}


def test_the_clock_is_the_counter_that_stands_out() -> None:
    for clock, words in COUNTERS.items():
        line = status_text(replace(scene_at(), clock=clock), 120)
        bold = {line.plain[span.start : span.end] for span in line.spans if "underline" in str(span.style)}
        assert bold == {words}


# -- the table --------------------------------------------------------------------------------------------------------


def cells_of(scene: Scene, width: int) -> list[dict[str, str]]:
    """The table read back, by the positions of its headings."""
    heading, *lines = table_text(scene, width).plain.split("\n")
    titles = [title for title in heading.split("  ") if title.strip()]
    begins = [heading.index(title.strip()) for title in titles] + [width]
    return [
        {
            title.strip(): line[begin:end].strip()
            for title, begin, end in zip(titles, begins[:-1], begins[1:], strict=True)
        }
        for line in lines
    ]


def test_the_table_says_what_the_trace_says() -> None:
    for run, cells in enumerate(cells_of(scene_at(23), 150)):
        row, point = row_of(run, 23), point_of(run, 23)
        size = RACE.experiment.runs[run].batch_size
        assert cells["run"] == EXPERIMENT.runs[run].name
        assert cells["batch"] == ("all 61" if run == 0 else str(size))
        assert cells["optimizer"] == "sgd 0.15"
        assert cells["updates"] == "23"
        assert cells["examples"] == f"{23 * size:,}"
        assert float(cells["epoch"]) == pytest.approx(23 * size / 61, abs=0.005)
        assert float(cells["loss"]) == pytest.approx(loss_at(*point), rel=1e-3)
        assert float(cells["‖grad‖"]) == pytest.approx(row["grad_norm"], rel=1e-3)
        best = FORMULA.minima[0]
        assert float(cells["to min"]) == pytest.approx(math.dist(point, best), rel=1e-3)
        assert cells["status"] == "running"


@pytest.mark.parametrize(
    ("clock", "order"),
    [
        ("updates", ["loss so far", "examples/s", "updates/s", "epoch", "‖grad‖", "to min", "optimizer", "examples"]),
        ("seconds", ["loss so far", "epoch", "‖grad‖", "to min", "optimizer", "updates/s", "examples/s", "examples"]),
    ],
)
def test_a_narrow_table_leaves_out_the_least_important_columns(clock: Clock, order: list[str]) -> None:
    widths = range(160, 75, -1)
    experiment = make_experiment(clock=clock)
    scene = make_scene(experiment, make_race(experiment, 40 if clock == "updates" else 40 * SECONDS))
    kept = [frozenset(cells_of(scene, width)[0]) for width in widths]
    assert all(later <= earlier for earlier, later in pairwise(kept))
    gone: list[str] = []
    for columns in kept:
        gone += sorted(kept[0] - columns - set(gone))
    assert gone == order[: len(gone)]
    assert len(gone) >= 6
    assert {"run", "batch", "updates", "loss", "status"} <= kept[-1]
    for width in widths:
        assert max(map(len, table_text(scene, width).plain.split("\n"))) <= width


def test_no_column_comes_or_goes_or_moves_as_numbers_grow() -> None:
    plain = scene_at()
    values = {"loss": 0.00012345, "grad_norm": 123_456.7, "updates_per_second": 1.23e-5, "examples_per_second": 2e6}
    later = replace(
        plain, runs=tuple(replace(run, seen=grown(run), values={**run.values, **values}) for run in plain.runs)
    )
    infinite = [replace(run, values={**run.values, "loss": math.inf}) for run in plain.runs]
    diverged = replace(plain, runs=tuple(infinite))
    for width in (80, 100, 120, 160, 200):
        headings = {table_text(scene, width).plain.split("\n")[0] for scene in (scene_at(0), later, diverged)}
        assert len(headings) == 1


def test_where_there_is_room_each_run_has_the_course_of_its_loss_in_its_colour() -> None:
    text = table_text(scene_at(), 200)
    assert "loss so far" in text.plain
    for run, line in zip(scene_at().runs, text.split("\n")[1:], strict=True):
        course = cells_of(scene_at(), 200)[run.index]["loss so far"]
        begin = line.plain.index(course)
        assert [span.style for span in line.spans if span.start <= begin < span.end] == [f"#{run.color:06x}"]
        losses = [row_of(run.index, update)["loss"] for update in (0, 40)]
        assert (BLOCKS.index(course[0]) > BLOCKS.index(course[-1])) == (losses[0] > 2 * losses[1])
        assert len(course) == 41


def test_a_run_that_is_ahead_on_another_clock_waits() -> None:
    """After 40 updates each, batch has read 2,440 examples; on the clock of examples it is stochastic's turn."""
    rows = cells_of(scene_at(clock="examples"), 120)
    assert [cells["status"] for cells in rows] == ["waits", "waits", "running"]
    for clock, until in (("updates", 40), ("examples", 500), ("seconds", 400 * SECONDS)):
        experiment = make_experiment(clock=clock)
        race = make_race(experiment, until)
        for moment in range(1, int(race.rows["moment"].max()), 7):
            rows = cells_of(live(make_scene(experiment, race, cursor=moment)), 120)
            assert [cells["status"] for cells in rows] == ["running"] * 3, (clock, moment)


def live(scene: Scene) -> Scene:
    """The same moment, as if it were the last one recorded."""
    return replace(scene, end=scene.cursor)


@pytest.mark.parametrize(
    ("kind", "words", "good"),
    [
        ("minimum", "converged", True),
        ("local minimum", "in a local minimum", False),
        ("saddle", "at a saddle", False),
        ("plateau", "on a plateau", False),
        ("slope", "standing still", False),
        (None, "standing still", False),
    ],
)
def test_only_at_a_minimum_is_a_run_converged_and_green(kind: Kind | None, words: str, good: bool) -> None:
    scene = scene_at()
    seen = scene.runs[0].seen.copy()
    seen["status"][-1] = Status.CONVERGED
    run = replace(scene.runs[0], seen=seen, kind=kind)
    text = table_text(replace(scene, runs=(run, *scene.runs[1:])), 120)
    row = text.split("\n")[1]
    begin = row.plain.index(words)
    colors = [str(span.style) for span in row.spans if span.start <= begin < span.end]
    assert (f"#{scene.palette.good:06x}" in colors) == good


def test_stopped_runs_say_when() -> None:
    experiment = make_experiment(RunConfig("calm", "all"), RunConfig("hasty", 1, lr=1.4))
    race = make_race(experiment, 40)
    last = race.rows[race.rows["run"] == 1][-1]["update"]
    calm, hasty = cells_of(make_scene(experiment, race), 120)
    assert calm["status"] == "running"
    assert hasty["status"] == f"diverged at update {last}"
    assert hasty["loss"] == "∞"


# -- this update ------------------------------------------------------------------------------------------------------


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
            found = re.search(r"batch loss (\S+) · ‖grad‖ (\S+)", about)
            assert found is not None
            assert float(found[1]) == pytest.approx(row["batch_loss"], rel=5e-3)
            assert float(found[2]) == pytest.approx(row["grad_norm"], rel=5e-3)
        assert ("rate 0.15" in text) == (size != (120, 40)), "where there is room"


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
        assert f"· {course} " in text_of(app.query_one(ThisUpdate))
        await go(pilot, -2)  # what came later is not known then
        assert f"· {course[:-1]} " in text_of(app.query_one(ThisUpdate))


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


# -- the predictions --------------------------------------------------------------------------------------------------


def test_answers_longer_than_the_truths_are_written_in_full() -> None:
    predicted = Predicted(
        inputs=np.zeros((2, 3), np.float32),
        truths=("0.5", "1.5"),
        answers=(("-12.34", "0.1"), ("0.7", "0.8"), ("0.9", "1.0")),
        right=((None, None),) * 3,
    )
    lines = predictions_text(scene_at(), predicted, 40, 10).plain.split("\n")
    assert [line.split() for line in lines[:3]] == [["0.5", "1.5"], ["●", "-12.34", "0.1"], ["■", "0.7", "0.8"]]


# -- the surface ------------------------------------------------------------------------------------------------------

LABELS = 7  # columns left of the canvas


def canvas_of(surface: Surface) -> list[str]:
    """The canvas's characters, row by row."""
    return [surface.render_line(y).text[LABELS:] for y in range(surface.size.height - 1)]


def cell_of(point: Point, lines: list[str]) -> tuple[int, int]:
    """Row and column at which a point of the problem's window is to be found."""
    left, right, bottom, top = FORMULA.window
    column = (point.x - left) / (right - left) * len(lines[0])
    return int((top - point.y) / (top - bottom) * len(lines)), int(column)


async def test_the_surface_shows_heads_start_and_minimum_where_they_are() -> None:
    app, _ = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await go(pilot, 40)
        lines = canvas_of(app.query_one(Surface))
        for point, mark in ((FORMULA.start, "○"), (FORMULA.minima[0], "×")):
            row, column = cell_of(point, lines)
            assert lines[row][column] == mark
        for run, glyph in enumerate("●■▲"):
            row, column = cell_of(point_of(run, 40), lines)
            assert glyph in lines[row][column : column + 3]  # beside those that stand in the same cell


async def test_the_surface_shows_where_a_run_has_been() -> None:
    app, _ = make_app(make_experiment(RunConfig("batch", "all")))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("g")  # the lines of equal loss are of the same dots
        await go(pilot, 40)
        app.session.player.playing = True  # and so are the arrows
        app.redraw()
        lines = canvas_of(app.query_one(Surface))
        dotted = {(y, x) for y, line in enumerate(lines) for x, character in enumerate(line) if "⠀" < character <= "⣿"}
        cells = [cell_of(point_of(0, u), lines) for u in range(41)]
        assert len(dotted) > 10
        assert all(min(abs(y - row) + abs(x - column) for row, column in cells) <= 4 for y, x in dotted)
        assert {cell for cell in cells[1:-1] if lines[cell[0]][cell[1]] not in "○●"} <= dotted


async def test_arrows_show_both_gradients_while_paused() -> None:
    app, _ = make_app(make_experiment(RunConfig("stochastic", 1)))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("g")
        await go(pilot, 7)
        surface = app.query_one(Surface)
        paused = canvas_of(surface)
        app.session.player.playing = True
        app.redraw()
        playing = canvas_of(surface)
        assert sum(map(str.__ne__, "".join(paused), "".join(playing))) > 10


async def test_a_head_outside_of_the_window_stands_at_its_edge() -> None:
    app, _ = make_app(make_experiment(RunConfig("hasty", 1, lr=1.4), RunConfig("calm", "all")))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await go(pilot, 40)
        lines = canvas_of(app.query_one(Surface))
        ((row, column),) = [(y, line.index("●")) for y, line in enumerate(lines) if "●" in line]
        assert row in (0, len(lines) - 1) or column in (0, len(lines[0]) - 1)


# -- the data ---------------------------------------------------------------------------------------------------------


async def test_the_data_view_marks_the_one_example_that_was_used() -> None:
    app, _ = make_app(make_experiment(RunConfig("stochastic", 1)))
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await go(pilot, 7)
        await pilot.press("v")
        await pilot.pause()
        app.redraw()
        panel = app_of(pilot).query_one(DataPanel)
        lines = [panel.render_line(y).text[LABELS:] for y in range(panel.size.height - 1)]
        ((row, column),) = [(y, line.index("●")) for y, line in enumerate(lines) if "●" in line]
        x, y = FORMULA.inputs[batch(7, 1)[0]], FORMULA.targets[batch(7, 1)[0]]
        across = (x - FORMULA.inputs.min()) / np.ptp(FORMULA.inputs)
        down = (FORMULA.targets.max() - y) / np.ptp(FORMULA.targets)
        assert column / len(lines[0]) == pytest.approx(across, abs=0.1)
        assert row / len(lines) == pytest.approx(down, abs=0.1)
