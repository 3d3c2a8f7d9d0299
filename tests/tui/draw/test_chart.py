"""Curves as text grids."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tui.draw.chart import ABOVE, BELOW, Chart, Series

RED, GREEN, BROWN = 0xFF0000, 0x00FF00, 0x332211


def series(y: object, color: int = RED, x: object = None) -> Series:
    values = np.asarray(y, dtype=float)
    return Series(np.arange(len(values), dtype=float) if x is None else np.asarray(x, dtype=float), values, color)


def lines_of(*curves: Series, **fields: object) -> list[str]:
    """A chart's plain characters."""
    return Chart(curves, **{"width": 60, "height": 12, **fields}).frame().lines()  # type: ignore[arg-type]


def dots_of(lines: list[str]) -> np.ndarray:
    """The columns and rows of all braille dots, counted in dots from the upper left: shape (n, 2)."""
    bits = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]  # as Unicode numbers them
    return np.array(
        [
            (2 * column + x, 4 * row + y)
            for row, line in enumerate(lines)
            for column, character in enumerate(line)
            if "\u2800" < character <= "\u28ff"
            for bit, (x, y) in enumerate(bits)
            if (ord(character) - 0x2800) >> bit & 1
        ]
    )


def test_a_straight_line() -> None:
    assert lines_of(series([0, 1, 2]), width=16, height=6) == [
        "2┤          ⢀⡠⠒⠉",
        " │       ⢀⠤⠊⠁   ",
        "1┤   ⢀⡠⠔⠊⠁      ",
        "0┤⣀⠤⠒⠁          ",
        " └┬──────┬─────┬",
        "  0      1     2",
    ]


def test_a_logarithmic_axis_makes_a_straight_line_of_an_exponential() -> None:
    x = np.arange(0, 5, 0.01)
    columns, rows = dots_of(lines_of(series(10**x, x=x), height=16, log_y=True)).T
    slope, middle = np.polyfit(columns, rows, 1)
    assert slope < -0.3
    assert np.abs(rows - (slope * columns + middle)).max() < 1.5


def test_a_logarithmic_x_axis_makes_a_straight_line_of_a_power() -> None:
    x = np.arange(1.0, 10_000)
    lines = lines_of(series(x**-0.5, x=x), height=16, log_x=True, log_y=True)
    columns, rows = dots_of(lines).T
    slope, middle = np.polyfit(columns, rows, 1)
    assert np.abs(rows - (slope * columns + middle)).max() < 2.5
    assert lines[-1].split() == ["1", "10", "100", "1.0", "k", "10", "k"]


def test_update_0_is_not_on_a_logarithmic_x_axis() -> None:
    assert lines_of(series([2, 1, 2]), log_x=True) == lines_of(series([1, 2], x=[1, 2]), log_x=True)


def test_values_below_the_axis_stand_at_the_bottom_edge() -> None:
    lines = lines_of(series([10, 1, 0, -5, 1]), width=30, height=10, log_y=True)
    assert [row for row, line in enumerate(lines) if BELOW in line] == [7]
    assert lines[7].count(BELOW) == 2


def test_a_tiny_value_flattens_the_rest_only_if_asked() -> None:
    curve = series([3.0, 2.0, 1.0, 1e-14])
    calm, asked = lines_of(curve, log_y=True, decades=6), lines_of(curve, log_y=True)
    assert calm[9].count(BELOW) == 1
    assert not any(BELOW in line for line in asked)
    assert np.ptp(dots_of([line[: 60 * 2 // 3] for line in calm])[:, 1]) >= 3
    assert np.ptp(dots_of([line[: 60 * 2 // 3] for line in asked])[:, 1]) <= 2


def test_a_run_that_diverges_leaves_the_others_room_and_ends_at_the_upper_edge() -> None:
    calm, wild = series([3.0, 2.0, 1.0, 0.5, 0.3]), series([3.0, 90.0, 1e4, 1e8], GREEN)
    frame = Chart((calm, wild), 60, 16, log_y=True, decades=6).frame()
    lines = frame.lines()
    assert lines[0].count(ABOVE) == 3
    assert not any(ABOVE in line for line in lines[1:])
    rows = np.nonzero((frame.fg == RED) & (frame.characters > 0x2800))[0]
    assert np.ptp(rows) >= 4
    assert not any(ABOVE in line for line in lines_of(calm, wild, log_y=True))


def test_gaps_are_not_bridged() -> None:
    for gap in (np.nan, np.inf, -np.inf):
        row = lines_of(series([1, 1, gap, gap, 1, 1]), width=40, height=6)
        assert np.diff(np.unique(dots_of(row)[:, 0])).max() > 30


def test_a_wall_of_values_becomes_a_calm_line_before_its_band() -> None:
    random = np.random.default_rng(0)
    x, noise = np.arange(5000.0), random.uniform(-1, 1, 5000)
    curve = replace(series(2 + noise), swath=(x, 2 + noise), swath_color=BROWN)
    frame = Chart((curve,), 60, 24).frame()
    columns, rows = dots_of(frame.lines()).T
    assert np.ptp(rows[(columns > columns.min() + 2) & (columns < columns.max() - 2)]) < 0.5 * 22 * 4
    banded = (frame.bg == BROWN).any(axis=1)
    assert banded.sum() > 0.9 * 22
    assert set(frame.fg[frame.bg == BROWN].tolist()) <= {RED, BROWN, 0x0C0E14}


def test_a_spike_of_one_update_in_a_million_is_seen_in_the_band() -> None:
    y = np.ones(1_000_000)
    y[777_777] = 100
    frame = Chart((replace(series(y), swath=(np.arange(1e6), y), swath_color=BROWN),), 60, 12).frame()
    (column,) = np.flatnonzero((frame.bg == BROWN)[1:3].any(axis=0)).tolist()
    assert column == pytest.approx(4 + 0.777_777 * 56, abs=1.5)
    assert np.ptp(dots_of(frame.lines())[:, 1]) == 0


def test_rare_values_take_no_room_from_the_others() -> None:
    """Loss curves of a descent that for three in a hundred of its updates is a thousand times as low as else."""
    y = np.linspace(8.0, 2.0, 3000)
    rare = y / np.where(np.arange(3000) % 33 == 16, 1000.0, 1.0)
    assert lines_of(series(rare), log_y=True, decades=6)[:8] == lines_of(series(y), log_y=True, decades=6)[:8]


def test_a_band_goes_down_to_the_edge_where_values_have_no_logarithm() -> None:
    swath = np.array([0.0, 0, 1, 1]), np.array([-1.0, 5, -1, 5])
    frame = Chart((replace(series([10, 8, 1]), swath=swath, swath_color=BROWN),), 60, 20, log_y=True).frame()
    banded = (frame.bg == BROWN)[:18].any(axis=1).tolist()
    assert not banded[0]
    assert banded == sorted(banded)
    assert banded[-1]


def test_a_band_widens_no_axis() -> None:
    curve = series([1, 2, 3])
    wide = replace(curve, swath=(np.arange(3.0), np.array([-1e9, 0, 1e9])), swath_color=BROWN)
    assert lines_of(wide)[-1] == lines_of(curve)[-1]
    assert [line[:4] for line in lines_of(wide)] == [line[:4] for line in lines_of(curve)]


def test_a_band_of_few_values_has_no_gaps_and_ends_where_they_end() -> None:
    y = np.where(np.arange(25) % 2, 1.0, 3.0)
    curve = replace(series(np.full(25, 2.0)), swath=(np.arange(25.0), y), swath_color=BROWN)
    chart = Chart((replace(curve, y=np.linspace(0.5, 4, 25)),), 60, 12, x_end=40)
    (columns,) = np.nonzero((chart.frame().bg == BROWN)[3:5].all(axis=0))
    line = dots_of(chart.frame().lines())[:, 0] // 2
    assert np.diff(columns).max() == 1
    assert columns[0] - line.min() <= 1
    assert columns[-1] == line.max()


def test_the_nearest_line_is_the_one_above_or_below_or_else_beside() -> None:
    upper, lower, short = series(np.full(41, 3.0)), series(np.full(41, 1.0)), series(np.full(11, 2.0))
    chart = Chart((upper, lower, short), 60, 12)
    left = chart.frame().lines()[-2].index("└") + 1
    at = {x: left + round(x / 40 * (60 - left)) for x in (5, 25)}
    assert [chart.nearest(at[5], row)[0] for row in (0, 5, 9)] == [0, 2, 1]
    assert [chart.nearest(at[25], row)[0] for row in (0, 3, 6, 9)] == [0, 0, 1, 1]
    for x, column in at.items():
        assert chart.nearest(column, 0)[1] == pytest.approx(x, abs=1)
    alone = Chart((series(np.full(6, 2.0)),), 60, 12, x_end=40)
    assert alone.nearest(at[25], 3)[0] == 0
    assert [chart.nearest(*cell) for cell in ((left - 1, 3), (30, 10), (60, 3), (30, -1))] == [None] * 4
    assert Chart((), 60, 12).nearest(30, 3) is None
    assert Chart((series([]), series([np.nan])), 60, 12).nearest(30, 3) is None
    assert Chart((upper,), 11, 3).nearest(5, 1) is None


def test_the_cursor_is_drawn_in_its_column_behind_the_line() -> None:
    without = lines_of(series(np.zeros(101)))
    lines = lines_of(series(np.zeros(101)), cursor=40.0)
    changed = {column for a, b in zip(lines, without, strict=True) for column in range(60) if a[column] != b[column]}
    (column,) = changed
    assert "40" in lines[-1][column - 2 : column + 3]
    assert dots_of(without).tolist() == [dot for dot in dots_of(lines).tolist() if dot in dots_of(without).tolist()]
    assert lines_of(series(np.zeros(101)), cursor=121.0) == without


def test_a_note_marks_its_line_and_says_what_happened_above_it() -> None:
    falling = replace(
        series(np.linspace(100, 0, 101)), notes=((25.0, "batch 32 → 8"), (99.0, "too long for its place"))
    )
    lines = lines_of(falling)
    (row,) = [index for index, line in enumerate(lines) if "◇" in line and "batch" in lines[index - 1]]
    column = lines[row].index("◇")
    assert lines[row - 1].index("batch 32 → 8") == column
    plain = lines_of(series(np.linspace(100, 0, 101)))
    assert "\u2800" < plain[row][column] <= "\u28ff", "the line passes there"
    assert "\n".join(lines).count("◇") == 2
    assert "too long" not in "\n".join(lines)


def test_the_words_of_a_note_are_whole_or_not_there_where_a_tag_stands() -> None:
    noted = replace(series(np.linspace(100, 50, 101)), notes=((92.0, "batch 32 → 8"),))
    seen = set[bool]()
    for newest in np.linspace(0, 100, 41):
        tagged = replace(series(np.full(101, newest), GREEN), mark="●", reached=98.0)
        shown = "\n".join(lines_of(noted, tagged, x_end=150.0))
        assert "●" in shown
        assert not {"batch", "32", "→"} & set(shown.replace("batch 32 → 8", "").split())
        seen.add("batch 32 → 8" in shown)
    assert seen == {True, False}


def test_lines_keep_their_colours_where_they_cross_and_where_they_coincide() -> None:
    falling, rising = series(np.arange(100)[::-1]), series(np.arange(100), GREEN)
    frame = Chart((falling, rising, series(np.full(100, 50.0), 0x0000FF)), 60, 20).frame()
    for curve in (falling, rising):
        alone = Chart((replace(curve, color=RED),), 60, 20).frame()
        own = (frame.fg == curve.color) & (frame.characters > 0x2800)
        assert np.array_equal(frame.characters[own], alone.characters[own])
        assert own.sum() > 0.8 * (alone.fg == RED).sum()
    same = Chart((falling, replace(falling, color=GREEN)), 60, 20).frame()
    reds, greens = (same.fg == RED).sum(), (same.fg == GREEN).sum()
    assert min(reds, greens) > 0.6 * max(reds, greens)


def test_axes_are_drawn_in_the_ink_on_the_background() -> None:
    frame = Chart((series([0, 1]),), 30, 8, ink=0x123456, background=0x010203).frame()
    corner = [line.find("└") for line in frame.lines()]
    (row,) = [row for row, column in enumerate(corner) if column >= 0]
    assert frame.fg[row, corner[row]] == 0x123456
    assert set(frame.bg.ravel().tolist()) == {0x010203}


def test_tags_stand_where_the_lines_have_got_to_and_never_on_one_another() -> None:
    values = [5.0, 5.0, 4.9, 1.0]
    curves = [replace(series([3.0, value]), mark=mark, reached=1.0) for mark, value in zip("abcd", values, strict=True)]
    lines = lines_of(*curves)
    tags = [f"{mark} {value:.2f}" for mark, value in zip("abcd", values, strict=True)]
    rows = [next(row for row, line in enumerate(lines) if tag in line) for tag in tags]
    assert rows[0] < rows[1] < rows[2] <= 3 < 7 < rows[3]
    early = lines_of(replace(series(np.arange(11.0)), mark="a", reached=2.0))
    (row,) = [row for row, line in enumerate(early) if "a 2.00" in line]
    assert row == 8
    assert early[row].index("a") == pytest.approx(3 + 2 / 12 * 57, abs=2)


def test_a_tag_shows_the_last_known_value() -> None:
    assert series([1, 2, 3]).tag == ""
    assert replace(series([1, 2.5, 3, np.nan, np.inf]), mark="●").tag == "● 3.00 "
    assert replace(series([1, 2.5, 3, np.nan, 4]), mark="●", reached=1.5).tag == "● 2.50 "
    assert replace(series([np.nan]), mark="●").tag == ""
    assert replace(series([1, 2.5, 3, np.nan]), mark="●", value=7.0).tag == "● 7.00 "


def test_a_tag_stands_where_its_run_is_however_long_ago_its_value_was_found() -> None:
    lines = lines_of(replace(series([3.0, 1.0], x=[0, 10]), mark="a", reached=30.0, value=1.0), x_end=40.0)
    (row,) = [line for line in lines if "a 1.00" in line]
    assert row.index("a") == pytest.approx(2 + 30 / 50 * 58, abs=3)
    assert dots_of(lines)[:, 0].max() / 2 < row.index("a")


def test_the_axis_leaves_room_for_the_tags() -> None:
    for last in range(10, 200, 7):
        lines = lines_of(replace(series(np.zeros(last + 1)), mark="●", reached=last))
        row = next(line for line in lines if "●" in line)
        assert row.index("●") * 2 + 1 >= dots_of(lines)[:, 0].max()


def test_the_picture_seldom_changes_as_the_line_grows() -> None:
    y = np.exp(-np.arange(400) / 50)
    frames = [Chart((series(y[:count]),), 60, 20, log_y=True, decades=6).frame() for count in range(200, 400)]
    changed = [sum(end - begin for _, begin, end in b.changes(a)) for a, b in pairwise(frames)]
    assert np.median(changed) <= 6


def test_there_is_always_a_picture_of_the_size_asked_for() -> None:
    for width in (0, 1, 11, 12, 13, 40):
        for height in (0, 1, 3, 4, 5, 12):
            curve = replace(series([1, 2, 3]), mark="a long mark", reached=2.0, swath=(np.arange(3.0), np.ones(3)))
            frame = Chart((curve,), width, height, cursor=1.0).frame()
            assert [len(line) for line in frame.lines()] == [width] * height
