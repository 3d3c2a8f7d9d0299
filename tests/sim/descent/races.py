"""Races that tests make anew from examples, and what they do."""

from functools import cache

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import HealthCheck, Phase, settings
from torch import Tensor, nn
from torch.utils.data import Dataset

from sim.descent.race import Race
from sim.descent.race_state import RaceState
from sim.models.problem import Problem, formula_problem
from sim.models.random_state import RandomState
from sim.models.sources import DatasetSource, TensorSource
from sim.protocol.trace import ROW, Rows
from tests.sim.conftest import assert_same, line_formula
from tests.sim.one_run import bits, rows_of

quick = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],  # a race takes too long to be made ever simpler
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COSTS = st.tuples(*[st.sampled_from([2.0**-8, 2.0**-10, 2.0**-12, 2.0**-14])] * 3)


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """Examples that are another thing each time they are looked at."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs = torch.tensor([index / 40, 1 - index / 20, index % 3]) + 0.1 * torch.randn(3)
        return inputs, inputs.sum().sin()[None]


def small(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 6), *layers, nn.Dropout(0.3))


@cache
def problem_of(kind: str, device: str) -> Problem:
    """A problem of 40 or 45 examples that has something of its own to be saved."""
    where = torch.device(device)
    if kind == "two parameters":
        formula = line_formula()
        return formula_problem(formula, formula.start, where)
    torch.manual_seed(0)
    if kind == "dropout and batch norm":
        model, loss = small(nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)), nn.CrossEntropyLoss()
        inputs = torch.randn(40, 3)
        source = TensorSource(inputs.to(where), (inputs[:, 0] > 0).long().to(where), where, torch.float32)
        return Problem(model.to(where), loss, source, RandomState.now(where), task="classification")
    model, source = small(nn.Tanh(), nn.Linear(6, 1)), DatasetSource(Noisy(), where)
    state = RandomState.now(where)
    return Problem(model.to(where), nn.MSELoss(), source, state, loader="dataloader", task="regression")


KINDS = ["two parameters", "dropout and batch norm", "a data set that draws random numbers"]


def future(race: Race, asked: list[int]) -> tuple[Rows, RaceState]:
    """What a race does when it is asked for so many moments at a time, and where it then is."""
    return np.concatenate([rows_of(race, moments) for moments in asked]), race.state


def assert_alike(one: tuple[Rows, RaceState], other: tuple[Rows, RaceState], device: str) -> None:
    (rows, state), (rows_too, state_too) = one, other
    assert len(rows) == len(rows_too)
    for name in ROW.names:
        assert_same(rows[name], rows_too[name], device)
    for name in ("clock", "moment", "position", "journal"):
        assert getattr(state, name) == getattr(state_too, name)
    for snapshots, snapshots_too in zip(state.snapshots, state_too.snapshots, strict=True):
        assert snapshots.updates.tolist() == snapshots_too.updates.tolist()
        assert (snapshots.stride, snapshots.thinnings) == (snapshots_too.stride, snapshots_too.thinnings)
        for vector, vector_too in zip(snapshots.vectors, snapshots_too.vectors, strict=True):
            assert_same(vector, vector_too, device)
    if device == "cpu":
        assert state_bits(state) == state_bits(state_too)


def state_bits(state: RaceState) -> object:
    """All of the runs' states but for where their orders are drawn from, which can be said in several ways."""
    return [{name: value for name, value in bits(run).items() if name != "order"} for run in state.runs]
