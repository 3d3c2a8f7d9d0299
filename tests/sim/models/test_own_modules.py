"""Modules of many kinds: each trains as the plain loop does, and can be looked at from every side."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sim.experiment.config import Experiment, ModelConfig, RunConfig
from sim.experiment.geometry import Window
from sim.protocol.answers import Advanced, Inspected, Predicted, Surveyed
from sim.protocol.commands import Advance, Inspect, Predict, Survey
from sim.views.planes import random_plane
from tests.sim.conftest import assert_same, tolerance
from tests.sim.real_models import flat, opened, own_file, problem_of
from tests.sim.views.test_landscape import brute_force

HEAD = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    def inputs(*shape):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(1))

    def signs(x):
        return (x.flatten(1)[:, :1] > 0)
"""
TELLING = """
    def data():
        x = inputs(60, 4)
        return x, signs(x)[:, 0].long()
"""
MODULES = {
    "one module in two places": """
    def model():
        inner = nn.Linear(4, 4)
        return nn.Sequential(inner, nn.Tanh(), inner, nn.Tanh(), nn.Linear(4, 2))
    """
    + TELLING,
    "tied weights": """
    def model():
        one, two = nn.Linear(4, 4), nn.Linear(4, 4)
        two.weight = one.weight
        return nn.Sequential(one, nn.Tanh(), two, nn.Linear(4, 2))
    """
    + TELLING,
    "frozen part": """
    def model():
        net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        net[0].weight.requires_grad_(False)
        return net
    """
    + TELLING,
    "recurrent": """
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(1, 6, batch_first=True), nn.Linear(6, 2)

        def forward(self, x):
            return self.head(self.lstm(x[:, :, None])[0][:, -1])

    def model():
        return Last()
    """
    + TELLING,
    "embedding of whole numbers": """
    def model():
        return nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 2))

    def data():
        x = (inputs(60, 3).abs() * 10).long() % 7
        return x, x[:, 0] % 2
    """,
    "sparse gradients": """
    def model():
        return nn.Sequential(nn.Embedding(7, 4, sparse=True), nn.Flatten(), nn.Linear(12, 2))

    def data():
        x = (inputs(60, 3).abs() * 10).long() % 7
        return x, x[:, 0] % 2
    """,
    "keeps its activations": """
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x):
            self.kept = torch.tanh(self.one(x))
            return self.two(self.kept)

    def model():
        return Keeping()
    """
    + TELLING,
    "weight normalisation": """
    def model():
        return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 8)), nn.Tanh(), nn.Linear(8, 2))
    """
    + TELLING,
    "double precision": """
    def model():
        return nn.Linear(4, 2).double()

    def data():
        x = inputs(60, 4).double()
        return x, signs(x)[:, 0].long()
    """,
    "a loss of one number in a vector": """
    def model():
        return nn.Linear(4, 2)

    def loss(output, target):
        return F.cross_entropy(output, target).reshape(1)
    """
    + TELLING,
    "a class for every place of a sequence": """
    def model():
        return nn.Sequential(nn.Conv1d(1, 8, 3, padding=1), nn.Tanh(), nn.Conv1d(8, 3, 1))

    def data():
        x = inputs(60, 1, 5)
        return x, (x[:, 0] > 0).long() + (x[:, 0] > 1)
    """,
    "a buffer spread out": """
    class Masked(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.register_buffer("mask", torch.ones(()).expand(4))

        def forward(self, x):
            return super().forward(x * self.mask)

    def model():
        return Masked()
    """
    + TELLING,
    "batch statistics": """
    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    """
    + TELLING,
}
WINDOW = Window(-1.0, 1.5, -0.5, 1.0)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("text", MODULES.values(), ids=MODULES)
def test_every_kind_trains_and_can_be_looked_at(tmp_path: Path, text: str, device: str) -> None:
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), plane="random", test_fraction=0.0)
    run = RunConfig("run", 12, lr=0.05)
    engine, _ = opened(Experiment(config, runs=(run,), device=device, loss_every=1000))
    advanced = engine.ask(Advance(30, math.inf, 60.0))
    assert isinstance(advanced, Advanced), advanced
    assert not advanced.troubles, advanced.troubles
    losses, trained = hand_written(config, device, 12, 30)
    if "sparse" in text:  # the optimizer adds their parts up in another order
        np.testing.assert_allclose(advanced.rows["batch_loss"], losses, rtol=1e-5)
    else:
        assert_same(advanced.rows["batch_loss"], losses, device)
    seen = engine.ask(Survey(WINDOW, 6, 4))
    assert isinstance(seen, Surveyed), seen
    problem = problem_of(device, model=config.model, test_fraction=0.0)
    expected = brute_force(problem, trained, random_plane(problem.model, 0), WINDOW, 6, 4)
    np.testing.assert_allclose(seen.values, expected, rtol=max(1e-4, tolerance(device)))
    report = engine.ask(Inspect(None, None))
    assert isinstance(report, Inspected), report
    assert report.reports[0] is not None
    assert math.isfinite(report.reports[0].cosine)
    told = engine.ask(Predict(5))
    assert isinstance(told, Predicted), told
    again = engine.ask(Advance(10, math.inf, 60.0))
    assert isinstance(again, Advanced)
    assert not again.troubles  # the loss over all examples was evaluated meanwhile


def hand_written(config: ModelConfig, device: str, batch_size: int, updates: int) -> tuple[list[float], nn.Module]:
    """A plain loop over the same module, loss and data: the loss of each batch, and the module at the end."""
    problem = problem_of(device, model=config.model, test_fraction=0.0)
    dataset = problem.source.dataset()
    generator = torch.Generator().manual_seed(0)
    loader = torch.utils.data.DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    model = problem.model
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), 0.05)
    losses: list[float] = []
    while len(losses) < updates:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with torch.no_grad():
        model.eval()(inputs)  # so that it keeps nothing that cannot be copied
    return losses[:updates], model


def test_half_precision_serves(tmp_path: Path, device: str) -> None:
    text = """
    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).bfloat16()

    def data():
        x = inputs(60, 4)
        return x.bfloat16(), signs(x)[:, 0].long()
    """
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), plane="pca", test_fraction=0.0)
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12),), device=device))
    advanced = engine.ask(Advance(30, math.inf, 60.0))
    assert isinstance(advanced, Advanced)
    assert not advanced.troubles
    assert advanced.plane is not None
    assert "PCA" in advanced.plane.words
    assert advanced.rows["loss"][-1] < advanced.rows["loss"][0]
    seen = engine.ask(Survey(WINDOW, 6, 4))
    assert isinstance(seen, Surveyed), seen
    assert np.isfinite(seen.values).all()
    report = engine.ask(Inspect(None, None))
    assert isinstance(report, Inspected), report
    assert report.reports[0] is not None
    assert math.isfinite(report.reports[0].cosine)


def test_the_full_batch_of_a_model_with_batch_statistics_is_no_degree_off(tmp_path: Path, device: str) -> None:
    config = ModelConfig(model=own_file(tmp_path, HEAD + MODULES["batch statistics"]))
    engine, _ = opened(Experiment(config, runs=(RunConfig("batch", "all", lr=0.05),), device=device))
    assert isinstance(engine.ask(Advance(5, math.inf, 60.0)), Advanced)
    answer = engine.ask(Inspect(None, None))
    assert isinstance(answer, Inspected)
    assert answer.reports[0] is not None
    assert answer.reports[0].cosine == pytest.approx(1, abs=1e-5)
    assert answer.reports[0].relative_error < 1e-4


ACCURACIES = {
    "a probability": ("nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())", "F.binary_cross_entropy", "signs(x).float()"),
    "a logit": ("nn.Linear(4, 1)", "F.binary_cross_entropy_with_logits", "signs(x).float()"),
    "a probability that is kept off 0 and 1": (
        "nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())",
        "lambda p, y: F.binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), y)",
        "signs(x).float()",
    ),
    "a probability with squared errors": (
        "nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())",
        "lambda p, y: 4 * F.mse_loss(p, y)",
        "signs(x).float()",
    ),
    "several labels": ("nn.Linear(4, 3)", "F.binary_cross_entropy_with_logits", "(x[:, :3] > 0).float()"),
}


@pytest.mark.parametrize(("model", "loss", "targets"), ACCURACIES.values(), ids=ACCURACIES)
def test_accuracy_is_of_what_the_outputs_mean(tmp_path: Path, model: str, loss: str, targets: str, device: str) -> None:
    text = f"""
    def model():
        return {model}

    def data():
        x = inputs(80, 4)
        return x, {targets}

    loss = {loss}
    """
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), task="classification", test_fraction=0.25)
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 10, lr=0.5),), device=device, loss_every=1))
    rows = engine.ask(Advance(60, math.inf, 60.0)).rows
    descent = engine._open.descents[0]
    weight, bias = flat(descent.module)[:-1], flat(descent.module)[-1]
    inputs, answers = descent._problem.source.take(descent._problem.test)
    if model == "nn.Linear(4, 3)":
        layer = descent.module.cpu()
        logits = inputs.cpu() @ layer.weight.T + layer.bias
    else:
        logits = (inputs.cpu() @ weight + bias)[:, None]
    right = ((logits > 0) == (answers.cpu() > 0.5)).float().mean().item()
    assert rows["test_accuracy"][-1] == pytest.approx(right)
    assert right > 0.8


def test_a_counter_in_a_buffer_is_not_moved_by_looking(tmp_path: Path, device: str) -> None:
    text = """
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return super().forward(x)

    def model():
        return Counting()
    """
    config = ModelConfig(model=own_file(tmp_path, HEAD + text + TELLING))
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12),), device=device, loss_every=1))
    for command in (Advance(10, math.inf, 60.0), Predict(4), Survey(WINDOW, 4, 3), Inspect(None, None)):
        engine.ask(command)
    assert engine._open.descents[0].module.calls.item() == 10


def test_a_landscape_over_running_statistics_is_made_anew_as_they_change(tmp_path: Path, device: str) -> None:
    config = ModelConfig(model=own_file(tmp_path, HEAD + MODULES["batch statistics"]), plane="random")
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12, lr=0.05),), device=device))
    pictures = []
    for _ in range(2):
        answer = engine.ask(Survey(WINDOW, 4, 3))
        assert isinstance(answer, Surveyed)
        pictures.append(answer)
        engine.ask(Advance(50, math.inf, 60.0))
    assert pictures[1].plane > pictures[0].plane
    assert np.abs(pictures[1].values - pictures[0].values).max() > 1e-3


def test_a_data_set_that_makes_its_examples_is_gone_through_once_an_epoch(tmp_path: Path, device: str) -> None:
    text = """
    class Squares(torch.utils.data.Dataset):
        def __len__(self):
            return 60

        def __getitem__(self, index):
            return torch.tensor([index / 60.0]), torch.tensor([index**2 / 3600.0])

    def model():
        return nn.Linear(1, 1)

    def data():
        return Squares()
    """
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    runs = (RunConfig("batch", "all"), RunConfig("run", 12), RunConfig("one", 1))
    engine, opening = opened(Experiment(config, runs=runs, device=device))
    assert opening.loss_every == (1, 5, 60)
    rows = engine.ask(Advance(12, math.inf, 60.0)).rows
    own = rows[rows["run"] == 1]
    assert own["update"][~np.isnan(own["loss"])].tolist() == [5, 10]


def test_tensors_of_a_class_of_ones_own_are_what_it_makes_of_them(tmp_path: Path, device: str) -> None:
    text = """
    class Tenfold(torch.utils.data.TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return 10 * x, y

    def model():
        return nn.Linear(4, 2)

    def data():
        x = inputs(60, 4)
        return Tenfold(x, signs(x)[:, 0].long())
    """
    problem = problem_of(device, model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    plain = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(problem.batch(torch.arange(60))[0].cpu(), 10 * plain)
