"""Classic test functions as means over examples, so that a batch is a real subset and its noise is real."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.problems.formula import Floats, Output

EXAMPLES = 256  # a power of two, so that dividing by it rounds nothing
_BITS = 40  # of a noise vector; sums of 256 of them fit a float's 53

Function = Callable[[Any, Any, Any], Any]
"""`f(xp, a, b)`: a function of the two parameters, with numpy or torch."""


def tilts(examples: int, deviation: float, seed: int = 0) -> Floats:
    """Noise vectors ξ, shape (examples, 2), with Σξ = 0 exactly and (1/N) Σ ξξᵀ = deviation² I up to rounding.

    They come in pairs ±ξ, and all are multiples of one power of two that is large enough for any sum of them to have no
    rounding error: whatever the order of summation, the mean over all examples is free of noise to the last bit. A
    descent that all examples keep on a ridge thus stays on it.

    Args:
        examples: an even number.
        deviation: of each component.
        seed: of the draw.
    """
    drawn = np.random.default_rng(seed).standard_normal((examples // 2, 2))
    white, _, _ = np.linalg.svd(drawn, full_matrices=False)
    half = white * (math.sqrt(examples / 2) * deviation)
    grain = 2.0 ** (math.frexp(deviation)[1] - _BITS)
    half = np.round(half / grain) * grain
    return np.concatenate([half, -half])


def finite_sum(function: Function) -> Output:
    """Per-example losses fᵢ(θ) = f(θ) + ξᵢᵀθ, for inputs ξ of shape (N, 2): where Σξ = 0, their mean is f."""

    def output(xp: Any, a: Any, b: Any, inputs: Any) -> Any:
        return function(xp, a, b) + a * inputs[:, 0] + b * inputs[:, 1]

    return output
