"""Runs held against a plain hand-written loop of DataLoader, nn.Module and torch.optim."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sim.descent.torch_stepper import GRADIENT_TOLERANCE, TorchStepper
from sim.experiment import choices
from sim.experiment.config import Limit, RunConfig
from sim.experiment.geometry import Point
from sim.models.evaluation import batch_gradient, figures, full_gradient
from sim.models.flat import Layout
from sim.models.problem import formula_problem
from sim.protocol.trace import Status
from sim.views.inspection import compare
from sim.views.plane import identity_plane
from tests.sim.conftest import assert_same, line_formula
from tests.sim.one_run import OneRun, bits, joined, race_of, rows_of, steady


@pytest.fixture(params=["torch", "compiled", "ensemble"])
def backend(request, device):
    """Who makes the updates: what holds of one stepper holds of the others."""
    if request.param != "torch" and device != "cpu":
        pytest.skip("compiled updates are made on the CPU")
    return request.param


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


def test_every_optimizer_and_schedule_is_held_against_torchs():
    held = {settings["optimizer"] for settings, _ in OPTIMIZERS.values()}
    assert held == set(choices.OPTIMIZERS), "add a plain one of torch's to OPTIMIZERS"
    assert {"constant", *SCHEDULERS} == set(choices.SCHEDULES), "add a plain one of torch's to SCHEDULERS"


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


def test_rows_count_and_measure_what_they_say(line, backend):
    run = RunConfig("run", 32, drop_last=True, loss_every=3)
    begin, made = race_of(line, run, rate=0.1).start(), OneRun(line, run, backend=backend).advance(10)
    assert begin["update"].tolist() == begin["examples"].tolist() == begin["seconds"].tolist() == [0]
    assert begin["loss"][0] == pytest.approx(mean_squared_error(line, -1.5, 1.0), rel=1e-12)
    assert np.isnan([begin["batch_loss"][0], begin["grad_norm"][0], begin["lr"][0]]).all()
    assert made["update"].tolist() == list(range(1, 11))
    assert made["examples"].tolist() == [32 * update for update in range(1, 11)]
    assert made["epoch"].tolist() == list(range(1, 11))  # one whole batch an epoch, the rest dropped
    assert (np.diff(made["seconds"]) > 0).all()
    evaluated = made["update"][~np.isnan(made["loss"])]
    assert evaluated.tolist() == [3, 6, 9]
    assert made["loss"][2] == pytest.approx(mean_squared_error(line, made["x"][2], made["y"][2]), rel=1e-12)


def mean_squared_error(line, slope, intercept):
    """Of a line at some point, with numpy alone."""
    inputs, targets = line.source.inputs.cpu().numpy(), line.source.targets.cpu().numpy()
    return np.mean((slope * inputs + intercept - targets) ** 2)


def test_runs_begin_where_the_problem_does(line, backend):
    assert OneRun(line, RunConfig("run", 7), backend=backend).vector.tolist() == [-1.5, 1.0]


def test_chunks_do_not_matter(line, device, backend):
    whole = OneRun(line, RunConfig("run", 7), backend=backend).advance(50)
    pieces = OneRun(line, RunConfig("run", 7), backend=backend)
    made = joined(pieces.advance(count) for count in (1, 2, 30, 17))
    for column in set(made) - {"seconds"}:
        assert_same(made[column], whole[column], device, 1e-9)


def test_only_the_snapshots_that_are_due_are_kept(line, device, backend):
    everywhere = OneRun(line, RunConfig("run", 7), backend=backend).advance(50)
    run = OneRun(line, RunConfig("run", 7), backend=backend)
    kept, snapshots = [], []
    for count in (1, 2, 30, 17):
        run.state, block = run.stepper.advance(run.state, count, keep_every=8)
        kept += block.kept.tolist()
        snapshots += block.snapshots.tolist()
    assert kept == [8, 16, 24, 32, 40, 48]
    expected = np.stack([everywhere["x"], everywhere["y"]], axis=1)[7::8]
    assert_same(snapshots, expected, device, 1e-9)


def test_no_update_begins_beyond_the_given_second(line):
    run = OneRun(line, RunConfig("run", 7))
    stepper = TorchStepper(line, run.course, steady(0.25))
    state, block = stepper.advance(run.state, 100, until=1.0)
    assert block.seconds.tolist() == [0.25, 0.5, 0.75, 1.0]
    state, block = stepper.advance(state, 100, until=1.6)
    assert (state.update, state.seconds) == (7, 1.75)
    assert len(stepper.advance(state, 100, until=1.6)[1]) == 0


def test_warming_up_leaves_no_trace(line, device):
    cold, warm = (race_of(line, RunConfig("run", 7), rate=0.1) for _ in range(2))
    warm.warm_up(0)
    state = warm.run_state(0)
    assert (state.update, state.seconds) == (0, 0)
    warm.warm_up(0)
    rows = [rows_of(race, 5)[["batch_loss", "loss", "grad_norm"]].tolist() for race in (cold, warm)]
    assert_same(rows[0], rows[1], device, 1e-9)
    assert_same(cold.heads[0].cpu(), warm.heads[0].cpu(), device, 1e-9)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
def test_a_state_that_is_taken_up_again_continues_bit_for_bit(line, optimizer, schedule, device, backend):
    run = RunConfig("run", 7, schedule=schedule, schedule_updates=40, **OPTIMIZERS[optimizer][0])
    one = OneRun(line, run, backend=backend)
    one.advance(20)
    state = one.state
    expected = one.advance(30)
    fresh = OneRun(line, run, backend=backend)
    for resumed in (fresh, one, fresh):
        resumed.state = state
        made = resumed.advance(30)
        for column in set(made.columns) - {"seconds"}:
            assert_same(made[column], expected[column], device, 1e-9)


def test_what_a_run_goes_on_from_is_never_written_to(line, backend):
    one = OneRun(
        line, RunConfig("run", 7, optimizer="adam", schedule="one-cycle", schedule_updates=40), backend=backend
    )
    one.advance(5)
    state = one.state
    before = bits(state)
    one.advance(40)
    assert bits(state) == before


def test_divergence_is_an_outcome_and_stops_the_run(line, backend):
    one = OneRun(line, RunConfig("run", "all", lr=50.0), backend=backend)
    made = one.advance(1000)
    assert made["status"][-1] == one.status == Status.DIVERGED
    assert len(made) < 1000
    assert not math.isnan(made["loss"][-1])
    assert len(one.advance(10)) == 0


def test_convergence_is_decided_by_the_gradient_over_all_examples_and_the_run_goes_on(line, backend):
    made = OneRun(line, RunConfig("run", "all", lr=0.3), backend=backend).advance(200)
    first = int(np.argmax(made["status"] == Status.CONVERGED))
    assert made["status"][-1] == Status.CONVERGED
    assert len(made) == 200
    assert made["grad_norm"][first] < GRADIENT_TOLERANCE <= made["grad_norm"][first - 1]


def test_a_number_as_large_as_the_data_set_is_the_full_batch(line, device, backend):
    whole, number = (OneRun(line, RunConfig("run", size, lr=0.3), backend=backend) for size in ("all", 45))
    assert number.course.run.full_batch
    expected, made = whole.advance(200), number.advance(200)
    assert made["status"][-1] == Status.CONVERGED
    for column in set(made.columns) - {"seconds"}:
        assert_same(made[column], expected[column], device, 1e-9)


@pytest.mark.parametrize(("limit", "updates"), [(Limit("updates", 9), 9), (Limit("epochs", 1.5), 11)])
def test_the_limit_ends_the_run_and_its_last_row_has_the_loss(line, limit, updates, backend):
    one = OneRun(line, RunConfig("run", 7, loss_every=1000), limit=limit, backend=backend)
    made = one.advance(100)
    assert len(made) == updates
    assert np.isnan(made["loss"][:-1]).all()
    assert made["loss"][-1] == pytest.approx(figures(line, one.module, line.training).loss, rel=1e-12)
    assert one.course.left(one.state) == 0


def test_a_limit_in_seconds_ends_the_run_with_the_update_that_gets_there(line):
    race = race_of(line, RunConfig("run", 7, loss_every=1000), costs=(0.25,), limit=Limit("seconds", 0.9))
    rows = rows_of(race, 100)
    assert rows["seconds"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert np.isfinite(rows["loss"]).tolist() == [False, False, False, True]
    assert race.finished


# -- looking at an update ---------------------------------------------------------------------------------------------


def report_of(race, problem, update):
    """What the engine would report of an update of the only run."""
    before = race.run_state(0, update - 1)
    rows, gradients = problem.rows(race.batch(0, update)), race.gradients(0, before)
    return compare(update, rows, before.vector, 0.1, gradients, identity_plane(Layout.of(problem.model.parameters())))


def test_the_report_of_an_update_compares_its_gradient_with_the_full_one(line):
    race = race_of(line, RunConfig("run", 7), rate=0.1)
    rows = rows_of(race, 1)
    report = report_of(race, line, 1)
    batch = next(iter(DataLoader(range(45), 7, shuffle=True, generator=torch.Generator().manual_seed(0))))
    assert report.indices == tuple(batch.tolist())
    assert report.batch_size == 7
    assert np.linalg.norm(report.gradient) == pytest.approx(rows["grad_norm"][0], rel=1e-12)
    own = batch_gradient(line.loss, line.model, list(line.model.parameters()), line.batch(batch))
    full = full_gradient(line, line.model)
    np.testing.assert_allclose(report.gradient, own.cpu(), rtol=1e-12)
    np.testing.assert_allclose(report.full_gradient, full.cpu(), rtol=1e-12)
    cosine = torch.cosine_similarity(own, full, dim=0).item()
    assert report.measures["cosine"] == pytest.approx(cosine, rel=1e-12)
    assert report.measures["angle"] == pytest.approx(math.degrees(math.acos(cosine)), rel=1e-12)
    assert report.measures["relative_error"] == pytest.approx(((own - full).norm() / full.norm()).item(), rel=1e-12)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_every_past_update_can_be_looked_at(line, optimizer, device):
    settings, make_optimizer = OPTIMIZERS[optimizer]
    race = race_of(line, RunConfig("run", 7, **settings), rate=0.1)
    rows = np.concatenate([rows_of(race, count) for count in (30, 1, 29)])
    points, _, _ = plain_loop(line, 7, 60, make_optimizer)
    for update in (60, 2, 31, 59, 3, 1):
        report = report_of(race, line, update)
        assert np.linalg.norm(report.gradient) == pytest.approx(rows["grad_norm"][update - 1], rel=1e-9)
        slope, intercept = (-1.5, 1.0) if update == 1 else points[update - 2]
        at = torch.tensor([slope, intercept], dtype=torch.float64, requires_grad=True)
        error = at[0] * line.source.inputs.cpu() + at[1] - line.source.targets.cpu()
        (full,) = torch.autograd.grad((error**2).mean(), at)
        np.testing.assert_allclose(report.full_gradient, full, rtol=1e-9)
    assert_same(rows_of(race, 5)["batch_loss"], plain_loop(line, 7, 65, make_optimizer)[1][60:], device, 1e-9)


def test_a_zero_gradient_has_no_angle(device):
    formula = replace(line_formula(), targets=np.zeros(45))  # whose minimum is exactly at 0
    problem = formula_problem(formula, Point(0.0, 0.0), torch.device(device))
    measures = report_of(race_of(problem, RunConfig("run", 7)), problem, 1).measures
    assert all(math.isnan(measures[name]) for name in ("angle", "cosine", "relative_error"))
