"""Classic test functions as means over examples, so that a batch is a real subset and its noise is real."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.problems.formula import Floats, Output

EXAMPLES = 256

Function = Callable[[Any, Any, Any], Any]
"""`f(xp, a, b)`: a function of the two parameters, with numpy or torch."""


def whitened(examples: int, deviation: float, seed: int = 0) -> Floats:
    """Noise vectors ξ, shape (examples, 2), with Σξ = 0 and (1/N) Σ ξξᵀ = deviation² I up to rounding."""
    drawn = np.random.default_rng(seed).standard_normal((examples, 2))
    white, _, _ = np.linalg.svd(drawn - drawn.mean(axis=0), full_matrices=False)
    return np.asarray(white * (np.sqrt(examples) * deviation))


def finite_sum(function: Function) -> Output:
    """Per-example losses fᵢ(θ) = f(θ) + ξᵢᵀθ, for inputs ξ of shape (N, 2): where Σξ = 0, their mean is f."""

    def output(xp: Any, a: Any, b: Any, inputs: Any) -> Any:
        return function(xp, a, b) + a * inputs[:, 0] + b * inputs[:, 1]

    return output
