"""What a landscape costs: against evaluating a copy of the model at each point.

The mlp (64-64) on the digits, on the CPU, on a plane of two random directions. By brute force, each of 81 x 51 points
gets the model's parameters set to it and one pass over all 1,438 training examples. Ours gives a coarse picture first
(21 x 13 points, 256 examples) and then the same 81 x 51. It asserts that they agree within 1e-5.
"""

import copy
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from benchmarks.turns import Line, line, seconds
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.models.build import model_problem
from sim.models.problem import Problem
from sim.views.landscape import grid, survey
from sim.views.plane import Plane
from sim.views.planes import random_plane

THREADS = (1, 2)
COLUMNS, ROWS, TURNS = 81, 51, 3
WINDOW = Window(-1, 1, -1, 1)


def brute_force(problem: Problem, plane: Plane) -> np.ndarray:
    """The loss at each point, one by one: shape (51, 81)."""
    inputs, targets = problem.batch(torch.arange(problem.examples))
    model = copy.deepcopy(problem.model).eval()
    losses = []
    with torch.no_grad():
        for x, y in grid(WINDOW, COLUMNS, ROWS).reshape(-1, 2).tolist():
            vector = plane.origin + x * plane.basis[0] + y * plane.basis[1]
            nn.utils.vector_to_parameters(vector, model.parameters())
            losses.append(problem.loss(model(inputs), targets).item())
    return np.reshape(losses, (ROWS, COLUMNS))


def ours(problem: Problem, plane: Plane) -> tuple[np.ndarray, float, float]:
    """The finished picture, and the seconds to the first one and to it."""
    begin = time.perf_counter()
    pictures = survey(problem, problem.model, plane.at, WINDOW, COLUMNS, ROWS)
    next(picture for picture in pictures if picture.progress > 0)
    first = time.perf_counter() - begin
    (*_, last) = pictures
    return last.values, first, time.perf_counter() - begin


def lines() -> Iterator[Line]:
    """The first picture, and the whole one."""
    problem = model_problem(ModelConfig(), 0, torch.device("cpu"))
    plane = random_plane(problem.model, 0)
    expected = brute_force(problem, plane)
    values, _, _ = ours(problem, plane)  # warms up, too
    assert float(np.max(np.abs(values - expected) / np.abs(expected))) < 1e-5
    turns = [(*ours(problem, plane)[1:], seconds(lambda: brute_force(problem, plane))) for _ in range(TURNS)]
    first, full, brute = ([1 / one for one in column] for column in zip(*turns, strict=True))
    yield line("mlp, coarse, 21 x 13 of 256 examples", first, brute, "1/s", 50)
    yield line("mlp, full, 81 x 51", full, brute, "1/s", 1)
