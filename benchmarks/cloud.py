"""What a cloud costs: the derivatives of all examples' losses along two directions, against a full gradient.

The mlp (64-64) and the cnn on the digits, on the CPU, along two random directions. Peers: one gradient of the loss over
all 1,438 training examples, by a plain forward and backward pass; and a loop of autograd over 100 examples, one by one,
counted for all of them. They take turns in one process, which also asserts that ours agrees with the loop within 1e-4
of its largest value. Prints milliseconds, and the median ratios of the turns.

    python benchmarks/cloud.py
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from sim.experiment.config import ModelConfig
from sim.experiment.seeds import Seeds
from sim.models.build import model_problem
from sim.models.flat import Layout
from sim.models.problem import Problem
from sim.views.cloud import cloud, sample_of
from sim.views.planes import random_plane

LOOPED, TURNS = 100, 15
MODELS = ("mlp", "cnn")


def gradient(problem: Problem, inputs: Tensor, targets: Tensor) -> Tensor:
    """The gradient of the mean loss of some examples, shape (L,)."""
    parameters = list(problem.model.parameters())
    loss = problem.loss(problem.model(inputs), targets)
    return Layout.of(parameters).join(torch.autograd.grad(loss, parameters))


def one_by_one(problem: Problem, directions: Tensor, examples: Tensor) -> Tensor:
    """What anybody would write: shape (M, 2)."""
    inputs, targets = problem.batch(examples)
    singles = zip(inputs.split(1), targets.split(1), strict=True)
    return torch.stack([directions @ gradient(problem, *single) for single in singles])


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(model: str) -> None:
    """A line of the table."""
    problem = model_problem(ModelConfig(model=model), Seeds.of(0), torch.device("cpu"))
    problem.model.eval()
    directions = random_plane(problem.model, 0).basis
    everything, some = sample_of(problem, problem.examples), sample_of(problem, LOOPED)
    batch = problem.batch(everything)
    found, expected = cloud(problem, problem.model, directions, everything), one_by_one(problem, directions, some)
    assert (found.along[some] - expected).abs().max() < 1e-4 * expected.abs().max()
    turns = [
        (
            seconds(lambda: cloud(problem, problem.model, directions, everything)),
            seconds(lambda: gradient(problem, *batch)),
            seconds(lambda: one_by_one(problem, directions, some)) * problem.examples / LOOPED,
        )
        for _ in range(TURNS)
    ]
    ours, full, loop = (statistics.median(column) for column in zip(*turns, strict=True))
    to_full = statistics.median(turn[0] / 2 / turn[1] for turn in turns)
    to_loop = statistics.median(turn[2] / turn[0] for turn in turns)
    print(
        f"{model:5}  {ours * 1e3:8.1f} ms  {full * 1e3:10.1f} ms  {loop * 1e3:10.0f} ms"
        f"  {to_full:21.2f}  {to_loop:10.0f}",
        flush=True,
    )


def main() -> None:
    """Measure with one thread and with two, each in a process of its own."""
    if len(sys.argv) > 1:
        print(f"two directions, 1,438 examples; torch {torch.__version__}, {torch.get_num_threads()} thread(s)")
        print("model         cloud  full gradient    one by one  a direction, of a full  the loop, of ours")
        for model in MODELS:
            measure(model)
        return
    for threads in ("1", "2"):
        subprocess.run([sys.executable, __file__, "here"], env=os.environ | {"OMP_NUM_THREADS": threads}, check=True)


if __name__ == "__main__":
    main()
