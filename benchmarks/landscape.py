"""What a landscape costs: against evaluating a copy of the model at each point.

The mlp (64-64) on the digits, on the CPU, on a plane of two random directions. By brute force, each of 81 x 51 points
gets the model's parameters set to it and one pass over all 1,438 training examples. Ours gives a coarse picture first
(21 x 13 points, 256 examples) and then the same 81 x 51. They take turns in one process. Prints seconds, the ratios to
brute force (medians of the turns) and the largest relative difference.

    python benchmarks/landscape.py
"""

import copy
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from torch import nn

from sim.experiment.config import ModelConfig
from sim.experiment.geometry import Window
from sim.experiment.seeds import Seeds
from sim.models.build import model_problem
from sim.models.problem import Problem
from sim.views.landscape import grid, survey
from sim.views.planes import Plane, random_plane

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


def measure() -> None:
    """Print the table for the threads that this process has."""
    problem = model_problem(ModelConfig(), Seeds.of(0), torch.device("cpu"))
    plane = random_plane(problem.model, 0)
    ours(problem, plane)  # warms up
    times, error = [], 0.0
    for _ in range(TURNS):
        values, first, full = ours(problem, plane)
        begin = time.perf_counter()
        expected = brute_force(problem, plane)
        times.append((first, full, time.perf_counter() - begin))
        error = max(error, float(np.max(np.abs(values - expected) / np.abs(expected))))
    assert error < 1e-5, error
    print(f"mlp on digits, {torch.get_num_threads()} thread(s); relative difference at most {error:.1e}")
    brute = statistics.median(turn[2] for turn in times)
    print(f"  brute force, 81 x 51       {brute:8.3f} s")
    for name, index, target in (("coarse, 21 x 13 of 256", 0, "1/50"), ("full, 81 x 51", 1, "1")):
        seconds = statistics.median(turn[index] for turn in times)
        ratio = statistics.median(turn[2] / turn[index] for turn in times)
        print(f"  {name:25}  {seconds:8.3f} s: 1/{ratio:.1f} of it (target: at most {target})")


def main() -> None:
    """Measure with one thread and with two, each in a process of its own."""
    if len(sys.argv) > 1:
        measure()
        return
    for threads in ("1", "2"):
        subprocess.run([sys.executable, __file__, "here"], env=os.environ | {"OMP_NUM_THREADS": threads}, check=True)


if __name__ == "__main__":
    main()
