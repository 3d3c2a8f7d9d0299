"""Which problems are dense networks, whoever wrote them, and what is said of those that are none."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import TensorDataset

from sim.descent.backends import steppers_of
from sim.descent.course import Course
from sim.descent.torch_stepper import TorchStepper
from sim.experiment.config import RunConfig
from sim.experiment.errors import ConfigError
from sim.models.chain import chain_of
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.models.sources import DatasetSource, TensorSource
from tests.sim.one_run import resolved

CPU = torch.device("cpu")
INPUTS, LABELS = torch.randn(40, 2, 3, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 3


class Written(nn.Module):
    """A forward pass in words of its own."""

    def __init__(self, forward=None):
        super().__init__()
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3, bias=False)
        self.own = forward

    def forward(self, inputs):
        if self.own is not None:
            return self.own(self, inputs)
        hidden = torch.tanh(self.first(inputs.view(inputs.size(0), -1)))
        return self.last(F.gelu(hidden).relu())


def problem_of(model, loss=None, targets=LABELS, **fields):
    torch.manual_seed(0)
    source = TensorSource(INPUTS, targets, CPU, torch.float32)
    return Problem(model, loss or nn.CrossEntropyLoss(), source, RandomState.now(CPU), task="classification", **fields)


def test_a_chain_is_found_whoever_wrote_it():
    stages = chain_of(problem_of(Written())).stages
    assert [(stage.kind, stage.width) for stage in stages] == [
        *(("linear", 5), ("tanh", 5), ("gelu", 5), ("relu", 5), ("linear", 3)),
    ]
    nested = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(6, 4), nn.Sigmoid()), nn.Identity(), nn.Linear(4, 3))
    assert [stage.kind for stage in chain_of(problem_of(nested)).stages] == ["linear", "sigmoid", "linear"]
    assert [stage.width for stage in chain_of(problem_of(nn.Sequential(nn.Flatten(), nn.Linear(6, 3)))).stages] == [3]


def own_loss(output, target):
    return F.cross_entropy(output, target)


def test_a_loss_is_known_by_what_it_does():
    quantities = torch.randn(40, 3)
    for loss, kind, targets in (
        *((own_loss, "cross entropy", LABELS), (F.cross_entropy, "cross entropy", LABELS)),
        *((nn.MSELoss(), "squared error", quantities), (F.mse_loss, "squared error", quantities)),
    ):
        assert chain_of(problem_of(Written(), loss, targets)).loss == kind


def fixed():
    model = Written()
    model.last.weight.requires_grad_(False)
    return model


def shared():
    layer = nn.Linear(6, 6)
    return nn.Sequential(nn.Flatten(), layer, nn.Tanh(), layer, nn.Linear(6, 3))


def hooked():
    model = Written()
    model.first.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    return model


def stepped(problem, asked):
    experiment = resolved(problem, RunConfig("run", 7), rate=0.1, backend="compiled")
    return steppers_of(problem, experiment, asked)


NONE: dict[str, tuple[Problem, str]] = {
    "another module": (problem_of(nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.LeakyReLU())), "has LeakyReLU"),
    "another function": (problem_of(Written(lambda own, x: own.last(own.first(x.flatten(1)).sin()))), "has sin"),
    "an approximation": (problem_of(nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.GELU("tanh"))), "has GELU"),
    "a sum of two ways": (problem_of(Written(lambda own, x: own.last(own.first(x.flatten(1))) + 1)), "has add"),
    "a stage that leads nowhere": (
        problem_of(Written(lambda own, x: (own.first(x.flatten(1)), own.last(own.first(x.flatten(1))))[1])),
        "is more than a chain",
    ),
    "a decision": (
        problem_of(Written(lambda own, x: own.last(own.first(x.flatten(1) if x.mean() > 9 else -x.flatten(1))))),
        "depends on its inputs",
    ),
    "fixed parameters": (problem_of(fixed()), "fixed, or shared"),
    "shared parameters": (problem_of(shared()), "fixed, or shared"),
    "other parameters": (problem_of(weight_norm(Written().first)), "has ParametrizedLinear"),
    "a part of the inputs": (problem_of(nn.Sequential(nn.Linear(3, 3), nn.Flatten(), nn.Linear(6, 3))), "some of an"),
    "a hook": (problem_of(hooked()), "is something else"),
    "another loss": (problem_of(Written(), nn.L1Loss(), torch.randn(40, 3)), "neither the cross entropy nor"),
    "a sum of losses": (
        problem_of(Written(), lambda output, target: F.cross_entropy(output, target) + 0.1 * output.mean()),
        "neither the cross entropy nor",
    ),
    "a weighted loss": (problem_of(Written(), nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0]))), "no plain mean"),
    "a smoothed loss": (problem_of(Written(), nn.CrossEntropyLoss(label_smoothing=0.1)), "no plain mean"),
    "labels left out": (problem_of(Written(), targets=LABELS.where(LABELS > 0, -100)), "not a class each"),
    "soft labels": (problem_of(Written(), targets=torch.rand(40, 3)), "not a class each"),
    "doubles": (problem_of(Written().double()), "not of float32"),
    "a loader": (problem_of(Written(), loader="dataloader"), "through a DataLoader"),
    "a data set": (
        replace(problem_of(Written()), source=DatasetSource(TensorDataset(INPUTS, LABELS), CPU)),
        "through a DataLoader",
    ),
}


@pytest.mark.parametrize(("problem", "why"), NONE.values(), ids=NONE)
def test_what_is_no_dense_network_is_refused_by_name_and_else_made_by_torch(problem, why):
    with pytest.raises(ConfigError, match=f"^--backend compiled is for .*{why}.*; use --backend torch.$"):
        stepped(problem, "compiled")
    experiment, make, note = stepped(problem, "auto")
    assert (experiment.backend, note) == ("torch", "")
    assert isinstance(make(Course(experiment.runs[0], 0, experiment)), TorchStepper)
