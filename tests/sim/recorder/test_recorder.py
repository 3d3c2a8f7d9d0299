"""A training loop of one's own, recorded: it goes on as it would without, and what it did is in the file."""

import math
import random
import sqlite3
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sim.experiment.document import from_document, to_document
from sim.experiment.errors import ConfigError
from sim.protocol.trace import Rows, Status
from sim.recorder import Recorder, landscapes, record
from sim.recorder.allowance import Allowance
from sim.recording.reader import Recording
from tests.sim.recorder.line import Line

INPUTS = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
TARGETS = (INPUTS[:, 0] > 0).long()
CROSS_ENTROPY = nn.CrossEntropyLoss()


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """Examples that are drawn anew each time, by three generators."""

    def __len__(self) -> int:
        return len(INPUTS)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noise = float(np.random.rand()) + random.random()
        return INPUTS[index] + noise * torch.rand(4), TARGETS[index]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that looks after each update, whatever it costs."""
    monkeypatch.setattr(record, "_FIRST", 0.0)
    monkeypatch.setattr(record, "_EVERY", 0.0)
    monkeypatch.setattr(Allowance, "due", lambda *_: 0.0)


@pytest.fixture(autouse=True)
def quick_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landscapes in no time."""
    monkeypatch.setattr(landscapes, "_GRID", (8, 6))


def network() -> nn.Module:
    """With dropout and batch statistics."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def train(
    model: nn.Module,
    dataset: Dataset[tuple[Tensor, Tensor]],
    epochs: int,
    recorder: Callable[[nn.Module, torch.optim.Optimizer], Recorder] | None = None,
    rate: float = 0.1,
) -> tuple[list[float], list[float]]:
    """A plain loop; the batch losses and the gradients' lengths."""
    optimizer = torch.optim.SGD(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    losses, norms = [], []
    recording = None if recorder is None else recorder(model, optimizer)
    with recording or nullcontext():
        for _ in range(epochs):
            for inputs, targets in DataLoader(dataset, 16, shuffle=True):
                optimizer.zero_grad()
                loss = CROSS_ENTROPY(model(inputs), targets)
                loss.backward()
                optimizer.step()
                if recording is not None:
                    recording.update(loss, len(inputs))
                losses.append(loss.item())
                norms.append(torch.cat([one.grad.flatten() for one in model.parameters()]).norm().item())  # type: ignore[union-attr]
                schedule.step()
    return losses, norms


def recording_of(path: Path) -> tuple[Recording, Rows]:
    """What is in a file, and its rows, update 0 included."""
    recording = Recording(path)
    return recording, np.concatenate([recording.opened.rows, recording.news().rows])


@pytest.mark.usefixtures("eager")
def test_the_loop_ends_at_the_same_bits(tmp_path: Path) -> None:
    ends = []
    for recorder in (
        None,
        lambda model, optimizer: Recorder(tmp_path / "a.gdsim", model, optimizer, loss=CROSS_ENTROPY, data=Noisy()),
    ):
        model = network()
        np.random.seed(0)
        random.seed(0)
        train(model, Noisy(), 3, recorder)
        modes = [part.training for part in model.modules()]
        ends.append((list(model.state_dict().values()), modes, torch.rand(1), np.random.rand(), random.random()))
    (state, *others), (expected, *plain) = ends
    assert all(map(torch.equal, state, expected))
    assert others == plain
    recording = Recording(tmp_path / "a.gdsim")
    assert recording.news().plane.number > 2  # it was fitted anew meanwhile
    assert recording.landscape is not None


@pytest.mark.usefixtures("eager")
def test_what_is_recorded_of_a_model(tmp_path: Path) -> None:
    model, dataset = network(), TensorDataset(INPUTS, TARGETS)
    before = model(INPUTS) if model.eval() else None
    model.train()
    path = tmp_path / "mine.gdsim"
    losses, norms = train(
        model, dataset, 3, lambda *what: Recorder(path, *what, loss=CROSS_ENTROPY, data=DataLoader(dataset, 4))
    )
    recording, rows = recording_of(path)
    np.testing.assert_array_equal(rows["batch_loss"][1:], losses)
    np.testing.assert_allclose(rows["grad_norm"][1:], norms, rtol=1e-6)
    np.testing.assert_allclose(rows["lr"][1:], [0.1] * 5 + [0.01] * 5 + [0.001] * 2)
    np.testing.assert_array_equal(rows["examples"], np.cumsum([0, *[16, 16, 16, 12] * 3]))
    assert rows["epoch"][-1] == 3.0
    with torch.no_grad():
        found = [CROSS_ENTROPY(output, TARGETS).item() for output in (before, model.eval()(INPUTS))]
    np.testing.assert_allclose(rows["loss"][[0, -1]], found, rtol=1e-5)
    (run,) = recording.opened.experiment.runs
    assert (run.name, run.optimizer, run.batch_size, recording.opened.experiment.seed) == ("mine", "sgd", 16, 0)
    assert recording.state == "complete"
    assert from_document(to_document(recording.asked)) == recording.asked
    plane = Recording(path).news().plane
    assert plane.kind == "pca"
    np.testing.assert_array_equal(plane.trails[0].updates, np.arange(13))


def test_two_parameters_are_their_own_plane(tmp_path: Path) -> None:
    inputs = torch.linspace(-1, 1, 20, dtype=torch.float64)
    targets, model, loss_of, went = 3 * inputs + 1, Line(), nn.MSELoss(), [(0.0, 0.0)]
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    with Recorder(tmp_path / "line.gdsim", model, optimizer, loss=loss_of, data=(inputs, targets)) as recorder:
        for _ in range(30):
            optimizer.zero_grad()
            loss = loss_of(model(inputs), targets)
            loss.backward()
            optimizer.step()
            recorder.update(loss.item(), 20)
            went.append((model.slope.item(), model.intercept.item()))
    recording = Recording(tmp_path / "line.gdsim")
    assert recording.opened.experiment.runs[0].full_batch
    assert recording.asked.problem.axes == ("slope", "intercept")  # type: ignore[union-attr]
    plane = recording.news().plane
    assert plane.flat
    np.testing.assert_array_equal(plane.trails[0].xy, went)
    landscape = recording.landscape
    assert landscape is not None
    left, right, bottom, top = landscape.window
    assert left < 0 < went[-1][0] < right
    rows, columns = landscape.values.shape
    slope, intercept = left + (right - left) * 2.5 / columns, top - (top - bottom) * 1.5 / rows
    expected = float(((slope * inputs + intercept - targets) ** 2).mean())
    assert landscape.values[1, 2] == pytest.approx(expected, rel=1e-12)


def test_any_optimizer_without_loss_and_data(tmp_path: Path) -> None:
    model = network()
    model[0].requires_grad_(False)  # type: ignore[operator,index]
    optimizer = torch.optim.NAdam([one for one in model.parameters() if one.requires_grad])
    with Recorder(tmp_path / "mine.gdsim", model, optimizer) as recorder:
        loss = CROSS_ENTROPY(model(INPUTS), TARGETS)
        loss.backward()
        optimizer.step()
        recorder.update(loss, 60)
        optimizer.zero_grad()
        recorder.update(loss, 60)
    recording, rows = recording_of(tmp_path / "mine.gdsim")
    assert recording.opened.experiment.runs[0].optimizer == "nadam"
    assert rows["epoch"].tolist() == [0.0] * 3
    assert np.isnan(rows["grad_norm"]).tolist() == [True, False, True]
    assert recording.landscape is None


def test_a_rate_and_a_loss_that_are_changed_in_place(tmp_path: Path) -> None:
    model, loss = network(), torch.tensor([8.0])
    optimizer = torch.optim.SGD(model.parameters(), torch.tensor(0.5))
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with Recorder(tmp_path / "mine.gdsim", model, optimizer) as recorder:
        for _ in range(20):
            optimizer.step()
            recorder.update(loss, 1)
            schedule.step()
            loss /= 2
    _, rows = recording_of(tmp_path / "mine.gdsim")
    assert rows["lr"][1:].tolist() == [0.5 * 0.5**update for update in range(20)]
    assert rows["batch_loss"][1:].tolist() == [8 * 0.5**update for update in range(20)]


def test_a_loop_too_long_for_all_of_its_way_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, path = network(), tmp_path / "mine.gdsim"
    one = 4 * sum(parameter.numel() for parameter in model.parameters())
    ticks = count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) / 1000)
    monkeypatch.setattr(record, "_GRADIENTS", 0.05)  # most updates are noted only ...
    monkeypatch.setattr(record, "_COPIES", 1.0)  # ... but where the way goes is kept, if there is room
    monkeypatch.setattr(record, "_MEMORY", 20 * one)
    with Recorder(path, model, torch.optim.SGD(model.parameters(), 0.1)) as recorder:
        for _ in range(3000):
            recorder.update(1.0, 1)
    _, rows = recording_of(path)
    assert len(rows) == 3001
    kept = [update for (update,) in sqlite3.connect(path).execute('SELECT "update" FROM points ORDER BY "update"')]
    assert kept[-10:] == list(range(kept[-10], 3000, 256))


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_what_the_loop_raises_leaves_a_whole_file(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def loop() -> None:
        path = tmp_path / "mine.gdsim"
        with Recorder(path, model, optimizer, loss=CROSS_ENTROPY, data=(INPUTS, TARGETS)) as recorder:
            recorder.update(1.0, 16)
            recorder.update(2.0, 16)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()
    recording, rows = recording_of(tmp_path / "mine.gdsim")
    assert recording.state == "complete"
    assert rows["batch_loss"][1:].tolist() == [1.0, 2.0]


@pytest.mark.usefixtures("eager")
def test_a_loop_that_diverges(tmp_path: Path) -> None:
    model = Line()
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    with Recorder(tmp_path / "mine.gdsim", model, optimizer, loss=nn.MSELoss(), data=(INPUTS[:, 0], INPUTS[:, 1])) as r:
        for value in (1.0, math.inf, math.nan):
            with torch.no_grad():
                model.slope.fill_(value)
            r.update(value, 60)
    _, rows = recording_of(tmp_path / "mine.gdsim")
    assert rows["status"].tolist() == [Status.RUNNING, Status.RUNNING, Status.DIVERGED, Status.DIVERGED]
    np.testing.assert_array_equal(rows["batch_loss"][1:], [1.0, math.inf, math.nan])


def complaint_of(path: Path, examples: object = 16, **settings: object) -> str:
    """What is said of a recording, once; the loop ends as it would without."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Recorder(path, model, optimizer, **settings) as recorder:  # type: ignore[arg-type]
            for _ in range(3):
                recorder.update(1.0, examples)  # type: ignore[arg-type]
    (sentence,) = [str(warning.message) for warning in caught]
    assert "\n" not in sentence
    return sentence


def test_what_would_record_nothing_is_refused(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ConfigError, match="give data, too"):
        Recorder(tmp_path / "mine.gdsim", model, optimizer, loss=CROSS_ENTROPY)
    with pytest.raises(RuntimeError, match="within its own block"):
        Recorder(tmp_path / "mine.gdsim", model, optimizer).update(1.0, 16)


def test_trouble_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.gdsim"
    assert complaint_of(tmp_path / "gone" / "mine.gdsim").endswith("the runs did not: no such file or directory.")
    assert "many.gdsim is recorded no further, the loop goes on: " in complaint_of(tmp_path / "many.gdsim", "many")
    assert complaint_of(tmp_path / "mine.db").endswith(f"such as race.gdsim; got {tmp_path / 'mine.db'}.")

    def refused(_output: Tensor, _target: Tensor) -> Tensor:
        raise ValueError("not so")

    assert complaint_of(path, loss=refused, data=(INPUTS, TARGETS)) == (
        "No losses over all examples and no landscapes are recorded: not so."
    )
    nothing = INPUTS[:0], TARGETS[:0]
    assert complaint_of(tmp_path / "none.gdsim", loss=CROSS_ENTROPY, data=nothing) == (
        "No losses over all examples and no landscapes are recorded: the data have no examples, or do not say how many."
    )
    content = path.read_bytes()
    assert complaint_of(path) == f"This experiment is recorded in {tmp_path / 'mine-2.gdsim'}."
    assert path.read_bytes() == content

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("sim.recording.writer.write_answer", full)
    assert complaint_of(tmp_path / "b.gdsim").endswith("ended early, the runs did not: database or disk is full.")
