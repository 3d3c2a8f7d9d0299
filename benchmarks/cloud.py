"""What a cloud costs: the derivatives of all examples' losses along two directions, against a full gradient.

The mlp (64-64) and the cnn on the digits, on the CPU, along two random directions. Peers: one gradient of the loss over
all 1,438 training examples, by a plain forward and backward pass; and a loop of autograd over 100 examples, one by one,
counted for all of them. It asserts that ours agrees with the loop within 1e-4 of its largest value.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.turns import Line, line, seconds
from sim.experiment.problem import ModelConfig
from sim.models.build import model_problem
from sim.models.flat import Layout
from sim.models.problem import Problem
from sim.models.sources import evenly
from sim.views.cloud import cloud
from sim.views.planes import random_plane

THREADS = (1, 2)
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


def measure(model: str) -> Iterator[Line]:
    """The lines of a model."""
    problem = model_problem(ModelConfig(model=model), 0, torch.device("cpu"))
    problem.model.eval()
    directions = random_plane(problem.model, 0).basis
    everything, some = evenly(problem.examples, problem.examples), evenly(problem.examples, LOOPED)
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
    ours, full, loop = ([1000 * one for one in column] for column in zip(*turns, strict=True))
    each = [one / 2 for one in ours]
    yield line(f"{model}, a direction, of a full gradient", each, full, "ms", 2, at_most=True)
    yield line(f"{model}, two directions, of one by one", ours, loop, "ms")


def lines() -> Iterator[Line]:
    """Each model."""
    for model in MODELS:
        yield from measure(model)
