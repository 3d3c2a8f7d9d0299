"""Where each single example would take a run next, on its plane, and how far a batch strays. Imports no torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Step = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """The steps that are possible from one point, each minus the rate times a gradient, seen on the plane.

    Attributes:
        steps: shape (M, 2), the step that each of M examples alone would make.
        examples: shape (M,), int64: which training examples they are.
        used: shape (M,), whether the update at hand uses the example.
        sampled: the first so many of them are all N examples, or stand for them, at equal distances; those that follow
            are there only because the update uses them.
        total: N, the number of training examples.
        full: the step of all N examples together.
        own: the step of the update's batch.
        batch_size: B, how many examples the update uses.
        replacement: whether a batch may hold an example twice.
        covariance: shape (2, 2), of the steps of all N examples; see `covariance_of`.
        plain: whether the optimizer makes these very steps; else see `what_it_shows`.
    """

    steps: Floats
    examples: NDArray[np.int64]
    used: NDArray[np.bool_]
    sampled: int
    total: int
    full: Step
    own: Step
    batch_size: int
    replacement: bool
    covariance: Floats
    plain: bool


def covariance_of(steps: Floats, total: int) -> Floats:
    """The population covariance of the steps of N examples, shape (2, 2): deviations from the mean, divided by N.

    Of all N steps, shape (N, 2), or estimated from a sample of at least two of them, shape (M, 2): the sample's own
    with divisor M - 1, times (N - 1)/N; for a random one, without bias. Cochran, Sampling Techniques (1977), ch. 2.
    From a single step nothing follows: NaN.
    """
    if len(steps) < 2:
        return np.full((2, 2), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        covariance: Floats = np.cov(steps, rowvar=False) * ((total - 1) / total)
    return covariance


def batch_covariance(covariance: Floats, batch_size: int, examples: int, *, replacement: bool) -> Floats:
    """The covariance of the mean of a random batch of B of N examples, shape (2, 2).

    With the population covariance Σ, whose divisor is N: Σ/B with replacement; without, Σ/B · (N - B)/(N - 1), which
    is S/B · (1 - B/N) for S = Σ · N/(N - 1), whose divisor is N - 1. Cochran, Sampling Techniques (1977), ch. 2. Each
    batch of a shuffled epoch is by itself a random one without replacement, wherever in the epoch it comes.

    Args:
        covariance: the population covariance of what the examples say one by one, shape (2, 2).
        batch_size: B, at most N without replacement.
        examples: N.
        replacement: whether a batch may hold an example twice.
    """
    left = 1.0 if replacement else (examples - batch_size) / max(1, examples - 1)
    return covariance * (left / batch_size)


def what_it_shows(cloud: Cloud) -> str:
    """What the steps are, for people."""
    if cloud.plain:
        return "where each example alone would take the run"
    return "each example's gradient times the rate; the optimizer makes steps of its own of them"
