"""Runs that are changed on the way, and forked: as a plain loop of DataLoader and torch.optim does it."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, RandomSampler, Sampler, SequentialSampler, TensorDataset

from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import RunConfig
from sim.experiment.journal import Fork, RunChange
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.models.sources import TensorSource
from sim.protocol.commands import Retention
from tests.sim.conftest import assert_same
from tests.sim.descent.changed import USUAL, batch_losses, inputs, network, one_run, small_problem
from tests.sim.descent.races import problem_of
from tests.sim.one_run import race_of, rows_of


class PlainLoop:
    """What anybody would write who changes settings on the way: the oracle."""

    def __init__(self, **settings: Any) -> None:
        self.settings = USUAL | settings
        self.model = network()
        self.dataset = TensorDataset(*inputs())
        self.generator = torch.Generator().manual_seed(0)
        self.batches: Iterator[list[Tensor]] = iter(())
        self.batches_left = -1  # -1 before an epoch was begun
        self.make_optimizer()

    def make_optimizer(self) -> None:
        kinds = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}
        kinds |= {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        name, lr = self.settings["optimizer"], self.settings["lr"]
        own = {"momentum": self.settings["momentum"]} if name in ("sgd", "rmsprop") else {}
        self.optimizer = kinds[name](self.model.parameters(), lr, **own)
        self.make_schedule()

    def make_schedule(self) -> None:
        cosine = self.settings["schedule"] == "cosine"
        self.schedule = lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=12) if cosine else None
        self.scheduled = 0

    def change(self, **settings: Any) -> None:
        """Between two updates."""
        differ = {name for name, value in settings.items() if self.settings[name] != value}
        self.settings |= settings
        (group,) = self.optimizer.param_groups
        if "optimizer" in differ:
            self.make_optimizer()
        elif differ & {"lr", "schedule"}:
            group["lr"] = self.settings["lr"]
            group.pop("initial_lr", None)
            self.make_schedule()
        if "momentum" in differ and "optimizer" not in differ:
            group["momentum"] = self.settings["momentum"]
        if differ & {"batch_size", "sampling"}:
            if self.batches_left == 0:  # a loop over the loader has found out that it is at its end
                assert next(self.batches, None) is None
            self.batches, self.batches_left = iter(()), -1

    def update(self) -> float:
        batch = next(self.batches, None)
        if batch is None:
            sampler: Sampler[int] = SequentialSampler(self.dataset)
            if self.settings["sampling"] != "sequential":
                replacement = self.settings["sampling"] == "replacement"
                sampler = RandomSampler(self.dataset, replacement=replacement, generator=self.generator)
            loader = DataLoader(self.dataset, self.settings["batch_size"], sampler=sampler, generator=self.generator)
            self.batches, self.batches_left = iter(loader), len(loader)
            batch = next(self.batches)
        self.batches_left -= 1
        self.optimizer.zero_grad()
        loss = nn.functional.mse_loss(self.model(batch[0]), batch[1])
        loss.backward()
        self.optimizer.step()
        if self.schedule is not None and self.scheduled < 12:
            self.schedule.step()
            self.scheduled += 1
        return loss.item()

    def losses(self, updates: int) -> list[float]:
        return [self.update() for _ in range(updates)]


CHANGES = [
    {"batch_size": 3},
    {"batch_size": 45},
    {"lr": 0.2},
    {"momentum": 0.9},
    {"sampling": "replacement"},
    {"sampling": "shuffle"},
    {"schedule": "cosine"},
    {"batch_size": 20, "lr": 0.01, "momentum": 0.5},
    *({"optimizer": name} for name in OPTIMIZERS),
]
BEFORE = [{}, {"momentum": 0.9, "schedule": "cosine"}, {"sampling": "replacement"}, {"sampling": "sequential"}]
BEGINS = [0, 5, 7]  # before, within and at the end of an epoch
CASES = [
    (before, settings, BEGINS[(row + column) % len(BEGINS)])
    for row, before in enumerate(BEFORE)
    for column, settings in enumerate(CHANGES)
]
"""Each change after all settings, and each of both at all moments."""


@pytest.mark.parametrize(("before", "settings", "begin"), CASES)
def test_a_run_that_is_changed_goes_on_as_a_plain_loop_does(device, before, settings, begin):
    if "optimizer" in settings and settings["optimizer"] != "sgd":
        settings = settings | {"momentum": 0.0}
    race, loop = one_run(device, **before), PlainLoop(**before)
    assert_same(batch_losses(race, begin), loop.losses(begin), device)
    race.change(RunChange(race.moment, "run", settings))
    loop.change(**settings)
    assert_same(batch_losses(race, 15), loop.losses(15), device)
    race.change(RunChange(race.moment, "run", {"lr": 0.003}))
    loop.change(lr=0.003)
    assert_same(batch_losses(race, 6), loop.losses(6), device)


@pytest.mark.parametrize("update", [0, 6, 7, 20, 31])
def test_a_fork_is_what_would_have_happened_and_leaves_its_parent_alone(device, update):
    race, loop, plain = one_run(device, momentum=0.9), PlainLoop(momentum=0.9), PlainLoop(momentum=0.9)
    batch_losses(race, 31)
    race.change(Fork(race.moment, "run", update, {"name": "fork", "batch_size": 3}))
    loop.losses(update)
    loop.change(batch_size=3)
    rows = rows_of(race, 45 - update)
    assert_same(rows["batch_loss"][rows["run"] == 1], loop.losses(45 - update), device)
    assert_same(rows["batch_loss"][rows["run"] == 0], plain.losses(45)[31:], device)
    assert rows["run"][: 31 - update].tolist() == [1] * (31 - update), "the others wait until it has caught up"
    assert race.lineages[1].parent == 0
    assert race.lineages[1].update == update


def test_every_past_state_of_a_changed_run_and_its_forks_can_be_made_again(device):
    race = one_run(device, momentum=0.9)
    known: dict[tuple[int, int], Tensor] = {(0, 0): race.heads[0].cpu().clone()}
    changes = {
        10: RunChange(10, "run", {"batch_size": 3}),
        20: RunChange(20, "run", {"optimizer": "adam", "momentum": 0.0}),
    }
    changes[10 + 15] = Fork(25, "run", 12, {"name": "fork", "lr": 0.3})
    while race.moment < 60:
        rows_of(race, 1)
        known |= {(run, made): race.heads[run].cpu().clone() for run, made in enumerate(race.updates)}
        if change := changes.get(race.moment):
            race.change(change)
    assert {run for run, _ in known} == {0, 1}
    for (run, update), vector in known.items():
        state = race.run_state(run, update)
        assert state is not None
        assert_same(state.vector.cpu(), vector, device)
    shared = [race.run_state(1, update) for update in range(13)]
    for update, state in enumerate(shared):
        assert state is not None
        assert_same(state.vector.cpu(), known[0, update], device)


@pytest.mark.parametrize("first", [{"lr": 0.5}, {"optimizer": "adam"}], ids=str)
def test_several_changes_after_one_update_are_one_and_make_the_same_past(device, first):
    race, loop = one_run(device), PlainLoop()
    batch_losses(race, 14)
    race.change(Fork(race.moment, "run", 12, {"name": "fork"}))
    loop.losses(12)
    for settings in (first, {"batch_size": 3}):
        race.change(RunChange(race.moment, "fork", settings))
        loop.change(**settings)
    expected = {}
    while race.updates[1] < 20:
        rows_of(race, 1)
        expected[race.updates[1]] = race.heads[1].cpu().clone()
    rows = rows_of(race, 4)
    assert_same(rows["batch_loss"][rows["run"] == 1], loop.losses(12)[8:], device)
    for update, vector in expected.items():
        assert_same(race.run_state(1, update).vector.cpu(), vector, device)


def test_a_fork_in_the_past_has_the_settings_of_that_time(device):
    race = one_run(device)
    rows_of(race, 20)
    race.change(RunChange(20, "run", {"batch_size": 3}))
    rows_of(race, 10)
    race.change(Fork(30, "run", 15, {"name": "fork", "lr": 0.01}))
    assert race.lineages[1].newest.batch_size == 7


def test_a_fork_in_the_past_goes_on_from_there_on_the_clock(device):
    """A span is counted from the run that is furthest behind, which the fork is."""
    race = one_run(device)
    rows_of(race, 20)
    race.change(Fork(race.moment, "run", 5, {"name": "fork"}))
    rows = rows_of(race, 100, span=3.0)
    assert list(zip(rows["run"].tolist(), rows["update"].tolist(), strict=True)) == [(1, 6), (1, 7), (1, 8)]


def test_momentum_can_be_given_to_rmsprop_on_the_way(device):
    race, loop = one_run(device, optimizer="rmsprop"), PlainLoop(optimizer="rmsprop")
    assert_same(batch_losses(race, 9), loop.losses(9), device)
    race.change(RunChange(9, "run", {"momentum": 0.5}))
    loop.change(momentum=0.5)
    for state in loop.optimizer.state.values():
        state["momentum_buffer"] = torch.zeros_like(state["square_avg"])  # torch itself would raise without
    assert_same(batch_losses(race, 9), loop.losses(9), device)


def test_a_run_that_fails_is_forked_where_it_stands(device):
    problem = problem_of("dropout and batch norm", device)
    race = race_of(problem, RunConfig("single", 1, lr=0.01), costs=(2.0**-10,))
    rows_of(race, 1)
    race.change(Fork(race.moment, "single", 0, {"name": "eight", "batch_size": 8}))
    assert rows_of(race, 3)["update"].tolist() == [1, 2, 3]


class Counting(nn.Module):
    """Remembers outside of its buffers how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.line, self.calls = nn.Linear(3, 1), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        return self.line(x) + 0.01 * self.calls


def test_what_a_module_remembers_beside_its_buffers_outlives_a_change(device):
    where = torch.device(device)
    torch.manual_seed(0)
    source = TensorSource(*(one.to(where) for one in inputs()), where, torch.float32)
    problem = Problem(Counting().to(where), nn.MSELoss(), source, RandomState.now(where), task="regression")
    changed, untouched = (race_of(problem, RunConfig("run", 7, lr=0.01), costs=(1.0,)) for _ in range(2))
    batch_losses(changed, 5)
    changed.change(RunChange(5, "run", {"loss_every": 3}))
    assert_same(batch_losses(changed, 5), batch_losses(untouched, 10)[5:], device)


def test_all_runs_together_keep_within_the_memory_however_many_are_forked(device):
    retention = Retention(memory=10_000)
    race = race_of(small_problem(device), RunConfig("run", 7, lr=0.01), costs=(1.0,), retention=retention)
    rows_of(race, 60)
    for number in range(8):
        race.change(Fork(race.moment, "run", 45, {"name": f"fork {number}"}))
    rows_of(race, 60)
    assert sum(vector.nbytes for one in race.snapshots for vector in one.vectors) <= retention.memory
