"""Updates whose passes are recorded, held against the torch stepper's.

On the CPU nothing can be recorded; there the passes are made anew at every launch, and all else is the same.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.descent.backends import steppers_of
from sim.descent.captured import capture
from sim.descent.graph_stepper import GraphStepper
from sim.experiment import choices
from sim.experiment.choices import SCHEDULES
from sim.experiment.config import Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.models.problem import formula_problem
from sim.protocol.trace import Status
from tests.sim.conftest import line_formula
from tests.sim.one_run import OneRun, bits, joined, resolved
from tests.sim.real_models import BATCH_NORM, own_file, problem_of

NESTEROV = {"momentum": 0.9, "nesterov": True}


def made_again(passes, _written, _batch):
    """The passes themselves, in the place of a recording of them."""
    return passes


def recorded(one):
    """The run, whose passes are recorded where that can be done."""
    here = capture if one.problem.device.type == "cuda" else made_again
    one.stepper = GraphStepper(one.problem, one.course, capture=here)
    return one


def both(problem, run, rate=None, **fields):
    """A run as the reference makes it, and as the recording does."""
    return OneRun(problem, run, rate=rate, **fields), recorded(OneRun(problem, run, rate=rate, **fields))


def assert_alike(expected, made, within=1e-4):
    """The same on the CPU; on a GPU sums may be taken in another order."""
    on_gpu = expected.block.snapshots.numel() and torch.cuda.is_available()
    for name in set(expected.columns) - {"seconds"}:
        if on_gpu:
            np.testing.assert_allclose(made[name], expected[name], rtol=within, atol=within / 10, err_msg=name)
        else:
            np.testing.assert_array_equal(made[name], expected[name], err_msg=name)


@pytest.fixture
def cnn(device):
    problem = problem_of(device, model="cnn", test_fraction=0.9)  # 180 examples: 20 are left over after 5 batches
    return replace(problem, test=problem.test[:50])  # else most of the time goes into testing


@pytest.mark.parametrize("optimizer", choices.OPTIMIZERS)
def test_every_optimizer_goes_the_reference_s_way(cnn, optimizer):
    """A leftover batch of another shape, momenta that begin, and passes over all examples on the way."""
    run = RunConfig("run", 32, optimizer=optimizer, loss_every=4)
    first, second = both(cnn, run)
    assert_alike(first.advance(14), second.advance(14))
    assert set(second.state.optimizer) == set(first.state.optimizer)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_the_reference_s_way(cnn, schedule):
    run = RunConfig("run", 32, schedule=schedule, schedule_updates=8, **NESTEROV)
    first, second = both(cnn, run)
    assert_alike(first.advance(12), second.advance(12))
    assert second.state.schedule == first.state.schedule


@pytest.mark.parametrize("size", [1, "all"])
def test_every_batch_size_goes_the_reference_s_way(cnn, size):
    first, second = both(cnn, RunConfig("run", size, loss_every=3))
    assert_alike(first.advance(7), second.advance(7))


def test_what_a_plane_shows_goes_the_reference_s_way(device):
    problem = formula_problem(line_formula(), line_formula().start, torch.device(device))
    first, second = both(problem, RunConfig("run", 2), rate=0.1)
    assert_alike(first.advance(9), second.advance(9), within=1e-9)


def test_dropout_and_batch_statistics_go_the_reference_s_way(device, tmp_path):
    """Numbers are drawn as if nothing had been recorded, and the buffers move as they would."""
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM), test_fraction=0.9)
    first, second = both(problem, RunConfig("run", 32, drop_last=True, loss_every=5))
    assert_alike(first.advance(12), second.advance(12))
    for name, buffer in first.state.buffers.items():
        torch.testing.assert_close(second.state.buffers[name], buffer)
    assert bits(second.state.random) == bits(first.state.random)


def test_batches_of_a_loader_are_taken(device):
    problem = problem_of(device, test_fraction=0.9, loader="dataloader")
    first, second = both(problem, RunConfig("run", 32))
    assert_alike(first.advance(9), second.advance(9))


def test_a_batch_in_chunks_goes_the_reference_s_way(cnn, monkeypatch):
    monkeypatch.setitem(cnn.__dict__, "chunk_size", 64)
    first, second = both(cnn, RunConfig("run", "all"))
    assert_alike(first.advance(3), second.advance(3))


def test_pieces_do_not_matter_and_any_state_is_gone_on_from(cnn):
    run = RunConfig("run", 32, optimizer="adam", loss_every=4)
    expected, one = both(cnn, run)
    whole = expected.advance(20)
    parts = [one.advance(count) for count in (1, 0, 7)]
    middle = one.state
    again = [one.advance(5), one.advance(7)]
    one.state = middle
    assert_alike(whole, _as_made(whole, joined([*parts, *again])))
    assert_alike(again[0], one.advance(5))


def _as_made(like, columns):
    made = object.__new__(type(like))
    made.block, made.columns = like.block, columns
    return made


def test_only_the_snapshots_that_are_due_are_kept(cnn):
    _, one = both(cnn, RunConfig("run", 32, loss_every=4))
    everywhere = one.advance(20).block.snapshots
    _, again = both(cnn, RunConfig("run", 32, loss_every=4))
    _, block = again.stepper.advance(again.state, 20, keep_every=6)
    assert block.kept.tolist() == [6, 12, 18]
    torch.testing.assert_close(block.snapshots, everywhere[5::6])


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_a_run_diverges_where_the_reference_does(cnn, rate):
    first, second = both(cnn, RunConfig("run", 32, lr=rate, loss_every=50))
    expected, made = first.advance(40), second.advance(40)
    assert made["status"].tolist() == expected["status"].tolist()
    assert made["status"][-1] == Status.DIVERGED
    torch.testing.assert_close(second.vector, first.vector, rtol=1e-3, atol=1e-3, equal_nan=True)


def test_a_run_ends_where_the_reference_does(cnn):
    first, second = both(cnn, RunConfig("run", 32, loss_every=1000), limit=Limit("epochs", 2))
    expected, made = first.advance(100), second.advance(100)
    assert_alike(expected, made)
    assert math.isfinite(made["test_loss"][-1])


def test_a_run_stops_where_its_time_is_up(cnn):
    _, one = both(cnn, RunConfig("run", 32))
    now = iter(range(1000))
    one.stepper.timer = lambda: next(now) / 8
    _, block = one.stepper.advance(one.state, 300, until=4.0)
    assert block.seconds[-1] >= 4.0 > block.seconds[-2]


def test_what_cannot_be_recorded_on_the_way_stops_the_run_and_says_why(cnn):
    def choosy(passes, _written, batch):
        if len(batch[0]) < 32:
            raise RuntimeError("no leftovers")
        return passes

    _, one = both(cnn, RunConfig("run", 32, loss_every=50))
    one.stepper = GraphStepper(cnn, one.course, capture=choosy)
    made = one.advance(20)
    assert len(made) == 5
    assert one.status is Status.FAILED
    assert "stopped at update 6: RuntimeError: no leftovers" in made.block.trouble.sentence


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("return self.own(x) if x.sum() > 0 else -self.own(x)", "captur"),
        ("self.seen = self.seen + 1; return self.own(x) + 0 * self.seen", "replaces its buffers"),
        ("self.calls += 1; return self.own(x) * self.calls", "something else"),
    ],
)
def test_a_model_that_cannot_be_recorded_is_refused_and_torch_goes_on(tmp_path, text, why):
    own = f"""
        import torch
        from torch import nn

        class Own(nn.Module):
            def __init__(self):
                super().__init__()
                self.own = nn.Linear(64, 10)
                self.register_buffer("seen", torch.zeros(1))
                self.calls = 0

            def forward(self, x):
                x = x.flatten(1)
                {text}

        def model():
            return Own()
    """
    problem = problem_of("cuda", model=own_file(tmp_path, own), test_fraction=0.9)
    experiment = resolved(problem, RunConfig("run", 32), backend="compiled")
    with pytest.raises(ConfigError, match=f"records an update as a CUDA graph.*{why}"):
        steppers_of(problem, experiment, "compiled")
    made = OneRun(problem, RunConfig("run", 32), rate=None).advance(5)
    assert np.isfinite(made["batch_loss"]).all()
