"""A landscape under the trails: where it is known, and where it is only what is nearest, or was there before."""

from dataclasses import replace

import numpy as np
import pytest

from sim.experiment.geometry import Window
from sim.protocol.results import Surveyed
from tui.draw.ground import Ground
from tui.draw.palette import DARK
from tui.draw.viewport import Viewport

HERE = Window(0.0, 8.0, 0.0, 4.0)
VALUES = np.linspace(0.0, 1.0, 32).reshape(4, 8)
GROUND = Ground.of(Surveyed(HERE, VALUES), len(DARK.bands))


def test_in_its_own_window_it_has_the_colours_of_its_bands() -> None:
    colors = GROUND.colors(Viewport(HERE, 8, 2), DARK)
    np.testing.assert_array_equal(colors, np.array(DARK.bands)[GROUND.bands])
    assert GROUND.ink(DARK) == DARK.contour


def test_beyond_its_window_there_is_what_is_nearest_dimmed() -> None:
    colors = GROUND.colors(Viewport(Window(-8.0, 16.0, -4.0, 8.0), 24, 6), DARK)
    bands = np.pad(GROUND.bands, ((4, 4), (8, 8)), mode="edge")
    expected = np.array(DARK.dimmed.bands)[bands]
    expected[4:8, 8:16] = np.array(DARK.bands)[GROUND.bands]
    np.testing.assert_array_equal(colors, expected)


@pytest.mark.filterwarnings("error")
def test_a_window_that_is_far_beyond_it_has_the_colours_of_its_edges() -> None:
    colors = GROUND.colors(Viewport(Window(1e150, 2e150, -2e150, -1e150), 2, 1), DARK)
    assert set(colors.flat) == {DARK.dimmed.bands[GROUND.bands[-1, -1]]}
    tiny = replace(GROUND, landscape=replace(GROUND.landscape, window=Window(0.0, 1e-300, 0.0, 1e-300)))
    assert set(tiny.colors(Viewport(HERE, 2, 1), DARK)[:, 1]) == {DARK.dimmed.bands[GROUND.bands[0, -1]]}


def test_one_of_another_plane_is_dimmed_all_over() -> None:
    before = replace(GROUND, stale=True)
    colors = before.colors(Viewport(HERE, 8, 2), DARK)
    np.testing.assert_array_equal(colors, np.array(DARK.dimmed.bands)[GROUND.bands])
    assert before.ink(DARK) == DARK.dimmed.contour
