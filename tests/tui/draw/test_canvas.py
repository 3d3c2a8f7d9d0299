"""Pictures as text grids, and what must not break them."""

from itertools import groupby

import numpy as np
import pytest

from tui.draw.canvas import GROUND, TRAIL, Canvas

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
        drawn = set(zip(xs.tolist(), ys.tolist(), strict=True))
        assert {(8, 8), end} <= drawn
        assert len(drawn) == max(abs(end[0] - 8), abs(end[1] - 8)) + 1  # one dot a step along the longer axis
        assert all(any(0 < max(abs(x - a), abs(y - b)) < 2 for a, b in drawn) for x, y in drawn)


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


def test_a_shared_cell_shows_the_dots_of_one_line_in_its_own_colour() -> None:
    canvas = Canvas(3, 1)
    canvas.polyline([(0, 0), (3, 0)], RED)
    canvas.polyline([(2, 3), (5, 3)], GREEN)
    frame = canvas.frame()
    assert frame.lines()[0] in ("⠉⠉⣀", "⠉⣀⣀")
    assert frame.fg[0, 0] == RED
    assert frame.fg[0, 2] == GREEN
    assert frame.fg[0, 1] == (RED if frame.lines()[0][1] == "⠉" else GREEN)


def own_dots(line: list[tuple[float, float]], columns: int, rows: int) -> np.ndarray:
    """What a canvas shows of one line alone, as a grid of characters."""
    canvas = Canvas(columns, rows)
    canvas.polyline(line, RED)
    return canvas.frame().characters


def test_no_dot_ever_has_the_colour_of_another_line() -> None:
    random = np.random.default_rng(1)
    lines = random.uniform(0, 80, (9, 30, 2))
    canvas = Canvas(40, 20)
    for number, line in enumerate(lines):
        canvas.polyline(line, 1 + number)
    frame = canvas.frame()
    for number, line in enumerate(lines):
        its = frame.fg == 1 + number
        assert its.any()
        assert np.array_equal(frame.characters[its], own_dots(line.tolist(), 40, 20)[its])


@pytest.mark.parametrize("end", [(79, 2), (2, 79), (79, 79), (79, 40), (40, 79)])
@pytest.mark.parametrize("lines", [2, 3, 9])
def test_lines_that_coincide_have_the_cells_by_turns(end: tuple[int, int], lines: int) -> None:
    canvas = Canvas(40, 20)
    for number in range(lines):
        canvas.polyline([(2, 2), end], 1 + number)
    frame = canvas.frame()
    owners = frame.fg[frame.characters > 0x2800]
    counts = np.bincount(owners, minlength=lines + 1)[1:]
    assert np.count_nonzero(counts) >= min(lines, 8)  # of nine, one may be missing over a short way
    assert lines == 9 or counts.min() >= 0.6 * len(owners) / lines
    assert max(len(list(same)) for _, same in groupby(owners.tolist())) <= 4


def test_a_thin_line_stays_whole_in_a_thicket() -> None:
    random = np.random.default_rng(0)
    canvas = Canvas(40, 20)
    canvas.polyline(random.uniform(0, 80, (200, 2)), RED)
    canvas.polyline([(0, 41), (79, 41)], GREEN)
    row = canvas.frame().fg[10]
    assert (row == GREEN).sum() >= 36


def test_segments_have_the_shade_of_the_point_they_lead_to() -> None:
    canvas = Canvas(4, 1)
    canvas.trail([(0, 0), (3, 0), (7, 0)], np.array([BLUE, RED, GREEN]), RED)
    assert canvas.frame().fg.tolist() == [[RED, GREEN, GREEN, GREEN]]


def test_old_parts_of_a_trail_thin_to_a_haze_where_they_crowd_and_nowhere_else() -> None:
    random = np.random.default_rng(0)
    crowd, shades = random.uniform(0, 40, (2000, 2)), np.full(2000, RED)
    fresh, old = Canvas(20, 10), Canvas(20, 10)
    fresh.trail(crowd, shades, RED)
    old.trail(crowd, shades, RED, old=2000)
    assert dots(fresh).mean() > 0.95
    assert 0.4 < dots(old).mean() <= 0.5
    thin = Canvas(20, 10)
    thin.trail([(0, 5), (39, 30)], np.full(2, RED), RED, old=2)
    assert np.array_equal(thin.frame().characters, own_dots([(0, 5), (39, 30)], 20, 10))


def test_what_a_haze_shows_stays_as_it_grows() -> None:
    random = np.random.default_rng(0)
    crowd, shades = random.uniform(0, 40, (4000, 2)), np.full(4000, RED)
    pictures = []
    for count in (2000, 3000, 4000):
        canvas = Canvas(20, 10)
        canvas.trail(crowd[:count], shades[:count], RED, old=count)
        pictures.append(dots(canvas))
    assert (pictures[0] != pictures[2]).mean() < 0.01


def test_old_dots_give_way_to_fresh_ones_of_the_same_trail() -> None:
    canvas = Canvas(3, 1)
    canvas.trail([(0, 0), (5, 0), (5, 3), (3, 3)], np.array([BLUE, BLUE, RED, RED]), RED, old=2)
    frame = canvas.frame()
    assert frame.lines() == ["⠉⢀⣸"]
    assert frame.fg.tolist() == [[BLUE, RED, RED]]


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
    canvas = Canvas(4, 1)
    canvas.background(np.array([[BLUE, BLUE, RED, RED], [BLUE, RED, BLUE, BLUE]]))
    canvas.points([(4, 0), (6, 3)], GREEN)
    frame = canvas.frame()
    assert frame.lines() == [" ▀⠁⡀"]
    assert frame.fg[0, 1:].tolist() == [BLUE, GREEN, GREEN]
    assert frame.bg.tolist() == [[BLUE, RED, RED, BLUE]]  # that of the half in which the dots are


def test_a_background_of_whole_cells() -> None:
    canvas = Canvas(2, 2)
    canvas.background(np.array([[BLUE, RED], [RED, BLUE]]))
    assert canvas.frame().bg.tolist() == [[BLUE, RED], [RED, BLUE]]
    assert canvas.frame().lines() == ["  ", "  "]


def test_a_picture_of_text_covers_nothing_with_its_spaces() -> None:
    canvas = Canvas(4, 1)
    canvas.polyline([(0, 0), (7, 0)], RED)
    canvas.picture(["a  b"], GREEN)
    assert canvas.frame().lines() == ["a⠉⠉b"]
    assert canvas.frame().fg.tolist() == [[GREEN, RED, RED, GREEN]]


def test_patterns_are_dots_like_any_others() -> None:
    drawn, stamped = Canvas(4, 2), Canvas(4, 2)
    drawn.polyline([(0, 0), (7, 7)], RED)
    characters = drawn.frame().characters
    stamped.patterns(np.where(characters > 0x2800, characters - 0x2800, 0).astype(np.uint8), RED)
    assert stamped.frame().changes(drawn.frame()) == []


def test_text_covers_dots() -> None:
    canvas = Canvas(4, 1)
    canvas.polyline([(0, 0), (7, 0)], RED)
    canvas.text(1, 0, "●x", GREEN, BLUE, bold=True)
    frame = canvas.frame()
    assert frame.lines() == ["⠉●x⠉"]
    assert frame.bg.tolist() == [[0, BLUE, BLUE, 0]]


def test_an_arrow_has_its_head_at_the_end() -> None:
    canvas = Canvas(8, 4)
    canvas.arrow((1, 8), (14, 8), RED)
    picture = dots(canvas)
    assert picture[8, 1:15].all()
    assert picture[:, :8].sum() == 7  # the shaft alone
    assert picture[6, 9:14].any()
    assert np.array_equal(picture[5:8], picture[11:8:-1])
