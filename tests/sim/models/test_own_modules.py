"""Modules of many kinds: each trains as the plain loop does, and can be looked at from every side."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.models.problem import Problem
from sim.protocol.answers import Failed
from sim.protocol.commands import Inspect, Predict, Survey
from sim.protocol.results import Inspected, Predicted, Surveyed
from sim.views.planes import random_plane
from tests.sim.conftest import assert_same, tolerance
from tests.sim.one_run import module_of, work
from tests.sim.real_models import advanced, flat, opened, own_file, problem_of
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
    "one module used twice": """
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
    "a class for every position of a sequence": """
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
    "a buffer that is made when it is needed, and grows": """
    class Cached(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.register_buffer("table", None, persistent=False)

        def forward(self, x):
            if self.table is None or len(self.table) < len(x):
                self.table = torch.arange(len(x), device=x.device) % 3 / 2
            return super().forward(x + self.table[: len(x), None])

    def model():
        return Cached()
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
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    run = RunConfig("run", 12, lr=0.05, loss_every=1000)
    engine, _ = opened(Experiment(config, runs=(run,), plane="random", device=device))
    made = advanced(engine, 30)
    assert not made.troubles, made.troubles
    losses, trained = hand_written(config, device, 12, 40)
    assert_like(made.rows["batch_loss"], losses[:30], text, device)
    seen = work(engine, Survey(WINDOW, 6, 4))
    assert isinstance(seen, Surveyed), seen
    problem = problem_of(device, model=config.model, test_fraction=0.0)
    expected = brute_force(problem, trained[30], random_plane(problem.model, 0), WINDOW, 6, 4)
    np.testing.assert_allclose(seen.values, expected, rtol=max(1e-4, tolerance(device)))
    for updates in (None, (11,)):
        report = work(engine, Inspect(updates))
        assert isinstance(report, Inspected), report
        assert report.reports[0] is not None
        assert math.isfinite(report.reports[0].measures["cosine"])
        predicted = work(engine, Predict(5, updates))
        assert isinstance(predicted, Predicted), predicted
        assert predicted.answers == (answers(trained[30 if updates is None else 11], problem),)
    again = advanced(engine, 10)
    assert not again.troubles  # the loss over all examples was evaluated meanwhile
    assert_like(again.rows["batch_loss"], losses[30:], text, device)


def assert_like(ours: np.ndarray, theirs: list[float], text: str, device: str) -> None:
    """The same bits, except where the optimizer adds up parts of a gradient in another order."""
    if "sparse" in text:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    else:
        assert_same(ours, theirs, device)


def answers(model: nn.Module, problem: Problem) -> tuple[str, ...]:
    """What a model says of the first five examples."""
    with torch.no_grad():
        output = copy.deepcopy(model).eval()(problem.batch(torch.arange(5))[0])
    return tuple(str(number) for number in output.argmax(dim=1).reshape(5, -1)[:, 0].tolist())


def hand_written(
    config: ModelConfig, device: str, batch_size: int, updates: int
) -> tuple[list[float], dict[int, nn.Module]]:
    """A plain loop over the same module, loss and data: the loss of each batch, and the module after each update."""
    problem = problem_of(device, model=config.model, test_fraction=0.0)
    dataset = problem.source.dataset()
    generator = torch.Generator().manual_seed(0)
    loader = torch.utils.data.DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    model = problem.model
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), 0.05)
    losses, models = [], {}
    while len(losses) < updates:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            models[len(losses)] = copy_of(model, inputs)
    return losses[:updates], models


def copy_of(model: nn.Module, inputs: torch.Tensor) -> nn.Module:
    """A copy of a model; a pass without gradients has it keep nothing that cannot be copied."""
    with torch.no_grad():
        model.eval()(inputs)
    copied = copy.deepcopy(model)
    model.train()
    return copied


def test_half_precision_serves(tmp_path: Path, device: str) -> None:
    text = """
    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).bfloat16()

    def data():
        x = inputs(60, 4)
        return x.bfloat16(), signs(x)[:, 0].long()
    """
    config = ModelConfig(model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12),), plane="pca", device=device))
    made = advanced(engine, 30)
    assert not made.troubles
    assert "PCA" in made.plane.words
    assert made.rows["loss"][-1] < made.rows["loss"][0]
    seen = work(engine, Survey(WINDOW, 6, 4))
    assert isinstance(seen, Surveyed), seen
    assert np.isfinite(seen.values).all()
    report = work(engine, Inspect(None))
    assert isinstance(report, Inspected), report
    assert report.reports[0] is not None
    assert math.isfinite(report.reports[0].measures["cosine"])


def test_the_full_batch_of_a_model_with_batch_statistics_is_no_degree_off(tmp_path: Path, device: str) -> None:
    config = ModelConfig(model=own_file(tmp_path, HEAD + MODULES["batch statistics"]))
    engine, _ = opened(Experiment(config, runs=(RunConfig("batch", "all", lr=0.05),), device=device))
    advanced(engine, 5)
    for updates in (None, (2,)):
        answer = work(engine, Inspect(updates))
        assert isinstance(answer, Inspected)
        assert answer.reports[0] is not None
        assert answer.reports[0].measures["cosine"] == pytest.approx(1, abs=1e-5)
        assert answer.reports[0].measures["relative_error"] < 1e-4


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
    run = RunConfig("run", 10, lr=0.5, loss_every=1)
    engine, _ = opened(Experiment(config, runs=(run,), device=device))
    rows = advanced(engine, 60).rows
    problem, module = engine._open.problem, module_of(engine, 0)
    weight, bias = flat(module)[:-1], flat(module)[-1]
    inputs, labels = problem.source.take(problem.test)
    if model == "nn.Linear(4, 3)":
        layer = module.cpu()
        logits = inputs.cpu() @ layer.weight.T + layer.bias
    else:
        logits = (inputs.cpu() @ weight + bias)[:, None]
    right = ((logits > 0) == (labels.cpu() > 0.5)).float().mean().item()
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
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12, loss_every=1),), device=device))
    advanced(engine, 10)
    for job in (Predict(4), Survey(WINDOW, 4, 3), Inspect(None), Inspect((4,)), Predict(4, (7,))):
        assert not isinstance(work(engine, job), Failed)
    assert module_of(engine, 0).calls.item() == 10
    advanced(engine, 5)
    assert module_of(engine, 0).calls.item() == 15


def test_a_landscape_over_running_statistics_is_made_anew_as_they_change(tmp_path: Path, device: str) -> None:
    config = ModelConfig(model=own_file(tmp_path, HEAD + MODULES["batch statistics"]))
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 12, lr=0.05),), plane="random", device=device))
    pictures = []
    for _ in range(2):
        answer = work(engine, Survey(WINDOW, 4, 3))
        assert isinstance(answer, Surveyed)
        pictures.append(answer)
        advanced(engine, 50)
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
    assert [run.loss_every for run in opening.experiment.runs] == [1, 5, 60]
    rows = advanced(engine, 12).rows
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
