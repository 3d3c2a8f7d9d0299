"""Where to start and what to show on a valley whose shape is known from the data."""

import numpy as np

from sim.experiment.geometry import Point, Window
from sim.problems.formula import Floats

_HEIGHT = 1.0  # loss: of the start above the valley's floor, and of that point of the floor above its centre
_MARGIN_ALONG, _MARGIN_ACROSS = 0.07, 4.0  # the window reaches so much loss beyond the start and the goal


def steepest_rate(hessian: Floats) -> float:
    """1/λmax: the rate that a quadratic of this Hessian, shape (2, 2), bears with a factor 2 to spare."""
    return float(1 / np.linalg.eigvalsh(hessian)[-1])


def start_above(centre: Floats, goal: Floats, hessian: Floats) -> Point:
    """A start some way up the valley, away from the goal, and a little up its side.

    Args:
        centre: where the quadratic of that Hessian has its minimum, shape (2,).
        goal: where the descents will go, shape (2,).
        hessian: shape (2, 2).
    """
    (flat, steep), (along, across) = _axes(hessian)
    side_along = -1 if along @ goal >= 0 else 1
    side_across = 1 if across[1] >= 0 else -1
    start = centre + side_along * np.sqrt(2 * _HEIGHT / flat) * along
    start = start + side_across * np.sqrt(2 * _HEIGHT / steep) * across
    return Point(*start.tolist())


def window_around(start: Point, goal: Floats, hessian: Floats) -> Window:
    """The box of the start and the goal, with room for noise, which swings across the valley more than along it."""
    (flat, steep), (along, across) = _axes(hessian)
    margin = np.sqrt(2 * (_MARGIN_ALONG * along**2 / flat + _MARGIN_ACROSS * across**2 / steep))
    low = np.minimum(start, goal) - margin
    high = np.maximum(start, goal) + margin
    return Window(float(low[0]), float(high[0]), float(low[1]), float(high[1]))


def _axes(hessian: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues, the smaller first and kept off zero, and the eigenvectors as rows."""
    values, vectors = np.linalg.eigh(hessian)
    return np.maximum(values, 1e-9 * values[-1]), vectors.T
