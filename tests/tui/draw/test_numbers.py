"""Numbers as people write them."""

import math

import pytest

from tui.draw.numbers import count, decimal, duration, exponential, quantity, short


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.66314, "0.6631"),
        (0.6, "0.6000"),
        (12.3456, "12.35"),
        (-1234.6, "-1,235"),
        (0.99996, "1.000"),
        (9.99996, "10.00"),
        (0.0001234, "0.0001234"),
        (0.000032, "3.20e-5"),
        (1.5e9, "1.50e9"),
        (-1.797e308, "-1.80e308"),
        (5e-324, "4.94e-324"),
        (0, "0"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_decimal(number: float, text: str) -> None:
    assert decimal(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2345, "2.3 k"),
        (46_000, "46 k"),
        (234_500, "234 k"),
        (9_960, "10 k"),
        (999.7, "1.0 k"),
        (999_700, "1.0 M"),
        (1e6, "1.0 M"),
        (442, "442"),
        (12.5, "12.5"),
        (0.5, "0.5"),
        (0.00012, "1.2e-4"),
        (-2345, "-2.3 k"),
        (3.21e20, "3.2e20"),
        (0, "0"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_quantity(number: float, text: str) -> None:
    assert quantity(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (53_040, "53,040"),
        (999_999, "999,999"),
        (1.23e6, "1.23 M"),
        (999_999.7, "1.00 M"),
        (4.5e9, "4.50 G"),
        (0.66314, "0.6631"),
        (-7, "-7"),
        (math.nan, "–"),
        (-math.inf, "-∞"),
    ],
)
def test_short(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.00035, "350 µs"),
        (0.0125, "12.5 ms"),
        (0.99996, "1 s"),
        (1.234, "1.23 s"),
        (59.97, "1 min 0 s"),
        (125, "2 min 5 s"),
        (12_000, "3 h 20 min"),
        (math.nan, "–"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_whole_numbers_and_exponents() -> None:
    assert count(53040) == "53,040"
    assert exponential(5e299, 0) == "5e299"
