"""The engine: commands in, answers out, the same every time."""

import math

import numpy as np
import pytest
import torch

import sim.engine
from sim.engine import Engine
from sim.experiment.config import Experiment, Limit, ModelConfig, ProblemConfig, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point, Window
from sim.models.problem import formula_problem
from sim.protocol.answers import Advanced, Done, Failed, Inspected, Opened, Surveyed
from sim.protocol.commands import Advance, Inspect, Open, SetClock, Survey
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same, line_formula
from tests.sim.real_models import opened


def advanced(engine, moments=10, span=math.inf, budget=60.0):
    answer = engine.ask(Advance(moments, span, budget))
    assert isinstance(answer, Advanced), answer
    return answer


def test_opening_tells_where_everything_stands(device):
    _, answer = opened(Experiment(device=device))
    assert answer.examples == 442
    assert answer.parameters == 2
    assert answer.rows["update"].tolist() == [0, 0, 0]
    assert len(set(answer.rows["loss"])) == 1
    assert answer.loss_every == (1, 1, 1)


def test_on_updates_a_moment_is_one_update_of_every_run(device):
    engine, _ = opened(Experiment(device=device))
    answer = advanced(engine, 7)
    assert answer.rows["moment"].tolist() == [moment for moment in range(1, 8) for _ in range(3)]
    assert answer.rows["run"].tolist() == [0, 1, 2] * 7
    assert answer.covered == 7


def test_on_examples_a_moment_is_mostly_one_stochastic_update(device):
    engine, _ = opened(Experiment(device=device, clock="examples"))
    answer = advanced(engine, 64)
    mini = answer.rows[answer.rows["run"] == 1]
    assert (answer.rows["run"] == 2).sum() == 64
    assert mini["position"].tolist() == [32, 64]
    assert (answer.rows["run"] == 0).sum() == 0


def test_the_span_bounds_how_far_the_clock_goes(device):
    engine, _ = opened(Experiment(device=device, clock="examples"))
    assert advanced(engine, 1000, span=10.5).covered == 10
    assert advanced(engine, 1000, span=0.5).covered == 0
    assert advanced(engine, 1000, span=1).covered == 1


def test_moments_only_ever_grow_across_a_change_of_clock(device):
    engine, _ = opened(Experiment(device=device))
    before = advanced(engine, 5).rows
    assert isinstance(engine.ask(SetClock("examples")), Done)
    after = advanced(engine, 5).rows
    assert before["moment"].max() < after["moment"].min()
    assert (after["run"] == 2).all()
    assert after["position"].tolist() == [6, 7, 8, 9, 10]
    assert (after["clock"] == 1).all()


def test_on_seconds_the_run_that_has_used_least_time_goes_next(device):
    engine, _ = opened(Experiment(device=device, clock="seconds"))
    rows = advanced(engine, 60).rows
    used = [0.0, 0.0, 0.0]
    for row in rows:
        assert used[row["run"]] == min(used)
        used[row["run"]] = row["seconds"]
    assert (np.diff(rows["position"]) >= 0).all()


def test_the_same_experiment_gives_the_same_bits_however_it_is_asked_for(device):
    columns = ["run", "update", "examples", "x", "y", "batch_loss", "loss", "grad_norm", "lr", "status"]
    traces = []
    for steps in ((200,), (1, 7, 92, 100)):
        engine, _ = opened(Experiment(device=device, clock="examples"))
        traces.append(np.concatenate([advanced(engine, step).rows for step in steps]))
    for column in columns:
        assert_same(traces[0][column], traces[1][column], device, 1e-9)


def test_a_diverged_run_leaves_the_clock_and_the_others_go_on(device):
    runs = (RunConfig("wild", "all", lr=100.0), RunConfig("calm", "all", lr=0.1))
    engine, _ = opened(Experiment(device=device, runs=runs))
    rows = advanced(engine, 300).rows
    wild = rows[rows["run"] == 0]
    assert wild["status"][-1] == Status.DIVERGED
    assert (rows["run"] == 1).sum() == 300


def test_all_runs_stop_at_their_limit(device):
    engine, _ = opened(Experiment(device=device, limit=Limit("epochs", 2)))
    answer = advanced(engine, 10_000)
    assert answer.finished
    assert [int((answer.rows["run"] == run).sum()) for run in range(3)] == [2, 28, 884]
    assert len(advanced(engine, 10).rows) == 0


def test_an_inspected_update_is_the_one_in_the_trace(device):
    engine, start = opened(Experiment(device=device))
    rows = np.concatenate([start.rows, advanced(engine, 20).rows])
    runs = [rows[rows["run"] == run] for run in range(3)]
    command = Inspect((9, 9, 9), tuple(Point(*run[8][["x", "y"]]) for run in runs))
    answer = engine.ask(command)
    assert isinstance(answer, Inspected)
    batch, mini, stochastic = answer.reports
    assert (batch.batch_size, mini.batch_size, stochastic.batch_size) == (442, 32, 1)
    assert batch.cosine == pytest.approx(1)
    assert batch.relative_error == pytest.approx(0, abs=1e-12)
    for run, report in zip(runs, answer.reports, strict=True):
        assert math.hypot(*report.gradient) == pytest.approx(run[9]["grad_norm"], rel=1e-9)


def test_the_landscape_is_the_mean_squared_error_at_each_cells_centre(device):
    engine, start = opened(Experiment(device=device))
    window = Window(-2, 4, -3, 2)
    answer = engine.ask(Survey(window, 12, 10))
    assert isinstance(answer, Surveyed)
    assert answer.values.shape == (10, 12)
    x, y = float(start.rows[0]["x"]), float(start.rows[0]["y"])
    tight = Window(x - 1e-9, x + 1e-9, y - 1e-9, y + 1e-9)
    here = engine.ask(Survey(tight, 1, 1))
    assert here.values[0, 0] == pytest.approx(start.rows[0]["loss"], rel=1e-12)


def test_what_cannot_be_done_is_an_answer_and_the_engine_lives_on(device):
    engine = Engine()
    assert isinstance(engine.ask(Advance(1, 1.0, 1.0)), Failed)
    refused = engine.ask(Open(Experiment(device=device, problem=ProblemConfig("linnear"))))
    assert isinstance(refused, Failed)
    assert refused.config
    assert "linear" in refused.sentence
    assert isinstance(engine.ask(Open(Experiment(device=device))), Opened)


@pytest.mark.parametrize("device", ["cuda:99", "mps"])
def test_a_device_that_is_not_there_is_named(device):
    answer = Engine().ask(Open(Experiment(device=device)))
    assert isinstance(answer, Failed)
    assert device in answer.sentence
    assert "--device cpu" in answer.sentence


def test_a_device_without_float64_takes_no_two_parameter_problem():
    formula = line_formula()
    with pytest.raises(ConfigError, match="float64, which mps has not; use --device cpu"):
        formula_problem(formula, formula.start, torch.device("mps"))


def test_when_every_run_diverged_the_seconds_clock_stands_where_the_last_one_stopped(device):
    engine, _ = opened(
        Experiment(device=device, clock="seconds", runs=(RunConfig("one", 1, lr=1e6), RunConfig("all", "all", lr=1e6)))
    )
    answer = advanced(engine, 1000)
    assert answer.finished
    assert (answer.rows["status"][-2:] == Status.DIVERGED).any()
    assert np.isfinite(answer.rows["position"]).all()
    assert math.isfinite(answer.covered)


def test_being_woken_up_before_every_answer_changes_nothing(monkeypatch, device):
    def rows():
        engine, _ = opened(Experiment(device=device))
        return np.concatenate([advanced(engine, 1).rows for _ in range(20)])

    expected = rows()
    monkeypatch.setattr(sim.engine, "_REST", -1.0)
    monkeypatch.setattr(sim.engine, "_LIGHT", math.inf)
    woken = rows()
    for name in set(expected.dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(woken[name], expected[name])


@pytest.mark.parametrize(("epochs", "updates"), [(2.2, 99), (0.07, 4), (1, 45)])
def test_epochs_end_at_the_first_update_that_completes_them(epochs, updates, device):
    engine, _ = opened(Experiment(device=device, runs=(RunConfig("ten", 10, lr=0.1),), limit=Limit("epochs", epochs)))
    answer = advanced(engine, 1000)
    assert answer.finished
    assert answer.rows["update"][-1] == updates


def test_a_run_that_stops_in_the_midst_of_a_chunk_has_the_right_report_or_none(device):
    reports = []
    for moments in (1, 50):
        experiment = Experiment(ModelConfig(), runs=(RunConfig("hasty", 32, lr=1e5),), device=device)
        engine, _ = opened(experiment)
        while not advanced(engine, moments).finished:
            pass
        answer = engine.ask(Inspect(None, None))
        assert isinstance(answer, Inspected)
        reports.append(answer.reports[0])
    one, many = reports
    assert one.update == many.update > 1
    assert one.indices == many.indices
    assert np.isfinite(one.full_gradient).all()
    assert np.isnan(many.full_gradient).all()  # what it would have to be computed at is gone


def test_without_a_budget_all_moments_are_made(device):
    engine, _ = opened(Experiment(device=device))
    assert advanced(engine, 300, budget=math.inf).rows["moment"][-1] == 300
