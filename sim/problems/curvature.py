"""What kind of point of a two-parameter problem a run stands at: gradient, Hessian, and what they mean. No torch.

Gradients come by the complex step (Squire and Trapp, Using complex variables to estimate derivatives of real functions,
1998) through the formula's own output, so that no derivative is written by hand.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sim.problems.formula import Floats, Formula

Kind = Literal["minimum", "local minimum", "saddle", "maximum", "plateau", "slope"]

_IMAGINARY = 2.0**-300  # the complex step: its square is nothing, and as a power of two it rounds nothing
_STEP = 2e-6  # of the central differences, in windows
_NEAR = 0.01  # windows: a stationary point within this distance is where the run stands
_SINGULAR = 1e-6  # a curvature that is so small a part of the largest one counts as none
_EQUAL = 1e-6  # of the loss: two minima whose losses differ by less are equally deep
_FLAT = 0.1  # of what there is to gain: a slope that gains less all across the window is a plateau
_NEWTON_STEPS = 20


def losses(formula: Formula, point: ArrayLike) -> Any:
    """The loss of each example, shape (N,), at a point, shape (2,), of real or complex numbers.

    At many points at once, given as two arrays of shape (..., 1): shape (..., N).
    """
    a, b = np.asarray(point)
    output = formula.output(np, a, b, formula.inputs)
    if formula.loss == "mean_squared_error":
        return (output - formula.targets) ** 2
    if formula.loss == "binary_cross_entropy":
        high = output.real > 0
        # log(1 + exp(output)), so written that nothing overflows
        softplus = np.where(high, output, 0) + np.log1p(np.exp(np.where(high, -output, output)))
        return softplus - formula.targets * output
    return output


def gradient(formula: Formula, point: ArrayLike) -> Floats:
    """The gradient of the mean loss at a point, each of shape (2,), exact to rounding."""
    steps = np.asarray(point) + 1j * _IMAGINARY * np.eye(2)
    return np.array([losses(formula, step).mean().imag / _IMAGINARY for step in steps])


def hessian(formula: Formula, point: ArrayLike) -> Floats:
    """The Hessian of the mean loss at a point, shape (2, 2), symmetric, within some 1e-8 of its largest entry.

    By central differences of the gradient. It costs ten passes over the data.
    """
    columns = []
    for shift in np.diag(_STEP * _sides(formula)):
        ahead, behind = point + shift, point - shift
        columns.append((gradient(formula, ahead) - gradient(formula, behind)) / (ahead - behind).sum())
    found = np.array(columns)
    return np.asarray((found + found.T) / 2)


def kind_of_point(formula: Formula, point: ArrayLike) -> Kind:
    """What kind of point it is, shape (2,).

    Near a stationary point (within a hundredth of the window, as Newton's method finds it) the Hessian there decides: a
    "minimum", a "local minimum" where a known one is lower, a "saddle" or a "maximum". Elsewhere it is a "plateau"
    where the slope is so slight that it would gain less than a tenth of what there is to gain all across the window,
    else a "slope". What there is to gain is the height above the lowest known minimum, or above 0 where none is known.
    It costs some thirty passes over the data, and a few hundred at most.
    """
    here = np.asarray(point, dtype=np.float64)
    sides = _sides(formula)
    lowest = min((losses(formula, minimum).mean() for minimum in formula.minima), default=0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        gain = losses(formula, here).mean() - lowest
        found = _stationary(formula, here, sides)
        if found is None:
            fall = np.linalg.norm(gradient(formula, here) * sides)
            return "plateau" if fall < _FLAT * gain else "slope"
    low, high = np.linalg.eigvalsh(hessian(formula, found) * np.outer(sides, sides))
    none = _SINGULAR * max(abs(low), abs(high))
    better = losses(formula, found).mean() > lowest + _EQUAL * (1 + abs(lowest))
    if low < -none:
        return "maximum" if high < -none else "saddle"
    if high <= none or (low <= none and better and formula.minima):
        return "plateau"
    return "local minimum" if better and formula.minima else "minimum"


def _sides(formula: Formula) -> Floats:
    """Width and height of the problem's window: the lengths that its points are measured in."""
    left, right, bottom, top = formula.window
    return np.array([right - left, top - bottom])


def _stationary(formula: Formula, here: Floats, sides: Floats) -> Floats | None:
    """The stationary point that Newton's method finds near a point; None if it finds none there."""
    point = here
    for _ in range(_NEWTON_STEPS):
        slope = gradient(formula, point) * sides
        curvature = hessian(formula, point) * np.outer(sides, sides)
        if not (np.isfinite(slope).all() and np.isfinite(curvature).all()):
            return None
        # where a direction has no curvature, as along a floor of minima, there is no step along it
        step = np.linalg.pinv(curvature, rcond=_SINGULAR, hermitian=True) @ slope
        point = point - step * sides
        if np.abs((point - here) / sides).max() > _NEAR:
            return None
        if np.abs(step).max() < _STEP:
            return point
    return None
