"""Curves as text grids, and inputs that must not bring the process down."""

import subprocess
import sys

import numpy as np
import pytest

from tui.draw.chart import NON_POSITIVE, Chart, Series, decimate

RED, GREEN = 0xFF0000, 0x00FF00


def series(y: object, color: int = RED, x: object = None) -> Series:
    values = np.asarray(y, dtype=float)
    return Series(np.arange(len(values), dtype=float) if x is None else np.asarray(x, dtype=float), values, color)


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
    lines = Chart((series([0, 1, 2]),), 16, 6).lines()
    assert lines == [
        "2┤           ⢀⡠⠄",
        " │       ⢀⡠⠔⠊⠁  ",
        "1┤   ⣀⠤⠒⠉⠁      ",
        "0┤⠐⠒⠉           ",
        " └┬──────┬─────┬",
        "  0      1     2",
    ]


def test_a_logarithmic_axis_makes_a_straight_line_of_an_exponential() -> None:
    x = np.arange(0, 5, 0.01)
    columns, rows = dots_of(Chart((series(10**x, x=x),), 60, 16, log_y=True).lines()).T
    slope, middle = np.polyfit(columns, rows, 1)
    assert slope < -0.3
    assert np.abs(rows - (slope * columns + middle)).max() < 1.5


def test_values_without_a_logarithm_stand_at_the_bottom_edge() -> None:
    lines = Chart((series([10, 1, 0, -5, 1]),), 30, 10, log_y=True).lines()
    assert [row for row, line in enumerate(lines) if NON_POSITIVE in line] == [7]
    assert lines[7].count(NON_POSITIVE) == 2


def test_gaps_are_not_bridged() -> None:
    for gap in (np.nan, np.inf, -np.inf):
        row = Chart((series([1, 1, gap, gap, 1, 1]),), 40, 6, x_limits=(0, 5)).lines()
        assert np.diff(np.unique(dots_of(row)[:, 0])).max() > 30


def test_a_spike_of_one_update_in_a_million_is_seen() -> None:
    y = np.ones(1_000_000)
    y[777_777] = 100
    lines = Chart((series(y),), 60, 12).lines()
    columns, rows = dots_of(lines).T
    assert rows[rows < 32].min() < 4
    assert np.ptp(columns[rows < 32]) <= 2
    assert columns[rows < 32].mean() == pytest.approx(8 + 0.777_777 * 112, abs=3)


def test_the_cursor_is_drawn_in_its_column() -> None:
    chart = Chart((series(np.zeros(101)),), 60, 10, cursor=40.0)
    without = Chart((series(np.zeros(101)),), 60, 10)
    new = [
        {column for column in range(60) if here[column] != there[column]}
        for here, there in zip(chart.lines(), without.lines(), strict=True)
    ]
    (column,) = set().union(*new[:8])
    assert "40" in chart.lines()[-1][column - 2 : column + 3]
    assert Chart((series(np.zeros(101)),), 60, 10, cursor=101.0).lines() == without.lines()


def test_strips_are_the_lines_in_the_colours_of_their_series() -> None:
    chart = Chart((series([0, 0]), series([1, 1], GREEN)), 30, 8, ink=0x123456)
    strips = chart.strips()
    assert [strip.text for strip in strips] == chart.lines()
    colors = {}
    for strip in strips:
        for text, style, _ in strip:
            for character in text.replace(" ", ""):
                colors.setdefault(character, set()).add(style.color.get_truecolor().hex if style else None)
            assert style is None or style.bgcolor is None
    assert colors["⠤"] == {"#00ff00"}
    assert colors["⠒"] == {"#ff0000"}
    assert colors["└"] == {"#123456"}


def test_dots_are_not_joined() -> None:
    points = Series(np.array([0.0, 10.0]), np.array([0.0, 10.0]), RED, "dots")
    assert len(dots_of(Chart((points,), 40, 10).lines())) == 2


def test_limits_and_label_of_the_x_axis() -> None:
    lines = Chart((series(np.arange(50)),), 60, 10, x_limits=(0, 200), x_label="updates").lines()
    assert "updates" in lines[-1]
    assert lines[-2].split() == ["0", "50", "100", "150", "200"]
    assert dots_of(lines)[:, 0].max() < 2 * 20


def test_there_is_always_a_picture_of_the_size_asked_for() -> None:
    for width in (0, 1, 11, 12, 13, 40):
        for height in (0, 1, 3, 4, 5, 12):
            chart = Chart((series([1, 2, 3]),), width, height, x_label="updates", cursor=1.0)
            assert [len(line) for line in chart.lines()] == [width] * height
            assert [strip.cell_length for strip in chart.strips()] == [width] * height


def test_no_input_brings_the_process_down() -> None:
    script = """
import itertools
import numpy as np
from tui.draw.chart import Chart, Series
huge, tiny = np.finfo(float).max, 5e-324
cases = [
    [], [1], [np.nan], [np.inf, -np.inf], [0, 0, 0], [-1, -2, 0], [3, 3, 3], [huge, -huge, 1], [tiny, huge],
    [np.nan, 1, np.nan, 2, np.nan], [1e16, 1e16 + 2], [-huge] * 3, [1, np.inf, 0, np.nan, -1, 5] * 100,
]
for ys, log, width in itertools.product(cases, (False, True), (12, 60)):
    y = np.array(ys, dtype=float)
    for x in (np.arange(len(y)) * 1.0, np.zeros(len(y)), np.arange(len(y)) * 1e300, np.full(len(y), np.nan)):
        both = (Series(x, y, 0xFF0000), Series(x, y, 0x00FF00, "dots"))
        for limits in (None, (0.0, 0.0), (0.0, huge)):
            chart = Chart(both, width, 9, log_y=log, x_limits=limits, cursor=float("nan"))
            assert len(chart.strips()) == 9
print("alive")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("alive\n", 0), done.stderr


def test_decimation_keeps_the_least_and_the_greatest_of_each_part() -> None:
    random = np.random.default_rng(0)
    x, y = np.sort(random.uniform(0, 100, 5000)), random.normal(size=5000)
    few_x, few_y = decimate(x, y, 40)
    part = np.minimum((x - x[0]) / (x[-1] - x[0]) * 40, 39).astype(int)
    expected = sorted({index for p in range(40) for index in _extremes(part, y, p)})
    assert few_x.tolist() == x[expected].tolist()
    assert few_y.tolist() == y[expected].tolist()


def _extremes(part: np.ndarray, y: np.ndarray, number: int) -> list[int]:
    inside = np.flatnonzero(part == number)
    return [inside[y[inside].argmin()], inside[y[inside].argmax()]]


def test_decimation_keeps_gaps() -> None:
    x, y = np.arange(1000.0), np.ones(1000)
    y[300:600] = np.nan
    y[720] = np.inf  # too short to be seen
    few_x, few_y = decimate(x, y, 20)
    breaks = few_x[np.isnan(few_y)]
    assert len(breaks)
    assert np.all((breaks >= 300) & (breaks < 600))
    assert few_x[np.isfinite(few_y)].min() < 50
    assert not np.any((few_x[np.isfinite(few_y)] >= 300) & (few_x[np.isfinite(few_y)] < 600))


@pytest.mark.filterwarnings("error")
def test_decimation_leaves_few_points_as_they_are() -> None:
    x, y = decimate(np.arange(3.0), np.array([1.0, np.inf, 2.0]), 80)
    assert x.tolist() == [0, 1, 2]
    assert y[[0, 2]].tolist() == [1, 2]
    assert np.isnan(y[1])
    assert len(decimate(np.empty(0), np.empty(0), 80)[0]) == 0
