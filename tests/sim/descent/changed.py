"""A run of a small network whose settings are changed on the way."""

from typing import Any

import torch
from torch import Tensor, nn

from sim.descent.race import Race
from sim.experiment.config import RunConfig
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.models.sources import TensorSource
from tests.sim.one_run import race_of, rows_of

EXAMPLES = 45

USUAL = {
    "batch_size": 7,
    "lr": 0.05,
    "optimizer": "sgd",
    "momentum": 0.0,
    "sampling": "shuffle",
    "schedule": "constant",
    "schedule_updates": 12,
}


def inputs() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(EXAMPLES, 3, generator=draw)
    return x, x.sum(dim=1, keepdim=True).sin()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def small_problem(device: str) -> Problem:
    where = torch.device(device)
    source = TensorSource(*(one.to(where) for one in inputs()), where, torch.float32)
    return Problem(network().to(where), nn.MSELoss(), source, RandomState.now(where), task="regression")


def one_run(device: str, **settings: Any) -> Race:
    return race_of(small_problem(device), RunConfig("run", **USUAL | settings), costs=(2.0**-10,))


def batch_losses(race: Race, updates: int, run: int = 0) -> list[float]:
    rows = rows_of(race, updates)
    return list(rows["batch_loss"][rows["run"] == run])
