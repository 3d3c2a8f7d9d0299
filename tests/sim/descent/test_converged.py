"""A run is said to have converged only where its full gradient is that short, by autograd."""

import numpy as np
import pytest
import torch

from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.experiment.config import RunConfig
from sim.protocol.trace import Status
from tests.sim.one_run import OneRun


def gradient_norms(problem, points):
    """Of the mean squared error over all examples, at each of some points."""
    inputs, targets = problem.source.inputs, problem.source.targets
    norms = []
    for point in points:
        a, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in point)
        torch.mean((a * inputs.cpu() + b - targets.cpu()) ** 2).backward()
        norms.append(float(torch.hypot(a.grad, b.grad)))
    return np.array(norms)


@pytest.mark.parametrize("loss_every", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 15, "all"])
def test_every_row_that_says_so_is_true(line, batch_size, loss_every):
    schedule = "constant" if batch_size == "all" else "step"
    run = RunConfig("run", batch_size, lr=0.3, schedule=schedule, schedule_updates=90, loss_every=loss_every)
    made = OneRun(line, run).advance(400)
    says = made["status"] == Status.CONVERGED
    norms = gradient_norms(line, np.stack([made["x"], made["y"]], axis=1))
    if batch_size == "all":  # its gradient is of the point before the update, and the next one is shorter
        norms = np.concatenate([gradient_norms(line, [(-1.5, 1.0)]), norms[:-1]])
        assert says.any()
    assert (norms[says] < GRADIENT_TOLERANCE).all()


def test_a_noisy_run_that_stands_still_is_said_to(line):
    """With a rate that falls to almost nothing where the minimum is."""
    targets = line.source.targets * 0
    line.source.targets = targets  # then every example agrees about the minimum
    made = OneRun(line, RunConfig("run", 5, lr=0.3, loss_every=1)).advance(600)
    assert made["status"][-1] == Status.CONVERGED
    assert made["status"][:10].max() == Status.RUNNING
