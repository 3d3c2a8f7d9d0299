"""What the panels with pictures show of a scene, as text."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point, Window
from sim.protocol.results import Predicted
from tests.tui.panels.moments import point_of, scene_at
from tests.tui.screen import app_of, go, make_app, ready
from tests.tui.traces import FORMULA, batch, make_experiment
from tui.draw.canvas import Canvas
from tui.draw.viewport import Viewport
from tui.panels.data_view import DataPanel
from tui.panels.on_the_ground import draw_runs
from tui.panels.predictions import predictions_text
from tui.panels.surface import Surface

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


@pytest.mark.filterwarnings("error")
def test_a_head_beyond_all_numbers_of_cells_stands_at_the_edge() -> None:
    scene, view = scene_at(), Viewport(Window(0.0, 1e-9, 0.0, 1e-9), 20, 10)
    far = tuple(replace(run, points=np.array([[1e300, -1e300]])) for run in scene.runs)
    canvas = Canvas(20, 10)
    draw_runs(canvas, view, replace(scene, runs=far), closely=True)
    assert [glyph for glyph in canvas.frame().lines()[-1] if glyph in "●■▲"] == ["▲", "■", "●"]


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
