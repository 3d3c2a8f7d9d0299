"""What is shaded in the lens is where batches stray to."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.geometry import Point, Window
from sim.protocol.cloud import Cloud, covariance_of
from tests.tui.traces import cloud_of, make_experiment, resolved
from tui.draw.viewport import Viewport
from tui.panels.magnified import spread

N, DRAWN = 600, 4000
VIEW = Viewport(Window(-4.0, 4.0, -4.0, 4.0), 400, 200)


def cloud(steps: np.ndarray) -> Cloud:
    """With these steps."""
    usual = cloud_of(1, resolved(make_experiment()).runs[1], Point(0.0, 0.0))
    return replace(usual, steps=steps, total=len(steps), covariance=covariance_of(steps, len(steps)))


@pytest.mark.parametrize("size", [1, 8, 300])
def test_as_many_batches_lie_within_it_as_within_one_standard_deviation(size: int) -> None:
    """Of a normal distribution in two dimensions the share 1 - exp(-1/2)."""
    generator = np.random.default_rng(size)
    steps = generator.normal(size=(N, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    inside = spread(VIEW, cloud(steps), steps.mean(axis=0), size)
    means = np.array([steps[generator.permutation(N)[:size]].mean(axis=0) for _ in range(DRAWN)])
    dots = VIEW.to_dots(means).clip(0, (799, 799)).astype(int)
    assert inside[dots[:, 1] // 2, dots[:, 0] // 2].mean() == pytest.approx(1 - np.exp(-0.5), abs=0.05)


def test_steps_along_one_line_shade_that_line() -> None:
    along = np.linspace(-2.0, 2.0, 101)
    inside = spread(VIEW, cloud(np.stack([along, along], axis=1)), np.zeros(2), 1)
    rows, columns = np.nonzero(inside)
    assert len(np.unique(rows)) > 50
    assert np.abs((columns + 0.5) + (rows + 0.5) - 400).max() <= 2, "on the diagonal, which goes up to the right"


@pytest.mark.filterwarnings("error")
def test_steps_that_are_no_numbers_shade_nothing() -> None:
    assert not spread(VIEW, cloud(np.full((N, 2), np.nan)), np.zeros(2), 8).any()
    endless = replace(cloud(np.zeros((N, 2))), covariance=np.diag([np.inf, np.inf]))
    assert not spread(VIEW, endless, np.zeros(2), 8).any()
