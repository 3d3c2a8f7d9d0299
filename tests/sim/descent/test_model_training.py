"""Runs of real models held against a hand-written loop of DataLoader, nn.Module and torch.optim."""

from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import sim.models.problem
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.problem import ModelConfig
from sim.models.evaluation import figures, full_gradient
from sim.models.flat import Layout
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same
from tests.sim.one_run import joined
from tests.sim.real_models import (
    BATCH_NORM,
    DROPOUT,
    advanced,
    descent_of,
    digits,
    digits_mlp,
    flat,
    opened,
    own_file,
    plain_loop,
    problem_of,
    training_part,
)
from tui import cli

OPTIMIZERS = {
    "sgd": ({}, lambda parameters: torch.optim.SGD(parameters, 0.1)),
    "momentum": ({"momentum": 0.9}, lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9)),
    "adam": ({"optimizer": "adam"}, torch.optim.Adam),
}
SGD = OPTIMIZERS["sgd"][1]


@pytest.mark.parametrize(("batch_size", "updates"), [(1, 150), (32, 100), ("all", 6)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_mlp_on_digits_is_bit_for_bit_the_plain_loop(device, optimizer, batch_size, updates):
    settings, make_optimizer = OPTIMIZERS[optimizer]
    run = RunConfig("run", batch_size, **settings)
    train = training_part(digits(), seed=3)
    losses, model = plain_loop(
        train,
        digits_mlp,
        nn.CrossEntropyLoss(),
        make_optimizer,
        1438 if batch_size == "all" else batch_size,
        updates,
        device,
        seed=3,
    )
    descent = descent_of(problem_of(device, seed=3), run, seed=3)
    rows = descent.advance(updates)
    assert_same(rows["batch_loss"], losses, device)
    assert_same(descent.vector.cpu(), flat(model), device)
    assert_same(flat(descent.module), flat(model), device)


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_regression_on_a_table_is_bit_for_bit_the_plain_loop(fraction, device):
    """Rows of 10 numbers, whose batches are not aligned in memory as images of 64 are."""
    data = sklearn.datasets.load_diabetes(scaled=False)
    everything = TensorDataset(torch.arange(442))
    train = [everything[int(index)][0] for index in getattr(training_part(everything, fraction), "indices", range(442))]
    inputs, target = (
        torch.tensor(StandardScaler().fit_transform(values[train]), dtype=torch.float32)
        for values in (data.data, data.target[:, None])
    )

    def make_model():
        return nn.Sequential(nn.Flatten(), nn.Linear(10, 7), nn.ReLU(), nn.Linear(7, 1))

    losses, model = plain_loop(
        TensorDataset(inputs, target), make_model, nn.MSELoss(), lambda p: torch.optim.SGD(p, 0.02), 5, 200, device
    )
    problem = problem_of(device, dataset="diabetes", hidden=(7,), test_fraction=fraction)
    descent = descent_of(problem, RunConfig("run", 5, lr=0.02))
    assert_same(descent.advance(200)["batch_loss"], losses, device)
    assert_same(flat(descent.module), flat(model), device)


@pytest.mark.parametrize("batch_size", [1, 7, 32])
@pytest.mark.parametrize("hidden", [(10,), (14, 14), (30, 50)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_layers_of_any_width_are_bit_for_bit_the_plain_loop(device, optimizer, hidden, batch_size):
    """Their parameters are not multiples of what a processor takes at once, and lie in one vector here."""

    def make_model():
        layers = [[nn.Linear(*sizes), nn.ReLU()] for sizes in pairwise((64, *hidden))]
        return nn.Sequential(nn.Flatten(), *chain.from_iterable(layers), nn.Linear(hidden[-1], 10))

    settings, make_optimizer = OPTIMIZERS[optimizer]
    losses, model = plain_loop(
        training_part(digits()), make_model, nn.CrossEntropyLoss(), make_optimizer, batch_size, 80, device
    )
    descent = descent_of(problem_of(device, hidden=hidden), RunConfig("run", batch_size, **settings))
    assert_same(descent.advance(80)["batch_loss"], losses, device)
    assert_same(flat(descent.module), flat(model), device)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
def test_what_lies_between_parameters_stays_zero_whatever_the_optimizer(device, optimizer):
    descent = descent_of(problem_of(device, hidden=(3, 5)), RunConfig("run", 7, lr=0.01, optimizer=optimizer))
    descent.advance(59)
    batch = descent.stepper.gradients(descent.state).own.cpu()
    row = descent.advance(1)
    layout = Layout.of(descent.module.parameters())
    assert layout.length > len(flat(descent.module))
    assert not descent.vector.cpu()[~layout.occupied()].any()
    assert not full_gradient(descent.problem, descent.module).cpu()[~layout.occupied()].any()
    assert not batch[~layout.occupied()].any()
    assert row["grad_norm"][0] == pytest.approx(batch[layout.occupied()].norm().item(), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_without_a_test_part_all_examples_are_trained_on_in_the_given_order(batch_size, device):
    losses, _ = plain_loop(digits(), digits_mlp, nn.CrossEntropyLoss(), SGD, batch_size, 120, device)
    problem = problem_of(device, test_fraction=0.0)
    assert problem.examples == 1797
    assert problem.testing is None
    rows = descent_of(problem, RunConfig("run", batch_size)).advance(120)
    assert_same(rows["batch_loss"], losses, device)
    assert np.isnan(rows["test_loss"]).all()


def test_dropout_draws_from_the_state_after_the_model_was_made(tmp_path: Path, device):
    def make_model():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))

    losses, _ = plain_loop(training_part(digits()), make_model, nn.CrossEntropyLoss(), SGD, 32, 100, device)
    problem = problem_of(device, model=own_file(tmp_path, DROPOUT))
    torch.rand(7)  # what else is drawn in the process does not matter
    rows = descent_of(problem, RunConfig("run", 32)).advance(100)
    assert_same(rows["batch_loss"], losses, device)


def test_runs_that_take_turns_do_not_disturb_each_other(tmp_path: Path, device):
    config = ModelConfig(model=own_file(tmp_path, DROPOUT))
    runs = (RunConfig("a", 32), RunConfig("b", 7), RunConfig("c", 32))
    engine, _ = opened(Experiment(config, runs=runs, clock="examples", device=device))
    together = advanced(engine, 300)
    for index, run in enumerate(runs):
        rows = together.rows[together.rows["run"] == index]
        alone = descent_of(problem_of(device, model=config.model), run).advance(len(rows))
        assert len(rows) > 50
        assert_same(rows["batch_loss"], alone["batch_loss"], device)


@pytest.mark.parametrize("workers", [0, 2])
def test_both_loaders_give_the_same_path(device, workers):
    for run in (RunConfig("run", 32), RunConfig("run", 32, sampling="replacement", drop_last=True)):
        loaded = descent_of(problem_of(device, loader="dataloader", workers=workers), run)
        resident = descent_of(problem_of(device, loader="resident"), run)
        pieces = joined(loaded.advance(count) for count in (1, 20, 39))
        assert_same(pieces["batch_loss"], resident.advance(60)["batch_loss"], device)
        assert_same(loaded.vector.cpu(), resident.vector.cpu(), device)


# -- chunks -----------------------------------------------------------------------------------------------------------


def test_a_gradient_in_chunks_is_the_whole_one_within_rounding(device, monkeypatch: pytest.MonkeyPatch):
    model, (inputs, targets) = digits_mlp(), training_part(digits())[:]
    whole = problem_of(device)
    model.load_state_dict(whole.model.state_dict())
    nn.functional.cross_entropy(model(inputs), targets).backward()
    expected = torch.cat([parameter.grad.reshape(-1) for parameter in model.parameters()])
    monkeypatch.setattr(sim.models.problem, "_CHUNK_BYTES", 100 * 64 * 4)
    chunked = problem_of(device)
    assert (chunked.chunk_size, chunked.examples) == (100, 1438)
    np.testing.assert_allclose(full_gradient(chunked, chunked.model).cpu(), expected, rtol=1e-4, atol=1e-7)
    loss = nn.functional.cross_entropy(model(inputs), targets).item()
    for size in ("all", 1438):
        descent = descent_of(chunked, RunConfig("batch", size, lr=1.0))
        before = descent.vector.cpu()
        made = descent.advance(1)
        np.testing.assert_allclose(before - descent.vector.cpu(), expected, rtol=1e-3, atol=1e-7)
        assert made["grad_norm"][0] == pytest.approx(expected.norm().item(), rel=1e-5)
        assert made["batch_loss"][0] == pytest.approx(loss, rel=1e-6)
    assert figures(chunked, chunked.model, chunked.training).loss == pytest.approx(loss, rel=1e-6)


def test_batch_statistics_refuse_chunks_and_the_other_runs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device
):
    monkeypatch.setattr(sim.models.problem, "_CHUNK_BYTES", 100 * 64 * 4)
    config = ModelConfig(model=own_file(tmp_path, BATCH_NORM))
    runs = (RunConfig("batch", "all"), RunConfig("mini-batch", 32))
    engine, _ = opened(Experiment(config, runs=runs, device=device))
    answer = advanced(engine, 5)
    (trouble,) = answer.troubles
    assert trouble.run == 0
    assert "batch statistics" in trouble.sentence
    assert "give a smaller batch_size, such as 100" in trouble.sentence
    assert answer.rows["run"].tolist() == [1] * 5


# -- batch statistics of a single example -----------------------------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "made", "cure"), [(1, 0, "batch_size of 2 or more"), (1437, 1, "drop_last")])
def test_batch_norm_of_one_example_stops_that_run_alone(tmp_path: Path, batch_size, made, cure, device):
    config = ModelConfig(model=own_file(tmp_path, BATCH_NORM))
    runs = (RunConfig("lonely", batch_size), RunConfig("mini-batch", 32))
    engine, _ = opened(Experiment(config, runs=runs, device=device, limit=Limit("updates", 4)))
    answer = advanced(engine, 10)
    (trouble,) = answer.troubles
    assert "batch normalisation cannot work on a single example" in trouble.sentence
    assert "'lonely'" in trouble.sentence
    assert cure in trouble.sentence
    assert "Traceback" in trouble.details
    assert (answer.rows["run"] == 0).sum() == made
    assert (answer.rows["run"] == 1).sum() == 4
    assert answer.finished


def test_drop_last_is_the_cure_of_a_leftover_example(tmp_path: Path, device):
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM))
    descent = descent_of(problem, RunConfig("run", 1437, drop_last=True))
    assert len(descent.advance(3)) == 3
    assert descent.status == Status.RUNNING


def test_a_run_that_failed_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], device):
    file = own_file(tmp_path, BATCH_NORM)
    assert cli.main(["run", "--model", file, "--updates", "3", "--device", device]) == 2
    captured = capsys.readouterr()
    (sentence,) = captured.err.splitlines()
    assert "'stochastic'" in sentence
    assert "single example" in sentence
    lines = {line.split()[0]: line for line in captured.out.splitlines() if line}
    assert lines["stochastic"].endswith("failed")
    assert lines["mini-batch"].endswith("running")


# -- what it is for ---------------------------------------------------------------------------------------------------


def test_after_20_epochs_the_mini_batch_run_predicts_more_than_95_of_100_digits(device):
    """As with `gdsim --model mlp --clock examples --epochs 20`: what a run does hangs on no other run (see above), so
    that the slow stochastic one can be left out. The accuracy is counted here, by hand."""
    run = RunConfig("mini-batch", 32, loss_every=45)
    problem = problem_of(device)
    descent = descent_of(problem, run, limit=Limit("epochs", 20))
    rows = descent.advance(10_000)
    assert rows["epoch"][-1] == 20
    held_out = sorted(set(range(1797)) - set(training_part(digits()).indices))
    images, labels = digits()[held_out]
    model = digits_mlp()
    nn.utils.vector_to_parameters(descent.vector.cpu(), model.parameters())
    accuracy = (model(images).argmax(dim=1) == labels).float().mean().item()
    assert accuracy > 0.95
    assert rows["test_accuracy"][-1] == pytest.approx(accuracy)
    expected = nn.functional.cross_entropy(model(images), labels).item()
    assert rows["test_loss"][-1] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(rows["test_loss"]).sum() == 20


def test_the_norm_is_that_of_the_gradient_whatever_an_optimizer_makes_of_it(device):
    """Some of torch's ways to step write over the gradient."""
    problem = problem_of(device)
    made = descent_of(problem, RunConfig("run", 32, lr=0.1, momentum=0.9, nesterov=True)).advance(5)
    model = problem.twin(problem.model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
    loader = DataLoader(training_part(digits()), 32, shuffle=True, generator=torch.Generator().manual_seed(0))
    norms = []
    for inputs, targets in islice(loader, 5):
        optimizer.zero_grad()
        problem.loss(model(inputs.to(device)), targets.to(device)).backward()
        norms.append(torch.cat([one.grad.flatten() for one in model.parameters()]).norm().item())
        optimizer.step()
    np.testing.assert_allclose(made["grad_norm"], norms, rtol=1e-3)
