"""The possible steps of a recorded loop, against autograd and against where the loop went."""

import copy
import math
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from sim.models.flat import Layout
from sim.recorder import Recorder, landscapes, origins, record
from sim.recorder.allowance import Allowance
from sim.recording.reader import Recording
from tests.sim.recorder.line import Line

INPUTS = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
TARGETS = (INPUTS[:, 0] > 0).long()
CROSS_ENTROPY = nn.CrossEntropyLoss()
RATE = 0.1

Optimizer = Callable[[nn.Module], torch.optim.Optimizer]


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that looks after each update, whatever it costs, but at few points of a landscape."""
    monkeypatch.setattr(record, "_FIRST", 0.0)
    monkeypatch.setattr(record, "_EVERY", 0.0)
    monkeypatch.setattr(record, "_STEPS_AT_THE_END", math.inf)
    monkeypatch.setattr(Allowance, "due", lambda *_: 0.0)
    monkeypatch.setattr(landscapes, "_GRID", (4, 3))


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), RATE)


def network() -> nn.Module:
    """With dropout and batch statistics."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 2)


def recorded(
    path: Path,
    model: nn.Module,
    updates: int,
    optimizer: Optimizer = sgd,
    before_each: Callable[[nn.Module], None] = lambda _: None,
) -> tuple[Recording, Tensor]:
    """A plain loop in batches of 16; its recording, and the directions of the last plane, shape (2, P)."""
    made, dataset = optimizer(model), TensorDataset(INPUTS, TARGETS)
    layout = Layout.of(one for one in model.parameters() if one.requires_grad)
    loader = DataLoader(dataset, 16, shuffle=True, drop_last=True)
    with Recorder(path, model, made, loss=lambda *pair: CROSS_ENTROPY(*pair), data=dataset) as recorder:
        while updates > 0:
            for inputs, targets in loader:
                before_each(model)
                made.zero_grad()
                loss = CROSS_ENTROPY(model(inputs), targets)
                loss.backward()
                made.step()
                recorder.update(loss, len(inputs))
                updates -= 1
        assert recorder._record is not None
        trails = recorder._record._trails
    return Recording(path), trails.plane.basis[:, layout.occupied()]


def looked_at(path: Path) -> list[int]:
    """The updates of which there are possible steps."""
    looks, update, found = Recording(path).looks, 10**9, list[int]()
    while (one := looks.cloud(0, update)) is not None:
        update = one.update - 1
        found.insert(0, one.update)
    return found


def gradient(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Of the mean loss over some examples, shape (P,)."""
    found = torch.autograd.grad(CROSS_ENTROPY(model(inputs), targets), list(model.parameters()))
    return torch.cat([one.flatten() for one in found])


def one_by_one(model: nn.Module) -> Tensor:
    """The gradient of each example alone, shape (N, P), in eval mode."""
    calm = copy.deepcopy(model).eval()
    return torch.stack([gradient(calm, INPUTS[index : index + 1], TARGETS[index : index + 1]) for index in range(60)])


def all_together(model: nn.Module) -> Tensor:
    """That of all examples, with batch normalisation by all of them, and without dropout."""
    calm = copy.deepcopy(model)
    calm[3].eval()  # type: ignore[operator,index]
    return gradient(calm, INPUTS, TARGETS)


def same(found: object, expected: Tensor) -> None:
    """To within the rounding of float32, which is what is recorded."""
    np.testing.assert_allclose(found, expected.double().numpy(), rtol=1e-3, atol=1e-5)


def test_they_are_minus_the_rate_times_the_gradients_of_autograd_on_the_last_plane(tmp_path: Path) -> None:
    alone, full = list[Tensor](), list[Tensor]()

    def look(model: nn.Module) -> None:
        alone.append(one_by_one(model))
        full.append(all_together(model))

    recording, directions = recorded(tmp_path / "mine.gdsim", network(), 12, before_each=look)
    assert looked_at(recording.path) == list(range(1, 13))
    trail = recording.news().plane.trails[0]
    for update in range(1, 13):
        found, report = recording.looks.cloud(0, update), recording.looks.report(0, update)
        assert found is not None
        assert report is not None
        cloud, own = found.cloud, trail.xy[update] - trail.xy[update - 1]
        assert cloud is not None
        same(cloud.steps, -RATE * alone[update - 1] @ directions.T)
        same(cloud.full, -RATE * directions @ full[update - 1])
        np.testing.assert_allclose(found.origin, trail.xy[update - 1], atol=1e-5)
        np.testing.assert_allclose(cloud.own, own, atol=1e-5)  # where torch.optim went
        assert (cloud.batch_size, cloud.sampled, cloud.total, cloud.plain, cloud.used.any()) == (
            16,
            60,
            60,
            True,
            False,
        )
        same(report.full_gradient, directions @ full[update - 1])
        np.testing.assert_allclose(report.gradient, -own / RATE, atol=1e-4)
        assert (report.update, report.batch_size, report.indices) == (update, 16, ())


def test_a_part_that_is_frozen_on_the_way(tmp_path: Path) -> None:
    updates, alone = count(1), list[Tensor]()

    def freeze(model: nn.Module) -> None:
        alone.append(one_by_one(copy.deepcopy(model).requires_grad_()))
        model[0].requires_grad_(next(updates) < 4)  # type: ignore[operator,index]

    recording, directions = recorded(tmp_path / "mine.gdsim", network(), 9, before_each=freeze)
    assert looked_at(recording.path) == list(range(1, 10))
    assert recording.landscapes
    found = recording.looks.cloud(0, 9)
    assert found is not None
    assert found.cloud is not None
    same(found.cloud.steps, -RATE * alone[8] @ directions.T)


def test_a_part_that_is_freed_on_the_way(tmp_path: Path) -> None:
    """What was trained at first is recorded to the end, and the rest not."""
    model, updates = network(), count(1)
    model[0].requires_grad_(False)  # type: ignore[operator,index]

    def free(model: nn.Module) -> None:
        model[0].requires_grad_(next(updates) >= 4)  # type: ignore[operator,index]

    recording, _ = recorded(tmp_path / "mine.gdsim", model, 9, before_each=free)
    assert recording.opened.experiment.parameters == 16 * 2 + 16 * 2 + 2
    assert looked_at(recording.path) == list(range(1, 10))
    assert recording.landscapes


def test_angles_are_those_of_whole_gradients(tmp_path: Path) -> None:
    gradients, full = list[Tensor](), list[Tensor]()

    def look(model: nn.Module) -> None:
        if all(one.grad is not None for one in model.parameters()):
            gradients.append(torch.cat([one.grad.flatten() for one in model.parameters()]))  # type: ignore[union-attr]
        full.append(gradient(model, INPUTS, TARGETS))

    recording, _ = recorded(tmp_path / "mine.gdsim", line(), 6, before_each=look)
    for update, (own, whole) in enumerate(zip(gradients, full, strict=False), start=1):
        report = recording.looks.report(0, update)
        assert report is not None
        cosine = torch.nn.functional.cosine_similarity(own, whole, dim=0).item()
        assert report.measures["angle"] == pytest.approx(math.degrees(math.acos(cosine)), abs=0.1)
        assert report.measures["relative_error"] == pytest.approx(float((own - whole).norm() / whole.norm()), rel=1e-3)


def test_two_parameters(tmp_path: Path) -> None:
    inputs = torch.linspace(-1, 1, 20, dtype=torch.float64)
    targets, model, path = 3 * inputs + 1, Line(), tmp_path / "line.gdsim"
    optimizer = torch.optim.SGD(model.parameters(), 0.25)
    with Recorder(path, model, optimizer, loss=nn.MSELoss(), data=(inputs, targets)) as recorder:
        for index in range(3):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs[index]), targets[index])
            loss.backward()
            optimizer.step()
            recorder.update(loss, 1)
    recording = Recording(path)
    xy: NDArray[np.float64] = recording.news().plane.trails[0].xy
    for update in (1, 2, 3):
        found = recording.looks.cloud(0, update)
        assert found is not None
        assert found.cloud is not None
        slope, intercept = xy[update - 1]
        off = 2 * (slope * inputs.numpy() + intercept - targets.numpy())
        np.testing.assert_allclose(found.cloud.steps, -0.25 * np.stack([off * inputs.numpy(), off], axis=1), rtol=1e-6)
        np.testing.assert_allclose(found.cloud.own, found.cloud.steps[update - 1], rtol=1e-6)


def test_the_more_updates_the_further_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_MOST", 8)
    monkeypatch.setattr(record, "_EVERY", math.inf)  # none before the end
    recorded(tmp_path / "mine.gdsim", line(), 99)
    updates = looked_at(tmp_path / "mine.gdsim")
    assert updates[0] == 1
    assert 4 <= len(updates) <= 8
    assert max(np.diff([*updates, 99])) <= 99 / 4


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda model: torch.optim.Adam(model.parameters()),
        lambda model: torch.optim.SGD(model.parameters(), RATE, momentum=0.9),
        lambda model: torch.optim.SGD(model.parameters(), RATE, weight_decay=0.1),
        lambda model: torch.optim.SGD(
            [{"params": [one], "lr": 0.1 / n} for n, one in enumerate(model.parameters(), 1)]
        ),
    ],
    ids=["adam", "momentum", "weight decay", "two rates"],
)
def test_steps_that_the_optimizer_does_not_make_are_said_to_be_so(tmp_path: Path, optimizer: Optimizer) -> None:
    recording, _ = recorded(tmp_path / "mine.gdsim", line(), 1, optimizer)
    found = recording.looks.cloud(0, 1)
    assert found is not None
    assert found.cloud is not None
    assert not found.cloud.plain


def test_what_was_seen_of_a_loop_that_is_interrupted_stays(tmp_path: Path) -> None:
    left = iter(range(5))

    def interrupt(_: nn.Module) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    path = tmp_path / "mine.gdsim"
    with pytest.raises(KeyboardInterrupt):
        recorded(path, line(), 9, before_each=interrupt)
    assert looked_at(path)[-1] == 5
    recording = Recording(path)
    landscape = recording.landscape
    assert landscape is not None
    assert landscape.plane == recording.news().plane.number


def test_a_model_too_large_to_be_kept_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_MEMORY", 100)
    recording, _ = recorded(tmp_path / "mine.gdsim", line(), 3)
    assert recording.looks.newest() == (0, 0)
    assert recording.landscape is not None
