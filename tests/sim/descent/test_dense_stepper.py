"""Compiled updates of dense networks held against the torch stepper's, and against the loop anybody would write."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from sim.descent import parts
from sim.descent.dense_stepper import DenseStepper
from sim.experiment import choices
from sim.experiment.choices import SAMPLINGS, SCHEDULES
from sim.experiment.config import Limit, RunConfig
from sim.experiment.journal import Fork, RunChange
from sim.measures.measure import Measure
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.models.sources import TensorSource
from sim.protocol.trace import Status
from tests.sim.one_run import OneRun, joined, race_of, rows_of
from tests.sim.real_models import digits, digits_mlp, plain_loop, problem_of, training_part

OPTIMIZERS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam", "lr": 0.001},
    "adamw": {"optimizer": "adamw", "lr": 0.001},
    "rmsprop": {"optimizer": "rmsprop", "lr": 0.001},
    "rmsprop with momentum": {"optimizer": "rmsprop", "momentum": 0.5, "lr": 0.001},
    "adagrad": {"optimizer": "adagrad"},
}
CPU = torch.device("cpu")


def small(*stages, regression=False, examples=45):
    """A small network of odd widths on random numbers, three of whose examples are for testing."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(examples, 2, 3, generator=generator)
    targets = torch.randn(examples, 3, generator=generator) if regression else torch.arange(examples) % 3
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 7), *(stages or (nn.ReLU(),)), nn.Linear(7, 3, bias=False))
    return Problem(
        model=model,
        loss=nn.MSELoss() if regression else nn.CrossEntropyLoss(),
        source=TensorSource(inputs, targets, CPU, torch.float32),
        random_state=RandomState.now(CPU),
        train=torch.randperm(examples, generator=generator)[3:],
        test=torch.arange(3),
        task="regression" if regression else "classification",
    )


@pytest.fixture(scope="module")
def network():
    return small()


def both(problem, run, updates, rate=0.01, **fields):
    """What the two steppers make of a run."""
    runs = [OneRun(problem, run, rate=rate, backend=backend, **fields) for backend in ("torch", "compiled")]
    assert isinstance(runs[1].stepper, DenseStepper)
    return [one.advance(updates) for one in runs]


def assert_alike(expected, made, within=1e-5):
    """The same but for what rounding leaves of sums in float32."""
    assert len(made) == len(expected)
    for name in set(expected.columns) - {"seconds"}:
        np.testing.assert_allclose(made[name], expected[name], rtol=within, atol=within / 10, err_msg=name)


def test_every_optimizer_is_held_against_the_reference():
    held = {settings.get("optimizer", "sgd") for settings in OPTIMIZERS.values()}
    assert held == set(choices.OPTIMIZERS), "add it to OPTIMIZERS"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_updates_are_the_reference_s_for_every_optimizer_and_batch_size(network, optimizer):
    for size in (1, 7, 32, "all"):
        settings = {"lr": 0.01, **OPTIMIZERS[optimizer]}
        assert_alike(*both(network, RunConfig("run", size, loss_every=5, **settings), 60))


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("stage", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU])
def test_every_stage_and_loss_is_the_reference_s(stage, regression):
    for problem in (small(stage(), regression=regression), small(nn.Linear(7, 7), stage(), regression=regression)):
        for size in (1, 5):
            assert_alike(*both(problem, RunConfig("run", size, lr=0.1), 60))


@pytest.mark.parametrize(("size", "updates"), [(1, 1438), (32, 45), ("all", 5)])
def test_an_epoch_of_the_mlp_on_digits_is_that_of_the_plain_loop(size, updates):
    batch = 1438 if size == "all" else size
    losses, _ = plain_loop(
        training_part(digits()),
        digits_mlp,
        nn.CrossEntropyLoss(),
        lambda p: torch.optim.SGD(p, 0.01),
        batch,
        updates,
        "cpu",
    )
    made = OneRun(problem_of("cpu"), RunConfig("run", size, lr=0.01), rate=None, backend="compiled").advance(updates)
    np.testing.assert_allclose(made["batch_loss"], losses, rtol=1e-4)


def test_models_are_as_good_in_the_end_as_the_reference_s():
    """Three epochs from ten seeds: rounding may turn the answer of a test example that is on the border."""
    run, ends = RunConfig("run", 32, loss_every=135), dict[str, list[float]](torch=[], compiled=[])
    for seed in range(10):
        problem = problem_of("cpu", seed=seed)
        for backend, accuracies in ends.items():
            one = OneRun(problem, run, rate=None, seed=seed, backend=backend)
            accuracies.append(one.advance(135)["test_accuracy"][-1])
    expected, made = map(np.array, ends.values())
    assert made.min() > 0.7
    assert np.abs(made - expected).max() <= 2 / 359


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_order_of_the_examples_is_the_reference_s_over_epochs(network, sampling, drop_last):
    assert_alike(*both(network, RunConfig("run", 8, sampling=sampling, drop_last=drop_last), 40))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_the_reference_s_and_held_at_the_end(network, schedule):
    assert_alike(*both(network, RunConfig("run", 7, schedule=schedule, schedule_updates=30), 50))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("turns", [("torch", "compiled"), ("compiled", "torch")])
def test_either_stepper_goes_on_from_the_other_s_state(network, optimizer, turns):
    run = RunConfig("run", 7, schedule="cosine", schedule_updates=30, **OPTIMIZERS[optimizer])
    first, second, reference = (OneRun(network, run, rate=0.01, backend=backend) for backend in (*turns, "torch"))
    first.advance(20)
    second.state = first.state
    reference.advance(20)
    assert_alike(reference.advance(30), second.advance(30))
    assert set(second.state.optimizer) == set(reference.state.optimizer)
    assert second.state.group.keys() == reference.state.group.keys()


def test_pieces_do_not_matter(network):
    run = RunConfig("run", 7, optimizer="adam", loss_every=4)
    whole, pieces = (OneRun(network, run, backend="compiled") for _ in range(2))
    expected = whole.advance(50)
    made = joined([pieces.advance(count) for count in (1, 0, 17, 32)])
    for name in set(expected.columns) - {"seconds"}:
        np.testing.assert_array_equal(made[name], expected[name], err_msg=name)
    assert torch.equal(pieces.vector, whole.vector)


def test_only_the_snapshots_that_are_due_are_kept(network):
    run = RunConfig("run", 7, loss_every=4)
    everywhere = OneRun(network, run, backend="compiled").advance(50).block.snapshots
    one = OneRun(network, run, backend="compiled")
    state, first = one.stepper.advance(one.state, 20, keep_every=6)
    _, second = one.stepper.advance(state, 30, keep_every=6)
    assert [*first.kept.tolist(), *second.kept.tolist()] == [6, 12, 18, 24, 30, 36, 42, 48]
    assert torch.equal(torch.cat([first.snapshots, second.snapshots]), everywhere[5::6])


def test_a_run_that_is_changed_on_the_way_and_forked_goes_on_as_the_reference_s(network):
    first = RunConfig("run", 7, schedule="cosine", schedule_updates=60)
    settings = [{"batch_size": 3}, {"lr": 0.005}, {"momentum": 0.9}, {"optimizer": "adam", "momentum": 0.0}]
    changes = [RunChange(10 * number, "run", one) for number, one in enumerate(settings, start=1)]
    changes.append(Fork(45, "run", 27, {"name": "fork", "optimizer": "rmsprop", "lr": 0.001}))
    expected, made = (
        rows_of(race_of(network, first, rate=0.01, changes=tuple(changes), backend=backend), 70)
        for backend in ("torch", "compiled")
    )
    assert made["run"].tolist() == expected["run"].tolist()
    for name in ("update", "examples", "batch_loss", "grad_norm", "lr"):
        np.testing.assert_allclose(made[name], expected[name], rtol=1e-4, err_msg=name)


def test_a_run_converges_where_the_reference_does():
    line = small(nn.Identity(), regression=True)
    line = replace(line, source=TensorSource(line.source.inputs, line.source.inputs[:, 0], CPU, torch.float32))
    for size in ("all", 7):
        expected, made = both(line, RunConfig("run", size, lr=0.5, loss_every=5), 300)
        assert set(expected["status"]) == {Status.RUNNING, Status.CONVERGED}
        first, second = (int(np.argmax(rows["status"] == Status.CONVERGED)) for rows in (expected, made))
        assert abs(first - second) <= 1  # a norm that is all but on the bound


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_a_run_diverges_where_the_reference_does(rate):
    expected, made = both(small(regression=True), RunConfig("run", 7, lr=rate), 300)
    assert made["status"].tolist() == expected["status"].tolist()
    assert made["status"][-1] == Status.DIVERGED
    assert np.isfinite(made["loss"][-1]) == np.isfinite(expected["loss"][-1])


def test_the_limit_ends_the_run_and_its_last_row_has_the_loss(network):
    expected, made = both(network, RunConfig("run", 7, loss_every=1000), 100, limit=Limit("epochs", 3))
    assert len(made) == 18
    assert_alike(expected, made)
    assert np.isfinite(made["test_loss"][-1])


def test_a_run_stops_where_its_time_is_up(network):
    now = iter(range(1000))
    one = OneRun(network, RunConfig("run", 7), backend="compiled")
    one.stepper.timer = lambda: next(now) / 8
    state, block = one.stepper.advance(one.state, 300, until=4.0)
    assert block.seconds[-1] >= 4.0 > block.seconds[-2]
    assert len(one.stepper.advance(state, 300, until=4.0)[1]) == 0


def test_a_measure_that_the_kernel_does_not_know_is_taken_of_each_update(network, monkeypatch):
    length = Measure("length", "", "", "", "step", "", lambda step: float(step.gradient.norm()) + step.lr)
    usual = parts.measures
    monkeypatch.setattr(
        parts, "measures", lambda *costs: (*usual(*costs), length) if "step" in costs else usual(*costs)
    )
    made = OneRun(network, RunConfig("run", 7), backend="compiled").advance(10)
    np.testing.assert_allclose(made["length"], made["grad_norm"] + made["lr"], rtol=1e-5)
