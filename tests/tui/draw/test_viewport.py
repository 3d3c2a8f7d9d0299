"""The window, the cells of the screen, and contour lines."""

import numpy as np
import pytest

from sim.experiment.geometry import Point, Window
from tui.draw.viewport import Viewport, contours

VIEW = Viewport(Window(-2, 2, 0, 10), columns=40, rows=20)


def test_corners_of_the_window_are_corners_of_the_canvas() -> None:
    assert VIEW.to_dots([(-2, 10), (2, 0), (0, 5)]).tolist() == [[0, 0], [80, 80], [40, 40]]


def test_the_centre_of_a_cell_lies_in_that_cell() -> None:
    for cell in ((0, 0), (39, 19), (17, 4)):
        assert VIEW.cell(*VIEW.point(*cell)) == cell


def test_points_outside_have_no_cell() -> None:
    assert [VIEW.cell(x, y) for x, y in ((2.1, 5), (0, -1), (np.nan, 5), (np.inf, 5))] == [None] * 4


def test_zoom_keeps_a_point_where_it_is_on_the_screen() -> None:
    near = VIEW.zoom(2.0, Point(1.0, 8.0))
    assert near.to_dots([(1.0, 8.0)]).tolist() == VIEW.to_dots([(1.0, 8.0)]).tolist()
    assert (near.width, near.height) == (2, 5)
    assert near.zoom(0.5, Point(1.0, 8.0)).window == pytest.approx(VIEW.window)


def test_zoom_ends_before_floats_cannot_distinguish_cells() -> None:
    near = far = VIEW
    for _ in range(2000):
        near, far = near.zoom(2.0, Point(1.0, 8.0)), far.zoom(0.5)
    for view in (near, far):
        xs = [view.point(column, 0).x for column in range(view.columns)]
        assert np.isfinite(xs).all()
        assert np.all(np.diff(xs) > 0)


def test_pan_moves_by_fractions_of_the_window() -> None:
    assert VIEW.pan(0.5, -0.1).window == pytest.approx(Window(0, 4, -1, 9))


def test_centred() -> None:
    assert VIEW.centred(10, 20).point(19.5, 9.5) == pytest.approx((10, 20))


def test_fit_shows_all_points_with_a_margin() -> None:
    fitted = VIEW.fit([(0, 0), (4, 10), (np.nan, 1), (np.inf, np.inf)], margin=0.25)
    assert fitted.window == pytest.approx(Window(-1, 5, -2.5, 12.5))


def test_fit_of_one_point_centres_it_and_of_none_changes_nothing() -> None:
    assert VIEW.fit([(7, 7)]).window == pytest.approx(Window(5, 9, 2, 12))
    assert VIEW.fit([(np.nan, 1)]) == VIEW


@pytest.mark.parametrize("points", [[(0, 0), (4, 0)], [(0, 1), (0, 3)], [(0, 0), (29, 1e-9)], [(-1, 0), (1, 5)]])
def test_fit_keeps_the_window_s_proportions_and_grows_no_more_than_needed(points: list[tuple[float, float]]) -> None:
    fitted = VIEW.fit(points, margin=0.25)
    assert fitted.width / fitted.height == pytest.approx(VIEW.width / VIEW.height)
    across, up = np.ptp(np.array(points), axis=0)
    assert max(across / fitted.width, up / fitted.height) == pytest.approx(1 / 1.5)
    assert fitted.point(19.5, 9.5) == pytest.approx(np.mean(points, axis=0))


@pytest.mark.parametrize("size", [(40, 20), (100, 20), (20, 60), (1, 1)])
def test_square_units_make_a_circle_round(size: tuple[int, int]) -> None:
    view = Viewport(Window(-2, 2, 0, 10), *size).squared()
    angle = np.linspace(0, 2 * np.pi, 100)
    ring = view.to_dots(np.stack([np.cos(angle), 5 + np.sin(angle)], axis=1))
    assert np.ptp(ring[:, 0]) == pytest.approx(np.ptp(ring[:, 1]), rel=1e-2)
    assert view.window.left <= -2 < 2 <= view.window.right
    assert view.window.bottom <= 0 < 10 <= view.window.top
    assert view.width == pytest.approx(4) or view.height == pytest.approx(10)
    assert view.squared().window == pytest.approx(view.window)


def test_in_square_units_a_gradient_crosses_contours_at_right_angles() -> None:
    view = Viewport(Window(-3, 3, -1, 1), 60, 30).squared()
    y, x = np.mgrid[view.window.top : view.window.bottom : 120j, view.window.left : view.window.right : 120j]
    (line,) = contours(x**2 + 4 * y**2, [1.0], view.window)
    middle = (line[1:] + line[:-1]) / 2
    along = np.diff(view.to_dots(line), axis=0)
    downhill = view.to_dots(middle - 1e-3 * middle * (2, 8)) - view.to_dots(middle)
    cosines = (along * downhill).sum(axis=1) / np.hypot(*along.T) / np.hypot(*downhill.T)
    assert np.abs(cosines).max() < 0.15


def test_contour_lines_of_a_bowl_are_circles() -> None:
    window = Window(-2, 2, -2, 2)
    centres = -2 + (np.arange(80) + 0.5) * 4 / 80
    x, y = np.meshgrid(centres, centres[::-1])
    for level in (0.5, 1.0):
        (line,) = contours(x**2 + y**2, [level], window)
        assert np.hypot(*line.T) == pytest.approx(np.full(len(line), level**0.5), abs=1e-3)


def test_contour_lines_are_the_right_way_up() -> None:
    slope = np.repeat(np.arange(10.0)[::-1, None], 10, axis=1)  # top row highest
    (line,) = contours(slope, [6.5], Window(0, 1, 0, 10))
    assert line[:, 1] == pytest.approx(np.full(len(line), 7.0))


@pytest.mark.filterwarnings("error")
def test_contour_lines_end_at_infinite_losses() -> None:
    losses = np.tile(np.arange(10.0), (10, 1))
    losses[:5] = np.inf
    lines = contours(losses, [4.5], Window(0, 1, 0, 10))
    assert max(line[:, 1].max() for line in lines) <= 5
    assert contours(np.full((10, 10), np.inf), [1.0], Window(0, 1, 0, 1)) == []
