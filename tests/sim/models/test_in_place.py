"""Models and losses that change in place what they are given, held against loops in which nothing is used again."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import sim.models.problem
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.models.copies import OnCopies
from sim.models.flat import Layout
from sim.protocol.answers import Advanced
from sim.protocol.commands import Advance, Inspect, Predict, Survey
from sim.protocol.results import Inspected, Predicted, Surveyed
from sim.views.landscape import grid
from sim.views.planes import random_plane
from tests.sim.conftest import assert_same, tolerance
from tests.sim.one_run import work
from tests.sim.real_models import opened, own_file, plain_loop, problem_of, training_part

TEXT = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, inputs):
            {body}
            return self.layer(inputs)

    def model():
        return Model()

    def data():
        generator = torch.Generator().manual_seed(1)
        inputs = torch.randn(150, 6, generator=generator)
        return inputs, inputs @ torch.randn(6, 3, generator=generator)

    def loss(output, target):
        {loss}
        return F.mse_loss(output, target)
"""
BODIES = {
    "an addition": ("inputs += 0.5", ""),
    "behind autograd's back": ("inputs.data.mul_(0.9)", ""),
    "a bound that few inputs reach": ("inputs.clamp_(max=2.0)", ""),
    "in eval mode only": ("if not self.training: inputs.mul_(1.5)", ""),
    "the targets": ("pass", "target.mul_(0.5)"),
    "both": ("inputs.relu_()", "target -= 1"),
}
WINDOW = Window(-1.0, 1.5, -0.5, 1.0)


def own(body: str, loss: str) -> tuple[type[nn.Module], type[nn.Module]]:
    """The model's class and the loss as they stand in the file."""
    names: dict[str, object] = {}
    exec("\n".join(line[4:] for line in TEXT.format(body=body, loss=loss or "pass").splitlines()), names)

    class Loss(nn.Module):
        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            return names["loss"](output, target)  # type: ignore[operator]

    return names["Model"], Loss  # type: ignore[return-value]


def examples() -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(150, 6, generator=generator)
    return TensorDataset(inputs, inputs @ torch.randn(6, 3, generator=generator))


def loss_over(model: nn.Module, loss: nn.Module, dataset: object) -> float:
    """Over copies of all examples, in eval mode."""
    ((inputs, targets),) = DataLoader(dataset, 1000)  # type: ignore[arg-type]
    with torch.no_grad():
        return loss(model.eval()(inputs), targets).item()


@pytest.mark.parametrize("batch_size", [1, 32, "all"])
@pytest.mark.parametrize(("body", "loss"), BODIES.values(), ids=BODIES)
def test_all_numbers_are_those_of_fresh_copies(tmp_path: Path, body, loss, batch_size, device: str) -> None:
    make_model, make_loss = own(body, loss)
    train = training_part(examples())
    run = RunConfig("run", batch_size, lr=0.05, loss_every=1)
    losses, trained = plain_loop(
        train,
        make_model,
        make_loss(),
        lambda p: torch.optim.SGD(p, 0.05),
        120 if batch_size == "all" else batch_size,
        60,
        device,
    )
    config = ModelConfig(own_file(tmp_path, TEXT.format(body=body, loss=loss or "pass")))
    engine, _ = opened(Experiment(config, plane="random", runs=(run,), device=device))
    advanced = engine.ask(Advance(60, math.inf, 60.0))
    assert isinstance(advanced, Advanced)
    assert_same(advanced.rows["batch_loss"], losses, device)
    for job in (Predict(4), Survey(WINDOW, 4, 3), Inspect(None)):
        work(engine, job)
    engine.ask(Advance(1, math.inf, 60.0))
    trained = trained.cpu()
    held_out = torch.utils.data.Subset(examples(), sorted(set(range(150)) - set(train.indices)))
    last = advanced.rows[-1]
    assert last["loss"] == pytest.approx(loss_over(trained, make_loss(), train), rel=tolerance(device))
    assert last["test_loss"] == pytest.approx(loss_over(trained, make_loss(), held_out), rel=tolerance(device))


@pytest.mark.parametrize("chunk_bytes", [100, 2**24])
@pytest.mark.parametrize(("body", "loss"), BODIES.values(), ids=BODIES)
def test_landscape_and_angle_are_those_of_fresh_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body, loss, chunk_bytes, device: str
) -> None:
    monkeypatch.setattr(sim.models.problem, "_CHUNK_BYTES", chunk_bytes)
    config = ModelConfig(own_file(tmp_path, TEXT.format(body=body, loss=loss or "pass")))
    engine, _ = opened(Experiment(config, plane="random", runs=(RunConfig("batch", "all", lr=0.05),), device=device))
    for _ in range(2):
        seen = work(engine, Survey(WINDOW, 5, 4))
        assert isinstance(seen, Surveyed)
    make_model, make_loss = own(body, loss)
    model, start = make_model(), problem_of(device, model=config.model).model
    plane = random_plane(start, 0)
    expected = []
    for x, y in grid(WINDOW, 5, 4).reshape(-1, 2).tolist():
        vector = plane.origin + x * plane.basis[0] + y * plane.basis[1]
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), Layout.of(model.parameters()).split(vector), strict=True):
                parameter.copy_(value)
        expected.append(loss_over(model, make_loss(), training_part(examples())))
    np.testing.assert_allclose(seen.values.reshape(-1), expected, rtol=tolerance(device))
    if "training" not in body:  # else the batch's loss is another one than that over all examples
        engine.ask(Advance(3, math.inf, 60.0))
        for _ in range(2):
            report = work(engine, Inspect(None))
            assert isinstance(report, Inspected)
            assert report.reports[0].measures["cosine"] == pytest.approx(1, abs=1e-5)


def test_what_is_shown_of_examples_is_what_the_data_hold(tmp_path: Path, device: str) -> None:
    config = ModelConfig(own_file(tmp_path, TEXT.format(body="inputs.zero_()", loss="target.zero_()")))
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 32), RunConfig("other", 8)), device=device))
    predictions = [work(engine, Predict(4)) for _ in range(2)]
    assert all(isinstance(one, Predicted) and one.inputs.all() for one in predictions)
    assert predictions[0].truths == predictions[1].truths
    assert "0.00" not in predictions[0].truths


def test_a_model_that_changes_nothing_works_on_no_copies(tmp_path: Path, device: str) -> None:
    kept = own_file(tmp_path, TEXT.format(body="inputs = inputs + 1", loss="pass"))
    assert not isinstance(problem_of(device, model=kept).model, OnCopies)
    changed = own_file(tmp_path, TEXT.format(body="inputs += 1", loss="pass"))
    assert isinstance(problem_of(device, model=changed).model, OnCopies)
    assert not isinstance(problem_of(device).model, OnCopies)


def test_a_loss_that_changes_outputs_in_place_does_not_change_what_they_predict(tmp_path: Path, device: str) -> None:
    text = """
        import torch
        from torch import nn
        from torch.nn import functional as F

        def model():
            return nn.Linear(4, 1)

        def data():
            inputs = torch.randn(80, 4, generator=torch.Generator().manual_seed(1))
            return inputs, (inputs[:, :1] > 0).float()

        def loss(output, target):
            return F.binary_cross_entropy(output.sigmoid_(), target)
    """
    config = ModelConfig(own_file(tmp_path, text), task="classification", test_fraction=0.25)
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 10, lr=0.5, loss_every=1),), device=device))
    assert engine.ask(Advance(60, math.inf, 60.0)).rows["test_accuracy"][-1] > 0.8
