"""Runs held against a plain hand-written loop of DataLoader, nn.Module and torch.optim."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.experiment.config import Limit, RunConfig
from sim.models.evaluation import batch_gradient, figures, full_gradient
from sim.models.sources import TensorSource
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same
from tests.sim.one_run import OneRun


def plain_loop(problem, batch_size, updates, make_optimizer, make_scheduler=None, seed=0, drop_last=False):
    """What anybody would write: the parameters and the batch loss after each update."""
    model = copy.deepcopy(problem.model)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None
    loader = DataLoader(
        problem.source.dataset(),
        batch_size,
        shuffle=True,
        drop_last=drop_last,
        generator=torch.Generator().manual_seed(seed),
    )
    points, losses, rates = [], [], []
    while True:
        for inputs, targets in loader:
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            points.append([parameter.item() for parameter in model.parameters()])
            losses.append(loss.item())
            if len(points) == updates:
                return np.array(points), np.array(losses), np.array(rates)


OPTIMIZERS = {
    "sgd": ({"optimizer": "sgd"}, lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": ({"optimizer": "sgd", "momentum": 0.9}, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    "nesterov": (
        {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "adam": ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, 0.1)),
    "adamw": ({"optimizer": "adamw"}, lambda p: torch.optim.AdamW(p, 0.1)),
    "rmsprop": ({"optimizer": "rmsprop"}, lambda p: torch.optim.RMSprop(p, 0.1)),
    "adagrad": ({"optimizer": "adagrad"}, lambda p: torch.optim.Adagrad(p, 0.1)),
}


@pytest.mark.parametrize("batch_size", ["all", 32, 7, 1])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_is_bit_for_bit_the_plain_loop(line, optimizer, batch_size, device):
    settings, make_optimizer = OPTIMIZERS[optimizer]
    run = RunConfig("run", batch_size, **settings)
    rows = OneRun(line, run).advance(100)
    points, losses, rates = plain_loop(line, 45 if batch_size == "all" else batch_size, 100, make_optimizer)
    assert_same(np.stack([rows["x"], rows["y"]], axis=1), points, device, 1e-9)
    assert_same(rows["batch_loss"], losses, device, 1e-9)
    assert_same(rows["lr"], rates, device, 1e-9)


SCHEDULERS = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 10),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 30),
    "one-cycle": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=30, cycle_momentum=False),
}


@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_schedules_are_torchs_over_their_length_and_hold_their_final_rate(line, schedule, device):
    run = RunConfig("run", 7, schedule=schedule, schedule_updates=30, momentum=0.5)
    rows = OneRun(line, run).advance(60)
    points, _, rates = plain_loop(line, 7, 30, lambda p: torch.optim.SGD(p, 0.1, momentum=0.5), SCHEDULERS[schedule])
    assert_same(rows["lr"][:30], rates, device, 1e-9)
    assert_same(rows["x"][:30], points[:, 0], device, 1e-9)
    held = rows["lr"][31:]
    assert np.all(held == held[0])
    assert held[0] == pytest.approx({"step": 0.001, "cosine": 0.0, "one-cycle": 0.1 / 25 / 1e4}[schedule])


def test_rows_count_and_measure_what_they_say(line):
    run = RunConfig("run", 32, drop_last=True)
    descent = OneRun(line, replace(run, loss_every=3))
    start, rows = descent.start(), descent.advance(10)
    assert start["update"].tolist() == [0]
    assert (start["x"][0], start["y"][0]) == (-1.5, 1.0)
    assert np.isnan([start["batch_loss"][0], start["grad_norm"][0], start["lr"][0]]).all()
    assert rows["update"].tolist() == list(range(1, 11))
    assert rows["examples"].tolist() == [32 * update for update in range(1, 11)]
    assert rows["epoch"].tolist() == list(range(1, 11))  # one whole batch an epoch, the rest dropped
    assert (np.diff(rows["seconds"]) > 0).all()
    evaluated = rows["update"][~np.isnan(rows["loss"])]
    assert evaluated.tolist() == [3, 6, 9]
    places = np.stack([rows["x"], rows["y"]], axis=1)
    residuals = places[:, :1] * line.source.inputs.cpu().numpy() + places[:, 1:] - line.source.targets.cpu().numpy()
    assert rows["loss"][2] == pytest.approx(np.mean(residuals[2] ** 2), rel=1e-12)


def test_chunks_do_not_matter(line, device):
    whole = OneRun(line, RunConfig("run", 7)).advance(50)
    pieces = OneRun(line, RunConfig("run", 7))
    rows = np.concatenate([pieces.advance(count) for count in (1, 2, 30, 17)])
    for column in ("update", "examples", "x", "y", "batch_loss", "loss", "grad_norm", "status"):
        assert_same(rows[column], whole[column], device, 1e-9)


def test_warming_up_leaves_no_trace(line, device):
    cold, warm = (OneRun(line, RunConfig("run", 7)) for _ in range(2))
    warm.warm_up()
    assert warm.seconds == 0
    assert_same(cold.advance(5)["x"], warm.advance(5)["x"], device, 1e-9)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_state_saved_and_restored_continues_bit_for_bit(line, optimizer, schedule, device):
    run = RunConfig("run", 7, schedule=schedule, schedule_updates=40, **OPTIMIZERS[optimizer][0])
    descent = OneRun(line, run)
    descent.advance(20)
    state = descent.state_dict()
    expected = descent.advance(30)
    resumed = OneRun(line, run)
    resumed.load_state_dict(state)
    assert_same(resumed.advance(30)["x"], expected["x"], device, 1e-9)


def test_divergence_is_an_outcome_and_stops_the_run(line):
    descent = OneRun(line, RunConfig("run", "all", lr=50.0))
    rows = descent.advance(1000)
    assert rows["status"][-1] == Status.DIVERGED
    assert len(rows) < 1000
    assert not math.isnan(rows["loss"][-1])
    assert len(descent.advance(10)) == 0


def test_convergence_is_told_by_the_gradient_over_all_examples_and_the_run_goes_on(line):
    descent = OneRun(line, RunConfig("run", "all", lr=0.3))
    rows = descent.advance(200)
    first = int(np.argmax(rows["status"] == Status.CONVERGED))
    assert rows["status"][-1] == Status.CONVERGED
    assert len(rows) == 200
    assert rows["grad_norm"][first] < GRADIENT_TOLERANCE <= rows["grad_norm"][first - 1]


@pytest.mark.parametrize(("limit", "updates"), [(Limit("updates", 9), 9), (Limit("epochs", 1.5), 11)])
def test_the_limit_ends_the_run_and_its_last_row_has_the_loss(line, limit, updates):
    descent = OneRun(line, RunConfig("run", 7, loss_every=1000), limit=limit)
    rows = descent.advance(100)
    assert len(rows) == updates
    assert np.isnan(rows["loss"][:-1]).all()
    assert rows["loss"][-1] == figures(line, descent.module, line.training).loss
    assert descent.finished


def test_the_report_of_an_update_compares_its_gradient_with_the_full_one(line):
    descent = OneRun(line, RunConfig("run", 7))
    before = descent.vector.clone()
    rows = descent.advance(1)
    report = descent.report(1, before, None)
    batch = next(iter(DataLoader(range(45), 7, shuffle=True, generator=torch.Generator().manual_seed(0))))
    assert report.indices == tuple(batch.tolist())
    assert np.linalg.norm(report.gradient) == pytest.approx(rows["grad_norm"][0], rel=1e-12)
    own = batch_gradient(line.loss, line.model, list(line.model.parameters()), line.batch(batch))
    full = full_gradient(line, line.model)
    assert report.cosine == pytest.approx(torch.cosine_similarity(own, full, dim=0).item(), rel=1e-12)
    assert report.relative_error == pytest.approx(((own - full).norm() / full.norm()).item(), rel=1e-12)


def test_a_zero_gradient_has_no_angle(line):
    exact = torch.zeros(2, dtype=torch.float64)
    source = TensorSource(line.source.inputs, line.source.targets * 0, line.device, torch.float64)
    problem = replace(line, source=source)  # with targets of 0, the minimum is exactly at 0
    report = OneRun(problem, RunConfig("run", 7)).report(1, exact, None)
    assert math.isnan(report.cosine)
    assert math.isnan(report.relative_error)
