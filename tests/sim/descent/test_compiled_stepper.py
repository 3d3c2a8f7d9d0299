"""Compiled updates held against those of the torch stepper. What holds of any stepper is in test_descent.py."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.descent import compiled_stepper
from sim.descent.compiled_stepper import CompiledStepper
from sim.experiment import choices
from sim.experiment.choices import SAMPLINGS, SCHEDULES
from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point
from sim.experiment.journal import Fork, RunChange
from sim.experiment.problem import ProblemConfig
from sim.kernels.formula import kernels_of
from sim.measures.measure import Measure
from sim.models.problem import formula_problem
from sim.problems import build_formula, registry
from sim.protocol.trace import Status
from tests.sim.conftest import line_formula
from tests.sim.one_run import OneRun, race_of, rows_of

OPTIMIZERS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop with momentum": {"optimizer": "rmsprop", "momentum": 0.5},
    "adagrad": {"optimizer": "adagrad"},
}
CPU = torch.device("cpu")


@pytest.fixture
def line():
    formula = line_formula()
    return formula_problem(formula, formula.start, CPU)


def both(problem, run, updates, rate=0.1):
    """What the two steppers make of a run, and the two runs."""
    runs = [OneRun(problem, run, rate=rate, backend=backend) for backend in ("torch", "compiled")]
    return [one.advance(updates) for one in runs], runs


def assert_alike(expected, made):
    """Within a billionth in every column, where numbers are not so small that they are all rounding."""
    assert len(made) == len(expected)
    for name in set(expected.columns) - {"seconds"}:
        np.testing.assert_allclose(made[name], expected[name], rtol=1e-9, atol=1e-13, err_msg=name)


def test_every_optimizer_is_held_against_the_reference():
    held = {settings.get("optimizer", "sgd") for settings in OPTIMIZERS.values()}
    assert held == set(choices.OPTIMIZERS), "add it to OPTIMIZERS"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", registry())
def test_an_epoch_is_the_reference_s_for_every_problem_optimizer_and_batch_size(name, optimizer):
    whole = build_formula(ProblemConfig(name))
    some = slice(None, None, whole.examples // 48)
    formula = replace(whole, inputs=whole.inputs[some], targets=whole.targets[some])
    # what rounds otherwise grows where steps are too long to settle: a momentum of 0.9 makes them ten times as long
    rate = formula.lr if optimizer == "sgd" else formula.lr / 10
    for size in (1, 32, "all"):
        problem = formula_problem(formula, formula.start, CPU)
        updates = formula.examples if size == 1 else 8
        (expected, made), _ = both(problem, RunConfig("run", size, **OPTIMIZERS[optimizer]), updates, rate)
        assert_alike(expected, made)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_order_of_the_examples_is_the_reference_s_over_epochs(line, sampling, drop_last):
    (expected, made), _ = both(line, RunConfig("run", 7, sampling=sampling, drop_last=drop_last), 40)
    assert_alike(expected, made)


@pytest.mark.parametrize("length", [3, 30])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_the_reference_s_and_held_at_the_end(line, schedule, length):
    (expected, made), _ = both(line, RunConfig("run", 7, schedule=schedule, schedule_updates=length), 50)
    assert_alike(expected, made)


TURNS = [("torch", "compiled"), ("compiled", "torch")]
STEPPED_BY_TURNS = [
    (optimizer, schedule, TURNS[(row + column) % len(TURNS)])
    for row, optimizer in enumerate(OPTIMIZERS)
    for column, schedule in enumerate(SCHEDULES)
]
"""Each optimizer with all schedules, and each of both in either turn."""


@pytest.mark.parametrize(("optimizer", "schedule", "turns"), STEPPED_BY_TURNS)
def test_either_stepper_goes_on_from_the_other_s_state(line, optimizer, schedule, turns):
    run = RunConfig("run", 7, schedule=schedule, schedule_updates=30, **OPTIMIZERS[optimizer])
    first, second, reference = (OneRun(line, run, backend=backend) for backend in (*turns, "torch"))
    first.advance(20)
    second.state = first.state
    reference.advance(20)
    assert_alike(reference.advance(30), second.advance(30))
    assert set(second.state.optimizer) == set(reference.state.optimizer)
    assert second.state.group.keys() == reference.state.group.keys()
    assert second.state.schedule.keys() == reference.state.schedule.keys()


def test_a_run_that_is_changed_on_the_way_and_forked_goes_on_as_the_reference_s(line):
    first = RunConfig("run", 7, schedule="cosine", schedule_updates=60)
    settings = [
        *({"batch_size": 3}, {"lr": 0.05}, {"momentum": 0.9}, {"optimizer": "adam", "momentum": 0.0}),
        *({"schedule": "one-cycle", "schedule_updates": 20}, {"sampling": "replacement"}),
    ]
    changes = [RunChange(10 * number, "run", one) for number, one in enumerate(settings, start=1)]
    changes.append(Fork(65, "run", 47, {"name": "fork", "optimizer": "rmsprop"}))
    races = [race_of(line, first, changes=tuple(changes), backend=backend) for backend in ("torch", "compiled")]
    expected, made = (rows_of(race, 90) for race in races)
    assert made["run"].tolist() == expected["run"].tolist()
    for name in ("update", "examples", "epoch", "batch_loss", "grad_norm", "loss", "lr"):
        np.testing.assert_allclose(made[name], expected[name], rtol=1e-9, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(("size", "every"), [("all", 1), (7, 1), (7, 3)])
def test_a_run_converges_where_the_reference_does(size, every):
    exact = replace(line_formula(), targets=2 * line_formula().inputs - 1)  # noise leaves a fit without errors alone
    problem = formula_problem(exact, exact.start, CPU)
    (expected, made), _ = both(problem, RunConfig("run", size, lr=0.3, loss_every=every), 300)
    assert set(expected["status"]) == {Status.RUNNING, Status.CONVERGED}
    assert made["status"].tolist() == expected["status"].tolist()


@pytest.mark.parametrize("rate", [50.0, 1e200])
def test_a_run_diverges_where_the_reference_does(line, rate):
    (expected, made), _ = both(line, RunConfig("run", 7, lr=rate), 1000)
    assert made["status"].tolist() == expected["status"].tolist()
    assert made["status"][-1] == Status.DIVERGED
    assert np.isfinite(made["loss"][-1]) == np.isfinite(expected["loss"][-1])


def test_a_start_where_the_loss_is_no_number_diverges_at_once():
    root = replace(line_formula(), output=lambda xp, a, b, x: xp.sqrt(a) + b * x)
    (expected, made), _ = both(formula_problem(root, Point(-1.0, 0.0), CPU), RunConfig("run", 7), 10)
    assert made["status"].tolist() == expected["status"].tolist() == [Status.DIVERGED]
    assert made["loss"].tolist() == expected["loss"].tolist() == [math.inf]


def test_a_run_stops_where_its_time_is_up(line, monkeypatch):
    now = 0.0
    one = OneRun(line, RunConfig("run", 7))
    stepper = CompiledStepper(line, kernels_of(line.formula), one.course, lambda: now)
    make = stepper._make

    def slow(before, standing, columns, loss_bound):
        nonlocal now
        now += len(columns.rates) / 8
        return make(before, standing, columns, loss_bound)

    monkeypatch.setattr(stepper, "_make", slow)
    state, block = stepper.advance(one.state, 300, until=4.0)
    assert block.seconds.tolist() == [update / 8 for update in range(1, len(block) + 1)]
    assert 32 <= state.update <= 34
    assert len(stepper.advance(state, 300, until=4.0)[1]) == 0


def test_a_measure_that_the_kernels_do_not_know_is_taken_of_each_update(line, monkeypatch):
    length = Measure("length", "", "", "", "step", "", lambda step: float(step.vector.norm()) + step.lr)
    double = Measure("double", "", "", "", "pass", "", lambda passes: 2 * passes.training.loss)
    usual = compiled_stepper.measures
    monkeypatch.setattr(compiled_stepper, "measures", lambda *costs: (*usual(*costs), length, double))
    made = OneRun(line, RunConfig("run", 7, loss_every=3), backend="compiled").advance(10)
    np.testing.assert_allclose(made["length"], np.hypot(made["x"], made["y"]) + made["lr"], rtol=1e-12)
    np.testing.assert_array_equal(made["double"], 2 * made["loss"])
