"""Losses that are no plain means, and classes that are not 0, 1, 2: against one pass in one go, and scikit-learn."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch import Tensor

import sim.models.problem
import sim.views.landscape
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.models.evaluation import figures, full_gradient
from sim.models.flat import Layout
from sim.models.problem import Problem
from sim.protocol.answers import Opened
from sim.protocol.commands import Advance, Predict
from sim.protocol.results import Predicted
from sim.views.landscape import survey
from sim.views.planes import random_plane
from tests.sim.conftest import tolerance
from tests.sim.one_run import module_of, work
from tests.sim.real_models import descent_of, flat, opened, own_file, problem_of, refused
from tests.sim.views.test_landscape import brute_force

HEAD = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    def inputs(*shape):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(1))

    def model():
        return nn.Linear(4, 3)

    def data():
        x = inputs(400, 4)
        y = x.argmax(dim=1) % 3
        y[:90] = 2  # so that chunks are unlike each other
        return {data}

    loss = {loss}
"""
WEIGHTS = "torch.tensor([1.0, 5.0, 0.2])"
LOSSES = {
    "weights of classes": (f"nn.CrossEntropyLoss({WEIGHTS})", "x, y"),
    "a label that is left out": ("nn.CrossEntropyLoss(ignore_index=2)", "x, y"),
    "both, and smoothed": (f"nn.CrossEntropyLoss({WEIGHTS}, ignore_index=0, label_smoothing=0.2)", "x, y"),
    "the default label that is left out": ("nn.CrossEntropyLoss()", "x, torch.where(y == 2, -100, y)"),
    "probabilities": (f"nn.CrossEntropyLoss({WEIGHTS})", "x, F.one_hot(y, 3) * 0.7 + 0.1"),
    "log probabilities": (f"nn.NLLLoss({WEIGHTS})", "x, y"),
    "a sum": ("nn.CrossEntropyLoss(reduction='sum')", "x, y"),
    "a weighted sum": (f"nn.CrossEntropyLoss({WEIGHTS}, reduction='sum')", "x, y"),
    "a sum of one's own": ("lambda o, t: F.cross_entropy(o, t, reduction='sum')", "x, y"),
    "a mean of one's own": ("lambda o, t: F.cross_entropy(o, t) + 3", "x, y"),
    "weights that are not divided by": (
        f"lambda o, t: F.cross_entropy(o, t, {WEIGHTS}.to(o), reduction='none').mean()",
        "x, y",
    ),
}


def text_of(loss: str, data: str = "x, y") -> str:
    return HEAD.format(loss=loss, data=data)


def in_chunks(device: str, monkeypatch: pytest.MonkeyPatch, file: str) -> Problem:
    monkeypatch.setattr(sim.models.problem, "_CHUNK_BYTES", 70 * 4 * 4)
    problem = problem_of(device, model=file, task="classification")
    assert (problem.chunk_size, problem.examples) == (70, 320)
    return problem


@pytest.mark.parametrize(("loss", "data"), LOSSES.values(), ids=LOSSES)
def test_what_is_taken_in_chunks_is_what_one_go_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, loss: str, data: str
) -> None:
    problem = in_chunks(device, monkeypatch, own_file(tmp_path, text_of(loss, data)))
    inputs, targets = problem.source.take(problem.train)
    value = problem.loss(problem.model(inputs), targets)
    expected = torch.cat([one.reshape(-1) for one in torch.autograd.grad(value, list(problem.model.parameters()))])
    near = {"rtol": max(2e-5, tolerance(device)), "atol": 1e-5 * float(expected.abs().max())}
    assert figures(problem, problem.model, problem.training).loss == pytest.approx(value.item(), rel=1e-5)
    held_out = problem.source.take(problem.test)
    assert figures(problem, problem.model, problem.testing).loss == pytest.approx(
        problem.loss(problem.model(held_out[0]), held_out[1]).item(), rel=1e-5
    )
    gradient = full_gradient(problem, problem.model).cpu()
    occupied = Layout.of(problem.model.parameters()).occupied()
    np.testing.assert_allclose(gradient[occupied], expected.cpu(), **near)
    descent = descent_of(problem, RunConfig("batch", "all", lr=0.01))
    before = flat(descent.module)
    row = descent.advance(1)
    assert row["batch_loss"].item() == pytest.approx(value.item(), rel=1e-5)
    assert row["grad_norm"].item() == pytest.approx(expected.norm().item(), rel=1e-5)
    np.testing.assert_allclose(
        (before - flat(descent.module)) / 0.01, expected.cpu(), rtol=1e-3, atol=near["atol"] * 10
    )
    window, plane = Window(-1, 1, -1, 1), random_plane(problem.model, 0)
    (*_, last) = survey(problem, problem.model, plane.at, window, 4, 3)
    np.testing.assert_allclose(
        last.values, brute_force(problem, problem.model, plane, window, 4, 3), rtol=max(2e-5, tolerance(device))
    )


@pytest.mark.parametrize("loss", ["nn.CrossEntropyLoss(reduction='sum')", "nn.CrossEntropyLoss()"])
def test_a_landscape_over_a_sample_is_as_high_as_one_over_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, loss: str
) -> None:
    problem = in_chunks(device, monkeypatch, own_file(tmp_path, text_of(loss)))
    window, plane = Window(-0.5, 0.5, -0.5, 0.5), random_plane(problem.model, 0)
    monkeypatch.setattr(sim.views.landscape, "_MOST_WORK", 1)
    (*_, last) = survey(problem, problem.model, plane.at, window, 4, 3)
    assert last.examples == 256 < problem.examples
    np.testing.assert_allclose(last.values, brute_force(problem, problem.model, plane, window, 4, 3), rtol=0.1)


NEITHER = {
    "weights": f"lambda o, t: F.cross_entropy(o, t, {WEIGHTS}.to(o))",
    "a label that is left out": "lambda o, t: F.cross_entropy(o, t, ignore_index=2)",
    "the largest": "lambda o, t: F.cross_entropy(o, t, reduction='none').max()",
}


@pytest.mark.parametrize("loss", NEITHER.values(), ids=NEITHER)
def test_a_loss_that_does_not_add_up_is_refused_where_it_would_have_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, loss: str
) -> None:
    file = own_file(tmp_path, text_of(loss))
    problem = problem_of(device, model=file)  # in one go
    inputs, targets = problem.source.take(problem.train)
    value = problem.loss(problem.model(inputs), targets).item()
    assert figures(problem, problem.model, problem.training).loss == value
    monkeypatch.setattr(sim.models.problem, "_CHUNK_BYTES", 70 * 4 * 4)
    answer = refused(device, model=file)
    assert answer.config
    assert "neither the mean nor the sum over a batch, so that 320 examples cannot be taken in chunks of 70" in (
        answer.sentence
    )


# -- accuracy ---------------------------------------------------------------------------------------------------------

SIGNS = "(x[:, :1] + 0.3 * x[:, 1:2] > 0.4)"
SINGLE = {
    "a hinge on 0 and 1": ("lambda o, t: F.relu(1 - o * (2 * t - 1)).mean()", f"{SIGNS}.float()"),
    "a hinge on -1 and 1": ("lambda o, t: F.relu(1 - o * t).mean()", f"{SIGNS} * 2.0 - 1"),
    "a hinge on whole -1 and 1": ("lambda o, t: F.relu(1 - o * t).mean()", f"{SIGNS} * 2 - 1"),
    "a squared hinge": ("lambda o, t: F.relu(1 - o * t).square().mean()", f"{SIGNS} * 2.0 - 1"),
    "a soft margin": ("nn.SoftMarginLoss()", f"{SIGNS} * 2.0 - 1"),
    "least squares on -1 and 1": ("nn.MSELoss()", f"{SIGNS} * 2.0 - 1"),
    "least squares on 0 and 1": ("nn.MSELoss()", f"{SIGNS}.float()"),
    "logits with a heavy class": ("nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))", f"{SIGNS}.float()"),
    "logits with a light class": ("nn.BCEWithLogitsLoss(pos_weight=torch.tensor(0.2))", f"{SIGNS}.float()"),
    "tempered logits": ("lambda o, t: F.binary_cross_entropy_with_logits(o / 10, t)", f"{SIGNS}.float()"),
    "an asymmetric loss of logits": (
        "lambda o, t: (-t * F.logsigmoid(o) - (1 - t) * torch.sigmoid(o) ** 3 * F.logsigmoid(-o)).mean()",
        f"{SIGNS}.float()",
    ),
}
HALF = {"least squares on 0 and 1"}


def model_text(loss: str, targets: str, model: str = "nn.Linear(4, 1)") -> str:
    return f"""
    import torch
    from torch import nn
    from torch.nn import functional as F

    def model():
        return {model}

    def data():
        x = torch.randn(300, 4, generator=torch.Generator().manual_seed(1))
        return x, {targets}

    loss = {loss}
    """


def trained(path: str, device: str, updates: int = 60) -> tuple[Opened, float, Tensor, Tensor, Predicted]:
    """The test accuracy at the end; the outputs and targets of the test examples; what is predicted of some."""
    run = RunConfig("run", 20, lr=0.05, loss_every=1)
    experiment = Experiment(ModelConfig(path, task="classification"), runs=(run,), device=device)
    engine, _ = opened(experiment)
    rows = engine.ask(Advance(updates, math.inf, 60.0)).rows
    predicted, problem = work(engine, Predict(8)), engine._open.problem
    assert isinstance(predicted, Predicted)
    inputs, targets = problem.source.take(problem.test)
    with torch.no_grad():
        outputs = module_of(engine, 0).eval()(inputs)
    return rows["test_accuracy"][-1], outputs.cpu(), targets.cpu(), predicted


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_output_predicts_the_class_on_its_side(tmp_path: Path, device: str, name: str) -> None:
    loss, targets = SINGLE[name]
    accuracy, outputs, truths, predicted = trained(own_file(tmp_path, model_text(loss, targets)), device)
    threshold = 0.5 if name in HALF else 0.0
    second = outputs > threshold
    assert accuracy == pytest.approx(accuracy_score(truths > 0, second))
    assert accuracy != pytest.approx(accuracy_score(truths > 0, outputs > 0.5 - threshold))
    assert predicted.right[0] == tuple(((truths > 0) == second)[:8, 0].tolist())


LABELS = "(x[:, :3] > 0).long()"  # three labels an example
LEFT_OUT = {
    "single labels": ("nn.CrossEntropyLoss()", f"torch.where(x[:, 1:4] > 1, -100, {LABELS})", -100),
    "single labels, by a label of one's own": (
        "nn.CrossEntropyLoss(ignore_index=255)",
        f"torch.where(x[:, 1:4] > 1, 255, {LABELS})",
        255,
    ),
    "whole examples": ("nn.CrossEntropyLoss()", f"torch.where(x[:, 3:] > 0.5, -100, {LABELS})", -100),
    "the first examples": (
        "nn.CrossEntropyLoss()",
        f"torch.where(torch.arange(300)[:, None] < 40, -100, {LABELS})",
        -100,
    ),
    "a function": ("lambda o, t: F.cross_entropy(o, t)", f"torch.where(x[:, 1:4] > 1, -100, {LABELS})", -100),
}


@pytest.mark.parametrize(("loss", "targets", "ignored"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_labels_that_are_left_out_do_not_count(
    tmp_path: Path, device: str, loss: str, targets: str, ignored: int
) -> None:
    model = "nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3)))"
    accuracy, outputs, truths, predicted = trained(own_file(tmp_path, model_text(loss, targets, model)), device)
    known = truths != ignored
    assert 0 < int(known.sum()) < known.numel()
    assert accuracy == pytest.approx(accuracy_score(truths[known], outputs.argmax(dim=1)[known]))
    assert accuracy > 0.7
    for example, right in enumerate(predicted.right[0]):
        some = known[example]
        likeliest = outputs.argmax(dim=1)[example]
        assert right == (bool((likeliest == truths[example])[some].all()) if some.any() else None)


def test_probabilities_of_classes_stand_for_the_likeliest(tmp_path: Path, device: str) -> None:
    targets = "F.one_hot(x[:, :3].argmax(dim=1), 3) * 0.7 + 0.1"
    file = own_file(tmp_path, model_text("nn.CrossEntropyLoss()", targets, "nn.Linear(4, 3)"))
    accuracy, outputs, truths, predicted = trained(file, device)
    assert accuracy == pytest.approx(accuracy_score(truths.argmax(dim=1), outputs.argmax(dim=1)))
    assert predicted.truths == tuple(map(str, truths.argmax(dim=1)[:8].tolist()))
