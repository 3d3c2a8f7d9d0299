"""Courses of values in one row of cells."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.draw.sparkline import BLOCKS, calm_range, calm_step, sparkline


@given(st.floats(0, 1e12), st.integers(1, 100))
def test_the_axis_fits_its_cells_and_fills_half_of_them(end: float, cells: int) -> None:
    step = calm_step(end, cells)
    assert int(end / step) < cells
    assert step <= 1e-6 or end / step >= (cells - 1) / 2
    assert np.log2(step).is_integer()


def test_one_more_value_leaves_the_others_as_they_are() -> None:
    x = np.arange(65.0)
    y = 2.0 ** -(x / 10)
    extent = calm_range(y, 6.0)
    drawn = [sparkline(x[:n], y[:n], x[n - 1], calm_step(x[n - 1], 64), extent) for n in range(33, 66)]
    assert [len(course) for course in drawn] == [*range(33, 65), 33], "at last there is twice as much in each cell"
    assert all(later.startswith(earlier) for earlier, later in pairwise(drawn[:-1]))


def test_heights_are_even_in_the_logarithm_and_a_step_without_values_goes_on() -> None:
    values = 2.0 ** np.arange(7)
    extent = calm_range(values, 6.0)
    assert extent == (0.0, 6.0)
    assert sparkline(np.arange(7.0), values, 6.0, 1.0, extent) == BLOCKS
    assert sparkline(np.array([0.0, 3.0]), np.array([64.0, 1.0]), 4.0, 1.0, extent) == "▇▇▇▁▁"


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_no_number_is_as_high_as_can_be(value: float) -> None:
    values = np.array([1.0, value])
    assert sparkline(np.arange(2.0), values, 1.0, 1.0, calm_range(values, 6.0)) == "▁▇"


def test_zero_does_not_flatten_the_rest() -> None:
    values = np.array([1.0, 1e-3, 0.0, 1e-30])
    low, high = calm_range(values, 6.0)
    assert (low, high) == (-20.0, 0.0)
    assert sparkline(np.arange(4.0), values, 3.0, 1.0, (low, high)) == "▇▄▁▁"
