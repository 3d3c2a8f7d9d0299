"""What recording updates as CUDA graphs is worth: updates a second on a CUDA device against a plain loop there.

The cnn and the mlp on the digits at batch sizes 1, 32 and all. The plain loop is DataLoader, `.to("cuda")`, nn.Module
and torch.optim.SGD, and logs the loss with `.item()`; a second peer has all examples on the device, and draws its
batches there. Ours is a race of one compiled run, which records every update and keeps the trail; the last lines are
those of the torch backend. None evaluates the loss over all examples. Nothing is measured where there is no device.
"""

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.compiled import of_loop
from benchmarks.training import LR, NEVER, SEED, Size
from benchmarks.turns import Line, Work, race
from sim.descent.backends import steppers_of
from sim.descent.race import Race
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.experiment.resolved import resolve
from sim.models.build import model_problem
from sim.models.evaluation import passes
from sim.models.problem import Problem
from sim.protocol.commands import Retention

THREADS = (2,)
CUDA = torch.device("cuda")
SIZES: tuple[Size, ...] = (1, 32, "all")
GOAL = 5


def examples_of(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """All training examples, on the CPU."""
    inputs, targets = problem.batch(torch.arange(problem.examples))
    return inputs.cpu(), targets.cpu()


def with_loader(problem: Problem, size: int) -> Iterator[float]:
    """The batch loss of each update, for ever: what anybody would write."""
    model = problem.twin(problem.model)
    optimizer = torch.optim.SGD(model.parameters(), LR)
    dataset = TensorDataset(*examples_of(problem))
    loader = DataLoader(dataset, size, shuffle=True, generator=torch.Generator().manual_seed(SEED))
    while True:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = problem.loss(model(inputs.to(CUDA)), targets.to(CUDA))
            loss.backward()
            optimizer.step()
            yield loss.item()


def without_loader(problem: Problem, size: int) -> Iterator[float]:
    """The same by somebody who keeps all examples on the device."""
    model = problem.twin(problem.model)
    optimizer = torch.optim.SGD(model.parameters(), LR)
    all_inputs, all_targets = (part.to(CUDA) for part in examples_of(problem))
    while True:
        for chosen in torch.randperm(problem.examples, device=CUDA).split(size):
            optimizer.zero_grad()
            loss = problem.loss(model(all_inputs[chosen]), all_targets[chosen])
            loss.backward()
            optimizer.step()
            yield loss.item()


def ours(problem: Problem, size: Size, backend: Literal["torch", "compiled"]) -> Work:
    """Updates of a run."""
    run = RunConfig("run", size, lr=LR, loss_every=NEVER)
    experiment = resolve(Experiment(ModelConfig(), runs=(run,), backend=backend), problem.facts, "cuda")
    _, make, _ = steppers_of(problem, experiment, backend)
    one = Race(experiment, make, passes(problem, problem.model), Retention(rows=4096), keep_all=True)
    return lambda updates: one.advance(updates, math.inf, math.inf)


def lines() -> Iterator[Line]:
    """Each model and batch size, against either peer, and by torch."""
    if not torch.cuda.is_available():
        return
    for name in ("cnn", "mlp"):
        problem = model_problem(ModelConfig(model=name), SEED, CUDA)
        for size in SIZES:
            batch = problem.examples if size == "all" else size
            case = f"{name}, batch size {size}"
            made = ours(problem, size, "compiled")
            yield race(case, made, of_loop(with_loader(problem, batch)), GOAL)
            yield race(f"{case}, all on the device", made, of_loop(without_loader(problem, batch)), 1)
            yield race(f"{case}, torch", ours(problem, size, "torch"), of_loop(with_loader(problem, batch)), 1)
