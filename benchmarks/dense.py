"""What compiling is worth for a dense network: updates a second against a plain loop of PyTorch.

The mlp (64-64) on the digits at batch sizes 1, 32 and all, on one thread of the CPU, against the plain loop of
`training`. Ours is a race of one compiled run, which records every update, reports as much as a screen gets and keeps
the trail. Neither evaluates the loss over all examples, but for the last line: the whole of `gdsim run --model mlp`
without its start.
"""

import math
from collections.abc import Iterator

import torch

from benchmarks.compiled import compiled_race, of_loop
from benchmarks.training import LR, NEVER, SEED, Size, plain_loop
from benchmarks.turns import Line, Work, race
from sim.engine import Engine
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.problem import ModelConfig
from sim.models.build import model_problem
from tui.headless import descend

THREADS = (1,)
GOALS: dict[Size, float] = {1: 50, 32: 5, "all": 5}
WHOLE = 50_000


def compiled(size: Size) -> Work:
    """Updates of a compiled run."""
    problem = model_problem(ModelConfig(), SEED, torch.device("cpu"))
    race = compiled_race(problem, RunConfig("run", size, lr=LR, loss_every=NEVER))
    return lambda updates: race.advance(updates, math.inf, math.inf)


def whole_run(updates: int) -> None:
    """A run from the opened experiment to the last row."""
    runs, limit = (RunConfig("run", 1, lr=LR),), Limit("updates", updates)
    descend(Experiment(ModelConfig(), runs, SEED, limit=limit, device="cpu", backend="compiled"), Engine().ask)


def lines() -> Iterator[Line]:
    """Each batch size, and a whole run."""
    for size, goal in GOALS.items():
        yield race(f"mlp, batch size {size}", compiled(size), of_loop(plain_loop(size)), goal)
    yield race("gdsim run --model mlp, batch size 1", whole_run, of_loop(plain_loop(1)), 10, (WHOLE, 0))
