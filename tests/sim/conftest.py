"""Small problems whose answers are known in closed form, and how like two answers must be."""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from sim.data import arrays
from sim.experiment.geometry import Point, Window
from sim.models.problem import Problem, formula_problem
from sim.problems.formula import Formula

PACE = {"updates": 10.0, "examples": 100.0, "seconds": 0.01}


def line_formula(examples: int = 45, seed: int = 0) -> Formula:
    """A line through noisy points, by least squares."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(-1, 1, examples)
    targets = 2 * inputs - 1 + 0.3 * rng.standard_normal(examples)
    return Formula(
        title="a line",
        note="",
        parameters=("slope", "intercept"),
        inputs=inputs,
        targets=targets,
        output=lambda _xp, a, b, x: a * x + b,
        loss="mean_squared_error",
        start=Point(-1.5, 1.0),
        window=Window(-3, 3, -3, 3),
        lr=0.1,
        pace=PACE,
    )


@pytest.fixture(autouse=True)
def _every_generator_begins_anew() -> None:
    """What a test draws does not depend on what was drawn before it."""
    seeds = [torch.default_generator.manual_seed, np.random.seed, random.seed]
    if torch.cuda.is_available():  # torch.manual_seed keeps for each absent device, too, from where it was called
        seeds.append(torch.cuda.manual_seed_all)
    for seed in seeds:
        seed(0)


@pytest.fixture(scope="session", autouse=True)
def _bundled_data_are_read_once() -> Iterator[None]:
    """Hundreds of models learn from the same few files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "load_bundled", cache(arrays.load_bundled))
        yield


@pytest.fixture
def line(device: str) -> Problem:
    formula = line_formula()
    return formula_problem(formula, formula.start, torch.device(device))


def assert_same(ours: Any, theirs: Any, device: str, rounding: float = 2e-3) -> None:
    """The same bits on the CPU; within rounding on a GPU, whose kernels depend on how memory is aligned."""
    if device == "cpu":
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=rounding, atol=rounding / 20)


def tolerance(device: str) -> float:
    """How far losses of the same points may be apart, relatively: convolutions on a GPU use TF32."""
    return 1e-5 if device == "cpu" else 2e-3
