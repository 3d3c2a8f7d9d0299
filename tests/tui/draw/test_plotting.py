"""Lines as braille patterns."""

import itertools

import numpy as np
import pytest

from tui.draw.plotting import line_patterns

COLUMNS, ROWS = 40, 12


@pytest.mark.parametrize("points", [2, 16, 17, 18, 33, 50])
@pytest.mark.parametrize("broken", [False, True])
def test_a_line_goes_through_what_each_two_neighbours_span(points: int, broken: bool) -> None:
    rng = np.random.default_rng(points)
    xs = np.sort(rng.random(points))
    ys = np.clip(0.5 + np.cumsum(rng.normal(0, 0.1, points)), 0, 1)
    if broken:
        ys[points // 3 :: 7] = np.nan
    pairs = [line_patterns(xs[i : i + 2], ys[i : i + 2], COLUMNS, ROWS) for i in range(points - 1)]
    assert (line_patterns(xs, ys, COLUMNS, ROWS) == np.bitwise_or.reduce(pairs)).all()


def test_a_line_that_grew_is_the_line_that_is_drawn_at_once() -> None:
    xs = np.linspace(0, 1, 60)
    ys = 0.5 + 0.4 * np.sin(9 * xs)
    grown = [line_patterns(xs[:count], ys[:count], COLUMNS, ROWS) for count in range(1, 61)]
    for before, after in itertools.pairwise(grown):
        assert (before & ~after == 0).all(), "what was drawn stays"
    assert (grown[-1] == line_patterns(xs[::-1], ys[::-1], COLUMNS, ROWS)).all()
