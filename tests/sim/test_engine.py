"""The engine: commands in, answers out, the same every time."""

import gc
import math
import time
import weakref
from functools import partial
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sim.opening
import sim.under_way
from sim.descent.clock import QUANTUM
from sim.engine import Engine
from sim.experiment.choices import PLANES
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point, Window
from sim.experiment.journal import ClockChange
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.models.problem import formula_problem
from sim.protocol.answers import Changed, Failed, Opened
from sim.protocol.commands import Advance, Inspect, Open, SetClock, SetPlane, Survey
from sim.protocol.results import Inspected, Surveyed
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same, line_formula
from tests.sim.one_run import work, worked
from tests.sim.real_models import advanced, opened


def test_opening_reports_where_everything_stands(device):
    _, answer = opened(Experiment(device=device))
    assert (answer.experiment.examples, answer.experiment.parameters) == (442, 2)
    assert answer.rows["update"].tolist() == [0, 0, 0]
    assert len(set(answer.rows["loss"])) == 1
    assert [run.batch_size for run in answer.experiment.runs] == [442, 32, 1]
    assert [run.loss_every for run in answer.experiment.runs] == [1, 1, 1]
    assert answer.plane.kind == answer.experiment.plane == "identity"
    assert [trail.head for trail in answer.plane.trails] == [answer.experiment.start] * 3


def test_no_pass_is_dear_because_another_program_is_busy(monkeypatch):
    """As where it has the processor for 1000 seconds while each pass is under way."""
    clock = SimpleNamespace(perf_counter=partial(next, count(0.0, 1000.0)), process_time=time.process_time)
    monkeypatch.setattr(sim.opening, "time", clock)
    _, answer = opened(Experiment(device="cpu"))
    assert 0 < answer.pass_seconds < 10


def test_all_runs_begin_where_they_are_asked_to(device):
    engine, answer = opened(Experiment(device=device, start=Point(0.5, -1.25)))
    assert answer.experiment.start == (0.5, -1.25)
    assert [trail.xy.tolist() for trail in answer.plane.trails] == [[[0.5, -1.25]]] * 3
    (loss,) = set(answer.rows["loss"])
    here = work(engine, Survey(around(0.5, -1.25), 1, 1))
    assert here.values[0, 0] == pytest.approx(loss, rel=1e-12)


def around(x, y):
    """A window of no extent to speak of."""
    return Window(x - 1e-9, x + 1e-9, y - 1e-9, y + 1e-9)


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
    changed = engine.ask(SetClock("examples"))
    assert isinstance(changed, Changed)
    assert changed.journal == (ClockChange(5, "examples"),)
    after = advanced(engine, 5).rows
    assert before["moment"].max() < after["moment"].min()
    assert (after["run"] == 2).all()
    assert after["position"].tolist() == [6, 7, 8, 9, 10]
    assert (after["clock"] == 1).all()


def test_on_seconds_no_run_is_more_than_a_quantum_ahead_when_it_is_its_turn(device):
    engine, _ = opened(Experiment(device=device, clock="seconds"))
    rows = advanced(engine, 300).rows
    used = [0.0, 0.0, 0.0]
    for row in rows:
        assert used[row["run"]] <= min(used) + QUANTUM
        used[row["run"]] = row["seconds"]
    assert (np.diff(rows["position"]) >= 0).all()
    assert rows["moment"].tolist() == list(range(1, 301))


def test_the_same_experiment_gives_the_same_bits_however_it_is_asked_for(device):
    columns = ["run", "update", "examples", "batch_loss", "loss", "grad_norm", "lr", "status", "moment", "position"]
    traces, trails = [], []
    for steps in ((200,), (1, 7, 92, 100)):
        engine, _ = opened(Experiment(device=device, clock="examples"))
        answers = [advanced(engine, step) for step in steps]
        traces.append(np.concatenate([answer.rows for answer in answers]))
        trails.append([np.concatenate([answer.plane.trails[run].xy for answer in answers]) for run in range(3)])
    for column in columns:
        assert_same(traces[0][column], traces[1][column], device, 1e-9)
    for one, other in zip(*trails, strict=True):
        assert_same(one, other, device, 1e-9)


def test_two_parameters_are_sent_at_every_update_that_is_reported(device):
    engine, _ = opened(Experiment(device=device))
    answer = advanced(engine, 9)
    for run, trail in enumerate(answer.plane.trails):
        assert trail.updates.tolist() == answer.rows["update"][answer.rows["run"] == run].tolist()
        x, y = trail.xy[4]
        loss = answer.rows["loss"][answer.rows["run"] == run][4]
        assert work(engine, Survey(around(x, y), 1, 1)).values[0, 0] == pytest.approx(loss, rel=1e-9)
        assert trail.head == tuple(trail.xy[-1])


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
    engine, _ = opened(Experiment(device=device))
    rows = np.concatenate([advanced(engine, count).rows for count in (15, 5)])
    for updates in ((9, 9, 9), (20, 1, 15), (3, 16, 20)):
        answer = work(engine, Inspect(updates))
        assert isinstance(answer, Inspected)
        assert answer.updates == updates
        batch, mini, stochastic = answer.reports
        assert (batch.batch_size, mini.batch_size, stochastic.batch_size) == (442, 32, 1)
        assert batch.measures["cosine"] == pytest.approx(1)
        assert batch.measures["relative_error"] == pytest.approx(0, abs=1e-12)
        for run, (update, report) in enumerate(zip(updates, answer.reports, strict=True)):
            (row,) = rows[(rows["run"] == run) & (rows["update"] == update)]
            assert report.update == update
            assert math.hypot(*report.gradient) == pytest.approx(row["grad_norm"], rel=1e-9)


def test_before_the_first_update_there_is_nothing_to_report(device):
    engine, _ = opened(Experiment(device=device))
    for job in (Inspect(None), Inspect((0, 0, 0))):
        assert work(engine, job) == Inspected((0, 0, 0), (None, None, None))
    advanced(engine, 3)
    answer = work(engine, Inspect((0, 2, 0)))
    assert [report and report.update for report in answer.reports] == [None, 2, None]


def test_the_landscape_is_the_mean_squared_error_at_each_cells_centre(device):
    engine, start = opened(Experiment(device=device))
    window = Window(-2, 4, -3, 2)
    answer = work(engine, Survey(window, 12, 10))
    assert isinstance(answer, Surveyed)
    assert answer.values.shape == (10, 12)
    here = work(engine, Survey(around(*start.experiment.start), 1, 1))
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
    monkeypatch.setattr(sim.under_way, "_REST", -1.0)
    monkeypatch.setattr(sim.under_way, "_LIGHT", math.inf)
    woken = rows()
    for name in set(expected.dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(woken[name], expected[name])


@pytest.mark.parametrize(("epochs", "updates"), [(2.2, 99), (0.07, 4), (1, 45)])
def test_epochs_end_at_the_first_update_that_completes_them(epochs, updates, device):
    engine, _ = opened(Experiment(device=device, runs=(RunConfig("ten", 10, lr=0.1),), limit=Limit("epochs", epochs)))
    answer = advanced(engine, 1000)
    assert answer.finished
    assert answer.rows["update"][-1] == updates


def test_a_run_that_stops_in_the_midst_of_a_chunk_has_the_right_report(device):
    reports = []
    for moments in (1, 50):
        experiment = Experiment(ModelConfig(), runs=(RunConfig("hasty", 32, lr=1e5),), plane="random", device=device)
        engine, _ = opened(experiment)
        while not advanced(engine, moments).finished:
            pass
        answer = work(engine, Inspect(None))
        assert isinstance(answer, Inspected)
        reports.append(answer.reports[0])
    one, many = reports
    assert one.update == many.update > 1
    assert one.indices == many.indices
    assert np.isfinite(one.full_gradient).all()
    for name in ("gradient", "full_gradient"):
        assert_same(getattr(one, name), getattr(many, name), device)
    assert_same(list(one.measures.values()), list(many.measures.values()), device)


def test_without_a_budget_all_moments_are_made(device):
    engine, _ = opened(Experiment(device=device))
    assert advanced(engine, 300, budget=math.inf).rows["moment"][-1] == 300


@pytest.mark.parametrize("kind", PLANES)
def test_two_parameters_stay_their_own_plane(kind, device):
    engine, _ = opened(Experiment(device=device))
    advanced(engine, 7)
    engine.ask(SetPlane(kind))
    news = advanced(engine, 7).plane
    assert (news.kind, news.number) == ("identity", 0)
    for run, trail in enumerate(news.trails):
        assert trail.updates.tolist() == list(range(8, 15))
        assert trail.head == tuple(engine._open.race.heads[run].tolist())


@pytest.mark.parametrize("begun", [False, True], ids=["idle", "with a job begun"])
def test_an_experiment_is_let_go_before_the_next_one_is_opened(begun, device):
    """Its memory is needed, and processes of a loader that are collected as garbage take seconds to end."""
    config = ModelConfig(workers=2)
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 32),), plane="random", device=device))
    advanced(engine, 3)
    if begun:
        assert worked(engine, Survey(Window(-1, 1, -1, 1), 40, 30), 0.0).pending
    race = weakref.ref(engine._open.race)
    gc.disable()
    try:
        assert isinstance(engine.ask(Open(Experiment(device=device))), Opened)
        assert race() is None
    finally:
        gc.enable()
