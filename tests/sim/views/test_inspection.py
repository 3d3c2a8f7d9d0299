"""What is reported of a model's past updates, against a loop that anybody would write."""

import itertools
import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.protocol.commands import Inspect, Predict, Survey
from sim.protocol.results import Inspected
from tests.sim.conftest import assert_same
from tests.sim.one_run import work, worked
from tests.sim.real_models import BATCH_NORM, DROPOUT, advanced, digits, opened, own_file, training_part
from tests.sim.views.test_landscape import WINDOW


def gradients_by_hand(
    file: str, updates: Collection[int], device: str
) -> dict[int, tuple[list[int], torch.Tensor, torch.Tensor]]:
    """For some updates their examples, their gradients, and those over all examples without dropout."""
    made: dict[str, object] = {}
    exec(Path(file).read_text(), made)
    torch.manual_seed(0)
    model = made["model"]().to(device)
    optimizer = torch.optim.Adam(model.parameters(), 0.003)
    train = training_part(digits())
    rows = DataLoader(train.indices, 32, shuffle=True, generator=torch.Generator().manual_seed(0))
    batches = itertools.chain.from_iterable(iter(rows) for _ in itertools.count())
    updates_by_hand = {}
    for update, batch in zip(range(1, max(updates) + 1), batches, strict=False):
        full = full_gradient(model, *(part.to(device) for part in train[:])) if update in updates else None
        inputs, targets = (part.to(device) for part in digits()[batch])
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        if full is not None:
            updates_by_hand[update] = batch.tolist(), gradient_of(model), full
        optimizer.step()
    return updates_by_hand


def gradient_of(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.grad.reshape(-1) for parameter in model.parameters()]).cpu()


def full_gradient(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """With batch normalisation by all examples, as training on all of them would have it."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    for part in model.modules():
        part.train(not isinstance(part, nn.Dropout))
    model.zero_grad()
    nn.functional.cross_entropy(model(inputs), targets).backward()
    model.train()
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])
    return gradient_of(model)


@pytest.mark.parametrize("text", [DROPOUT, BATCH_NORM], ids=["dropout", "batch norm"])
def test_every_past_update_is_reported_exactly(tmp_path: Path, text: str, device: str) -> None:
    file = own_file(tmp_path, text)
    run = RunConfig("run", 32, optimizer="adam", lr=0.003)
    engine, _ = opened(Experiment(ModelConfig(model=file), runs=(run,), plane="random", device=device))
    rows = np.concatenate([advanced(engine, count).rows for count in (1, 40, 60)])
    looked_at = (101, 17, 100, 2, 41, 42, 1)
    expected = gradients_by_hand(file, looked_at, device)
    rounding = 1e-4 if device == "cpu" else 1e-2
    for update in looked_at:
        answer = work(engine, Inspect((update,)))
        assert isinstance(answer, Inspected), answer
        (report,), (indices, own, full) = answer.reports, expected[update]
        assert report is not None
        assert (report.update, report.batch_size, list(report.indices)) == (update, 32, indices)
        assert float(own.norm()) == pytest.approx(rows["grad_norm"][update - 1], rel=rounding)
        plane = engine._open.trails.plane
        np.testing.assert_allclose(report.gradient, plane.directions(own), rtol=rounding, atol=rounding / 10)
        np.testing.assert_allclose(report.full_gradient, plane.directions(full), rtol=rounding, atol=rounding / 10)
        cosine = float(torch.cosine_similarity(own, full, dim=0))
        assert report.measures["cosine"] == pytest.approx(cosine, abs=rounding)
        error = float((own - full).norm() / full.norm())
        assert report.measures["relative_error"] == pytest.approx(error, rel=rounding)


@pytest.mark.parametrize("text", [DROPOUT, BATCH_NORM], ids=["dropout", "batch norm"])
def test_a_past_gradient_is_as_long_as_the_trace_says(tmp_path: Path, text: str, device: str) -> None:
    runs = (RunConfig("run", 32), RunConfig("adam", 7, optimizer="adam", schedule="one-cycle", schedule_updates=60))
    engine, _ = opened(Experiment(ModelConfig(model=own_file(tmp_path, text)), runs=runs, device=device))
    rows = np.concatenate([advanced(engine, 30).rows for _ in range(3)])
    race = engine._open.race
    for run, update in itertools.product((0, 1), (90, 61, 5, 60, 33, 1)):
        (row,) = rows[(rows["run"] == run) & (rows["update"] == update)]
        own = race.gradients(run, race.run_state(run, update - 1)).own
        rounding = 1e-6 if device == "cpu" else 1e-2
        assert float(own.norm()) == pytest.approx(row["grad_norm"], rel=rounding)


def test_looking_back_does_not_change_what_comes(tmp_path: Path, device: str) -> None:
    traces = []
    for looked in (False, True):
        engine, _ = opened(
            Experiment(
                ModelConfig(model=own_file(tmp_path, BATCH_NORM)),
                runs=(RunConfig("run", 32, optimizer="adam"), RunConfig("other", 7, sampling="replacement")),
                device=device,
            )
        )
        blocks = []
        for _ in range(5):
            blocks.append(advanced(engine, 8).rows)
            if looked:
                for job in (Inspect(None), Inspect((3, 5)), Predict(4), Predict(4, (2, 7)), Survey(WINDOW, 4, 3)):
                    work(engine, job)
        traces.append(np.concatenate(blocks))
    for name in set(traces[0].dtype.names) - {"seconds"}:
        if device == "cpu":
            np.testing.assert_array_equal(traces[0][name], traces[1][name])
        else:
            np.testing.assert_allclose(traces[0][name], traces[1][name], rtol=1e-2)


def test_what_takes_long_to_make_again_is_made_in_pieces(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.descent.retention.REPLAYED", math.inf)  # none is kept but the start
    engine, _ = opened(Experiment(device=device))
    advanced(engine, 100)
    job = Inspect((50, 50, 50))
    expected = work(engine, job)
    work(engine, Inspect((1, 1, 1)))  # else it would be gone on from what was looked at last
    monkeypatch.setattr("sim.descent.racer.REPLAYED", 1e-9)  # an update a piece
    answers = [worked(engine, job, 0.0)]
    while answers[-1].pending:
        answers.append(worked(engine, job, 0.0))
    assert len(answers) > 3 * 40
    ((_, found),) = answers[-1].results
    for report, report_too in zip(found.reports, expected.reports, strict=True):
        assert report.indices == report_too.indices
        assert_same(report.gradient, report_too.gradient, device)


def test_there_is_nothing_to_report_of_updates_to_come(device: str) -> None:
    engine, _ = opened(Experiment(device=device))
    advanced(engine, 10)
    assert work(engine, Inspect((11, 12, 500))).reports == (None, None, None)
