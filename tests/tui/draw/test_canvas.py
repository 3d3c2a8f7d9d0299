"""Pictures as text grids, and what must not break them."""

import numpy as np
import pytest

from sim.experiment.geometry import Point, Window
from tui.draw.canvas import GROUND, MARK, TRAIL, Canvas
from tui.draw.viewport import Viewport, contours

BLUE, RED, GREEN = 0x0000FF, 0xFF0000, 0x00FF00


def dots(canvas: Canvas) -> np.ndarray:
    """The dots of a canvas, shape (4 * rows, 2 * columns), read from its characters as Unicode numbers them."""
    picture = np.zeros((4 * canvas.rows, 2 * canvas.columns), dtype=bool)
    for row, line in enumerate(canvas.frame().lines()):
        for column, character in enumerate(line):
            pattern = ord(character) - 0x2800 if "\u2800" <= character <= "\u28ff" else 0
            for bit, (x, y) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]):
                picture[4 * row + y, 2 * column + x] = pattern >> bit & 1
    return picture


def test_a_diagonal_is_braille() -> None:
    canvas = Canvas(4, 2)
    canvas.polyline([(0, 0), (7, 7)], RED)
    assert canvas.frame().lines() == ["⠑⢄  ", "  ⠑⢄"]


def test_lines_in_every_direction_are_connected_and_reach_both_ends() -> None:
    ends = [(15, 8), (15, 13), (8, 15), (3, 15), (0, 8), (0, 2), (7, 0), (12, 0)]
    for end in ends:
        canvas = Canvas(8, 4)
        canvas.polyline([(8, 8), end], RED)
        ys, xs = np.nonzero(dots(canvas))
        places = set(zip(xs.tolist(), ys.tolist(), strict=True))
        assert {(8, 8), end} <= places
        assert len(places) == max(abs(end[0] - 8), abs(end[1] - 8)) + 1  # one dot a step along the longer axis
        assert all(any(0 < max(abs(x - a), abs(y - b)) < 2 for a, b in places) for x, y in places)


def test_a_line_from_far_outside_crosses_where_it_should() -> None:
    canvas = Canvas(8, 4)
    canvas.polyline([(-1e12, -1e12), (1e12, 1e12)], RED)
    assert np.array_equal(dots(canvas), np.eye(16, dtype=bool))


def test_nothing_is_drawn_of_lines_outside() -> None:
    canvas = Canvas(8, 4)
    canvas.polyline([(-5, -5), (30, -5), (30, 30), (-5, 30), (-5, -5)], RED)
    assert not dots(canvas).any()


@pytest.mark.filterwarnings("error")
def test_a_line_breaks_at_points_that_are_not_finite() -> None:
    canvas = Canvas(8, 1)
    canvas.polyline([(0, 0), (3, 0), (np.nan, 0), (8, 0), (9, 0), (np.inf, -np.inf), (15, 0)], RED)
    assert np.flatnonzero(dots(canvas)[0]).tolist() == [0, 1, 2, 3, 8, 9]


@pytest.mark.filterwarnings("error")
def test_huge_coordinates_and_empty_lines_are_harmless() -> None:
    canvas = Canvas(8, 4)
    huge = np.finfo(float).max
    canvas.polyline([(-huge, huge), (huge, -huge), (1e-300, huge), (3, 3)], RED)
    canvas.polyline(np.empty((0, 2)), RED)
    canvas.polyline([(1, 1)], RED)
    canvas.points([(np.nan, 1), (huge, 1), (-1, 2), (16, 0)], RED)
    canvas.arrow((2, 2), (np.inf, 2), RED)
    canvas.text(-3, 0, "out of sight on both sides", RED)
    canvas.text(0, 9, "below", RED)
    assert [len(line) for line in canvas.frame().lines()] == [8] * 4


def test_the_later_line_gives_a_cell_its_colour() -> None:
    canvas = Canvas(2, 1)
    canvas.polyline([(0, 0), (3, 0)], RED)
    canvas.polyline([(0, 3), (1, 3)], GREEN)
    frame = canvas.frame()
    assert frame.fg.tolist() == [[GREEN, RED]]
    assert frame.lines() == ["⣉⠉"]


def test_segments_have_the_colour_of_the_point_they_lead_to() -> None:
    canvas = Canvas(4, 1)
    canvas.polyline([(0, 0), (3, 0), (7, 0)], np.array([BLUE, RED, GREEN]))
    assert canvas.frame().fg.tolist() == [[RED, GREEN, GREEN, GREEN]]


def test_trails_hide_contour_lines_in_their_cells_in_either_order() -> None:
    for order in ((GROUND, TRAIL), (TRAIL, GROUND)):
        canvas = Canvas(2, 1)
        for layer in order:
            ends = [(0, 0), (3, 0)] if layer == GROUND else [(0, 3), (1, 3)]
            canvas.polyline(ends, RED if layer == TRAIL else GREEN, layer)
        assert canvas.frame().lines() == ["⣀⠉"]


def test_contour_lines_are_tinted_by_their_background() -> None:
    canvas = Canvas(1, 1, background=0x000064)
    canvas.polyline([(0, 0), (1, 0)], 0xFFFFFF, GROUND)
    assert canvas.frame().fg[0, 0] == 0x333383  # a fifth of the way from 0x000064 to white


def test_half_cells_show_two_bands_and_a_dotted_cell_keeps_one() -> None:
    canvas = Canvas(3, 1)
    canvas.background(np.array([[BLUE, BLUE, RED], [BLUE, RED, BLUE]]))
    canvas.points([(4, 0)], GREEN)
    frame = canvas.frame()
    assert frame.lines() == [" ▀⠁"]
    assert frame.fg[0, 1:].tolist() == [BLUE, GREEN]
    assert frame.bg.tolist() == [[BLUE, RED, RED]]


def test_a_background_of_whole_cells() -> None:
    canvas = Canvas(2, 2)
    canvas.background(np.array([[BLUE, RED], [RED, BLUE]]))
    assert canvas.frame().bg.tolist() == [[BLUE, RED], [RED, BLUE]]
    assert canvas.frame().lines() == ["  ", "  "]


def test_text_covers_dots() -> None:
    canvas = Canvas(4, 1)
    canvas.polyline([(0, 0), (7, 0)], RED)
    canvas.text(1, 0, "●x", GREEN, BLUE, bold=True)
    frame = canvas.frame()
    assert frame.lines() == ["⠉●x⠉"]
    assert frame.bg.tolist() == [[0, BLUE, BLUE, 0]]


def test_strips_say_the_same_as_the_frame() -> None:
    canvas = Canvas(6, 2, BLUE)
    canvas.polyline([(0, 0), (11, 7)], RED)
    canvas.text(2, 0, "▲", GREEN, bold=True)
    frame = canvas.frame()
    for row, strip in enumerate(frame.strips()):
        assert strip.text == frame.lines()[row]
        assert strip.cell_length == 6
        cells = [style for text, style, _ in strip for _ in text]
        fronts = [int(style.color.get_truecolor().hex[1:], 16) for style in cells]
        backs = [int(style.bgcolor.get_truecolor().hex[1:], 16) for style in cells]
        assert fronts == frame.fg[row].tolist()
        assert backs == frame.bg[row].tolist()
        assert [bool(style.bold) for style in cells] == frame.bold[row].tolist()


def test_equal_neighbours_are_one_segment() -> None:
    assert len(list(Canvas(80, 1).frame().strip(0))) == 1


def test_only_rows_that_differ_count_as_changed() -> None:
    canvas = Canvas(4, 3)
    before = canvas.frame()
    canvas.points([(0, 5)], RED)
    after = canvas.frame()
    assert after.changed_rows(before) == [1]
    assert after.changed_rows(after) == []
    assert after.changed_rows(None) == [0, 1, 2]
    assert after.changed_rows(Canvas(5, 3).frame()) == [0, 1, 2]


def test_an_arrow_has_its_head_at_the_end() -> None:
    canvas = Canvas(8, 4)
    canvas.arrow((1, 8), (14, 8), RED, MARK)
    picture = dots(canvas)
    assert picture[8, 1:15].all()
    assert picture[:, :8].sum() == 7  # the shaft alone
    assert picture[6, 9:14].any()
    assert np.array_equal(picture[5:8], picture[11:8:-1])


VIEW = Viewport(Window(-2, 2, 0, 10), columns=40, rows=20)


def test_corners_of_the_window_are_corners_of_the_canvas() -> None:
    assert VIEW.to_dots([(-2, 10), (2, 0), (0, 5)]).tolist() == [[0, 0], [80, 80], [40, 40]]


def test_the_centre_of_a_cell_lies_in_that_cell() -> None:
    for cell in ((0, 0), (39, 19), (17, 4)):
        assert VIEW.cell(*VIEW.place(*cell)) == cell


def test_places_outside_have_no_cell() -> None:
    assert [VIEW.cell(x, y) for x, y in ((2.1, 5), (0, -1), (np.nan, 5), (np.inf, 5))] == [None] * 4


def test_zoom_keeps_a_place_where_it_is_on_the_screen() -> None:
    near = VIEW.zoom(2.0, Point(1.0, 8.0))
    assert near.to_dots([(1.0, 8.0)]).tolist() == VIEW.to_dots([(1.0, 8.0)]).tolist()
    assert (near.width, near.height) == (2, 5)
    assert near.zoom(0.5, Point(1.0, 8.0)).window == pytest.approx(VIEW.window)


def test_zoom_ends_before_floats_cannot_tell_cells_apart() -> None:
    near = far = VIEW
    for _ in range(2000):
        near, far = near.zoom(2.0, Point(1.0, 8.0)), far.zoom(0.5)
    for view in (near, far):
        xs = [view.place(column, 0).x for column in range(view.columns)]
        assert np.isfinite(xs).all()
        assert np.all(np.diff(xs) > 0)


def test_pan_moves_by_fractions_of_the_window() -> None:
    assert VIEW.pan(0.5, -0.1).window == pytest.approx(Window(0, 4, -1, 9))


def test_centred() -> None:
    assert VIEW.centred(10, 20).place(19.5, 9.5) == pytest.approx((10, 20))


def test_fit_shows_all_places_with_a_margin() -> None:
    fitted = VIEW.fit([(0, 0), (4, 10), (np.nan, 1), (np.inf, np.inf)], margin=0.25)
    assert fitted.window == pytest.approx(Window(-1, 5, -2.5, 12.5))


def test_fit_of_one_place_centres_it_and_of_none_changes_nothing() -> None:
    assert VIEW.fit([(7, 7)]).window == pytest.approx(Window(5, 9, 2, 12))
    assert VIEW.fit([(np.nan, 1)]) == VIEW


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
