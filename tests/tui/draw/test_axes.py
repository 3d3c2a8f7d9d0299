"""Ticks at round numbers."""

import itertools
import math

import pytest

from tui.draw.axes import bottom_labels, left_labels, log_ticks, nice_ticks, tick_labels

RANGES = [
    (low * scale, high * scale)
    for (low, high), scale in itertools.product(
        [(0, 1), (-3.2, 5.4), (0.66, 4.49), (99.5, 100.5), (-7, -2)], [1e-300, 1e-6, 1, 1234, 1e300]
    )
]


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("most", [2, 5, 9])
def test_linear_ticks_are_round_evenly_spaced_and_few(low: float, high: float, most: int) -> None:
    ticks = nice_ticks(low, high, most)
    assert most / 3 < len(ticks) + 1 <= most + 1
    assert low - 1e-6 * (high - low) <= ticks[0]
    assert ticks[-1] <= high + 1e-6 * (high - low)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        mantissa = float(f"{step:.6e}".split("e")[0])
        assert mantissa in (1, 2, 5)
        assert ticks == pytest.approx([round(tick / step) * step for tick in ticks], rel=1e-9, abs=1e-9 * step)


def test_linear_ticks_of_known_ranges() -> None:
    assert nice_ticks(0, 120, 7) == [0, 20, 40, 60, 80, 100, 120]
    assert nice_ticks(-2, 2, 5) == [-2, -1, 0, 1, 2]


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, math.inf), (math.nan, 1), (-1e308, 1e308 * 1.5)])
def test_a_range_that_is_none_has_no_ticks(ends: tuple[float, float]) -> None:
    assert nice_ticks(*ends, 5) == []
    assert log_ticks(*ends, 5) == []


def test_log_ticks_are_decades_or_1_2_5_or_linear() -> None:
    assert log_ticks(0.5, 2e4, 6) == pytest.approx([1, 10, 100, 1e3, 1e4])
    assert log_ticks(1e-30, 1e10, 6) == pytest.approx([1e-28, 1e-21, 1e-14, 1e-7, 1, 1e7])
    assert log_ticks(0.1, 1, 6) == pytest.approx([0.1, 0.2, 0.5, 1])
    assert log_ticks(0.35, 8, 3) == pytest.approx([0.5, 2])
    assert log_ticks(0.9, 1.1, 6) == pytest.approx([0.9, 0.95, 1, 1.05, 1.1])


@pytest.mark.parametrize("low", [1e-300, 0.0123, 0.66, 777])
@pytest.mark.parametrize("ratio", [1.02, 2, 7, 30, 500, 1e6])
@pytest.mark.parametrize("most", [2, 4, 7])
def test_log_ticks_are_in_range_and_few(low: float, ratio: float, most: int) -> None:
    ticks = log_ticks(low, low * ratio, most)
    assert 1 <= len(ticks) <= most
    assert all(low * (1 - 1e-6) <= tick <= low * ratio * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_labels_distinguish_ticks(low: float, high: float) -> None:
    labels = tick_labels(nice_ticks(low, high, 6))
    assert len(set(labels)) == len(labels)


def test_labels_of_known_ticks() -> None:
    assert tick_labels([0, 0.2, 0.4]) == ["0", "0.2", "0.4"]
    assert tick_labels([0, 20_000, 40_000]) == ["0", "20 k", "40 k"]
    assert tick_labels([0.5, 2]) == ["0.5", "2.0"]
    assert tick_labels([0.01, 0.1, 1, 10]) == ["0.01", "0.1", "1", "10"]
    assert tick_labels([1e-5, 1e-3, 0.1]) == ["1e-5", "0.001", "0.1"]
    assert tick_labels([1e-9, 1.5e-9]) == ["1.0e-9", "1.5e-9"]
    assert tick_labels([0]) == ["0"]
    assert tick_labels([]) == []


def test_labels_stand_at_their_ticks() -> None:
    assert left_labels(0, 4, 8) == ["4", " ", " ", " ", "2", " ", " ", "0"]
    assert bottom_labels(-2, 2, 41) == "-2       -1         0         1         2"


def test_labels_too_wide_for_the_margin_are_written_shorter_or_left_out_but_never_cut() -> None:
    assert [label.strip() for label in left_labels(-0.0065, 0.0105, 16, 5) if label.strip()] == [
        "1e-2",
        "5e-3",
        "0",
        "-5e-3",
    ]
    assert not "".join(left_labels(1.000001, 1.000002, 16, 5)).strip()
    for low, high in RANGES:
        ticks = nice_ticks(low, high, 4)
        for label in filter(None, map(str.strip, left_labels(low, high, 16, 5))):
            assert len(label) <= 5
            if "k" not in label and "M" not in label:
                assert any(math.isclose(float(label), tick, abs_tol=1e-9 * (high - low)) for tick in ticks)


def test_labels_below_never_touch_or_overflow() -> None:
    for columns in range(1, 60):
        line = bottom_labels(800, 1200, columns)
        assert len(line) == columns
        assert all(label.isdigit() and 800 <= int(label) <= 1200 for label in line.split())


def test_a_range_that_is_none_has_blank_labels() -> None:
    assert left_labels(1, 1, 3) == ["", "", ""]
    assert bottom_labels(math.nan, 1, 3) == "   "
