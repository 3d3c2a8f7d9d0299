"""Calm lines and bands of many values."""

import warnings

import numpy as np
import pytest

from tui.draw.smoothing import envelope, smoothed


@pytest.mark.filterwarnings("error")
def test_smoothing_takes_the_median_of_each_part_and_keeps_both_ends() -> None:
    random = np.random.default_rng(0)
    shares, values = np.sort(random.uniform(0, 1, 5000)), random.lognormal(size=5000)
    values[7::50] = np.inf
    values[8::70] = np.nan
    few_shares, few = smoothed(shares, values, 40)
    part = (shares * 40).astype(int)
    finite = np.isfinite(values)
    medians = [np.median(values[finite & (part == number)]) for number in range(40)]
    means = [shares[part == number].mean() for number in range(40)]
    assert few.tolist() == pytest.approx([values[0], *medians, values[-1]])
    assert few_shares.tolist() == pytest.approx([shares[0], *means, shares[-1]])


def test_smoothing_is_the_same_on_a_logarithmic_axis() -> None:
    random = np.random.default_rng(1)
    shares, values = np.sort(random.uniform(0, 1, 999)), random.lognormal(size=999)
    odd = np.bincount((shares * 10).astype(int)) % 2 == 1
    plain, log = smoothed(shares, values, 10)[1], smoothed(shares, np.log(values), 10)[1]
    assert np.exp(log[1:-1][odd]) == pytest.approx(plain[1:-1][odd])


def test_few_values_stay_as_they_are() -> None:
    shares, values = smoothed(np.array([0.0, 0.5, 1.0]), np.array([1.0, np.inf, 2.0]), 80)
    assert shares.tolist() == [0, 0.5, 1]
    assert values[[0, 2]].tolist() == [1, 2]
    assert np.isnan(values[1])
    assert len(smoothed(np.empty(0), np.empty(0), 80)[0]) == 0


def test_smoothing_keeps_gaps() -> None:
    shares, values = np.arange(1000.0) / 1000, np.ones(1000)
    values[300:600] = np.nan
    values[720] = np.inf  # too short to be seen
    few_shares, few = smoothed(shares, values, 20)
    broken = few_shares[np.isnan(few)]
    assert broken.min() >= 0.3
    assert broken.max() < 0.6
    assert len(broken) == 6


@pytest.mark.filterwarnings("error")
def test_the_envelope_is_the_least_and_the_greatest_of_each_part() -> None:
    random = np.random.default_rng(2)
    shares, values = np.sort(random.uniform(0, 1, 3000)), random.normal(size=3000)
    values[::9] = np.nan
    values[4::9] = -np.inf
    low, high = envelope(shares, values, 30)
    part = (shares * 30).astype(int)
    for number in range(30):
        inside = values[(part == number) & np.isfinite(values)]
        assert (low[number], high[number]) == (inside.min(), inside.max())


def test_the_envelope_bridges_parts_without_values_but_goes_no_further() -> None:
    low, high = envelope(np.array([0.15, 0.62, 0.63]), np.array([1.0, 2.0, 3.0]), 10)
    assert np.isnan(low[[0, 7, 8, 9]]).all()
    assert low[1:7].tolist() == [1, 1, 1, 1, 1, 2]
    assert high[1:7].tolist() == [1, 1, 1, 1, 1, 3]
    with warnings.catch_warnings(action="error"):
        assert np.isnan(envelope(np.empty(0), np.empty(0), 4)).all()
        assert np.isnan(envelope(np.array([0.5]), np.array([np.nan]), 4)).all()
