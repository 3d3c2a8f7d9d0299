"""Axes of charts: where values stand, and ends at round numbers."""

import math

import numpy as np
import pytest

from tui.draw.scale import Scale, round_down, round_up, scale_across, scale_up


@pytest.mark.parametrize("value", [1e-300, 3.7e-9, 0.1, 0.99999, 1, 1.001, 1234, 2.51e12, 1e300])
def test_rounding_up_and_down_gives_numbers_of_few_digits(value: float) -> None:
    up, down = round_up(value), round_down(value)
    assert down <= value * (1 + 1e-8)
    assert value * (1 - 1e-8) <= up <= value * 1.34
    assert value / down < 2.51
    assert float(f"{up:.1e}") == pytest.approx(up)
    assert float(f"{down:.0e}") == pytest.approx(down)


def test_shares_of_a_linear_and_of_a_logarithmic_axis() -> None:
    assert Scale(-1, 3, False).shares([-1, 1, 3, 7]).tolist() == [0, 0.5, 1, 2]
    assert Scale(0.01, 100, True).shares([0.01, 1, 100, 1e4]) == pytest.approx([0, 0.5, 1, 1.5])
    assert np.isnan(Scale(0.01, 100, True).shares([0, -1, np.nan, np.inf, -np.inf])).all()
    assert np.isnan(Scale(0, 1, False).shares([np.nan, np.inf, -np.inf])).all()


def test_a_share_of_an_axis_leads_back_to_its_value() -> None:
    for scale, values in ((Scale(-1, 3, False), [-1, 0.5, 3, 7]), (Scale(0.01, 100, True), [0.01, 3, 100, 1e4])):
        assert [scale.value(share) for share in scale.shares(values)] == pytest.approx(values)


def test_an_x_axis_begins_at_zero_and_leaves_room_at_its_end() -> None:
    assert scale_across(1, 100, False, 0.0) == (0, 100, False)
    for last in (1, 7, 104, 53_040, 2.3e-4):
        low, high, _ = scale_across(last / 9, last, False, 0.2)
        assert low == 0
        assert last / 0.8 <= high * (1 + 1e-9) <= 1.34 * last / 0.8
        scale = scale_across(last / 9, last, True, 0.2)
        assert scale.low == last / 9
        assert float(scale.shares(last)) <= 0.8 + 1e-9


def test_an_x_axis_seldom_changes() -> None:
    assert len({scale_across(1, last, False, 0.2) for last in range(100, 1000)}) < 12


def test_a_y_axis_holds_all_values_between_round_numbers() -> None:
    values = np.array([0.66, 2.656, np.inf, np.nan, 4.1])
    assert scale_up(values, True, 2.656, 6) == (0.5, 5, True)
    assert scale_up(values, False, 2.656, 6) == (0.5, 4.5, False)
    assert scale_up(np.empty(0), True, math.inf, 6) == (0.1, 1, True)
    assert scale_up(np.empty(0), False, math.inf, 6) == (0, 1, False)


def test_a_logarithmic_axis_ends_some_decades_below_the_start() -> None:
    values = np.array([3.0, 1e-3, 1e-14, -1e-14, 0.0])
    assert scale_up(values, True, 3.0, 6).low == pytest.approx(2e-6)
    assert scale_up(values, True, 3.0, math.inf).low == pytest.approx(1e-14)
    assert scale_up(values, False, 3.0, 6).low == 0


def test_a_logarithmic_axis_ends_a_decade_above_the_start() -> None:
    values = np.array([3.0, 1.0, 2e9])
    assert scale_up(values, True, 3.0, 6) == (1.0, pytest.approx(50), True)
    assert scale_up(values, True, 3.0, math.inf).high == pytest.approx(2e9)
    assert scale_up(values[2:], True, 3.0, 6).high >= 2e9


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3.0], [5e-324], [1e308, -1e308], [1e16, 1e16 + 2]])
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_always_has_an_extent(values: list[float], log: bool) -> None:
    low, high, _ = scale_up(np.array(values), log, values[0], 6)
    assert low < high
    assert math.isfinite(high - low)
    low, high, _ = scale_across(values[0], values[-1], log, 0.3)
    assert low < high
    assert math.isfinite(high - low)
