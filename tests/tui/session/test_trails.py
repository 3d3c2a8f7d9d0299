"""Where the runs went on the plane, put together from what the engine sends."""

import numpy as np
import pytest

from sim.protocol.answers import PlaneNews, Trail
from sim.protocol.trace import ROW
from tui.session.trails import PlaneTrails


def news(updates: list[int], head: float, *, whole: bool = False, shift: float = 0.0) -> PlaneNews:
    """One run at points (u, -u) at updates u, and at a head."""
    at = np.array(updates, np.int64)
    trail = Trail(at, np.stack([at + shift, -at - shift], axis=1), at / 10, (head, -head), 7.0)
    return PlaneNews(0, "pca", "a plane", 1.0, whole, (trail,))


def test_the_trail_of_a_long_run_ends_with_all_of_its_newest_points() -> None:
    trails = PlaneTrails(news([0], 0.0))
    for begin in range(1, 30_000, 500):
        trails.take(news(list(range(begin, begin + 500)), begin + 499.0))
    _, points, _ = trails.until(0, 29_999, live=False)
    assert len(points) < 11_000
    np.testing.assert_array_equal(points[-2048:, 0], np.arange(30_000)[-2048:])
    np.testing.assert_array_equal(points[:, 1], -points[:, 0])
    assert points[0, 0] == 0


def test_in_the_past_it_ends_at_the_last_point_that_was_kept_and_live_at_the_head() -> None:
    trails = PlaneTrails(news([0, 4, 8], 9.0))
    _, points, off_plane = trails.until(0, 7, live=False)
    assert points[:, 0].tolist() == [0, 4]
    assert off_plane == pytest.approx(0.4)
    _, points, off_plane = trails.until(0, 9, live=True)
    assert points[:, 0].tolist() == [0, 4, 8, 9]
    assert off_plane == 7.0


def test_a_new_plane_replaces_the_old_one() -> None:
    trails = PlaneTrails(news([0, 1, 2], 2.0))
    trails.take(news([0, 2], 2.0, whole=True, shift=0.5))
    assert trails.until(0, 2, live=False)[1][:, 0].tolist() == [0.5, 2.5]


def test_rows_get_the_points_of_their_updates_where_these_were_kept() -> None:
    trails = PlaneTrails(news([0, 2, 4], 5.0))
    rows = np.zeros(6, ROW)
    rows["update"] = [5, 4, 3, 2, 1, 0]
    x, _, distances = trails.points_of(rows).T
    np.testing.assert_array_equal(x, [np.nan, 4, np.nan, 2, np.nan, 0])
    np.testing.assert_allclose(distances, [np.nan, 0.4, np.nan, 0.2, np.nan, 0.0])
