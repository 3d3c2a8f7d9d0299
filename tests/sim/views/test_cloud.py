"""Clouds of possible steps against autograd, example by example."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sim.experiment.problem import ProblemConfig
from sim.models.evaluation import without_fused_recurrence
from sim.models.flat import Layout, trainable
from sim.models.problem import Problem, formula_problem
from sim.models.sources import evenly
from sim.problems import build_formula, registry
from sim.views.cloud import cloud
from tests.sim.models.test_own_modules import HEAD, MODULES, TELLING
from tests.sim.real_models import BATCH_NORM, own_file, problem_of
from tests.sim.views.test_landscape import everything


def alone(problem: Problem, module: nn.Module, examples: Tensor) -> Tensor:
    """The gradient of each example's loss, as a batch of its own, by autograd: shape (M, L)."""
    module = copy.deepcopy(module).eval()
    parameters = [parameter for _, parameter in trainable(module)]
    layout, gradients = Layout.of(parameters), []
    for example in examples.tolist():
        inputs, targets = problem.batch(torch.tensor([example]))
        module.zero_grad()
        with without_fused_recurrence(module):  # cuDNN has no backward pass in eval mode
            problem.loss(module(inputs), targets).sum().backward()
        found = [(parameter, parameter.grad) for parameter in parameters]
        gradients.append(layout.join([torch.zeros_like(p) if g is None else g.to_dense() for p, g in found]))
    return torch.stack(gradients)


def two_directions(problem: Problem) -> Tensor:
    """Two random directions, shape (2, L)."""
    layout = Layout.of(parameter for _, parameter in trainable(problem.model))
    return torch.randn(2, layout.length, generator=torch.Generator().manual_seed(0)) * layout.occupied()


def assert_alike(found: Tensor, expected: Tensor, device: str) -> None:
    """The same within rounding of what was added up."""
    off = (found - expected).abs().max()
    assert expected.abs().max() > 0
    assert off <= (2e-6 if device == "cpu" else 5e-3) * expected.abs().max(), off


def assert_is_autograd(problem: Problem, device: str, module: nn.Module | None = None, many: int = 120) -> None:
    module = problem.model if module is None else module
    examples, directions = evenly(problem.examples, many), two_directions(problem)
    found = cloud(problem, module, directions, examples)
    assert torch.equal(found.examples, examples)
    gradients = alone(problem, module, examples)
    assert_alike(found.along, gradients @ directions.to(gradients).T, device)


@pytest.mark.parametrize("name", registry())
def test_two_parameters_along_themselves(name: str, device: str) -> None:
    formula = build_formula(ProblemConfig(name))
    problem = formula_problem(formula, formula.start, torch.device(device))
    examples = torch.arange(problem.examples)
    found = cloud(problem, problem.model, torch.eye(2), examples)
    expected = alone(problem, problem.model, examples)
    torch.testing.assert_close(found.along, expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(found.examples, examples)


@pytest.mark.parametrize("fields", [{}, {"model": "cnn"}, {"dataset": "diabetes"}], ids=["mlp", "cnn", "regression"])
def test_the_models_that_come_with_gdsim(fields: dict[str, str], device: str) -> None:
    assert_is_autograd(problem_of(device, **fields), device, many=400)


OTHERS = {
    "attention": """
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide = nn.Linear(1, 8)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.layer(self.wide(x[:, :, None])).mean(1))

    def model():
        return Attending()
    """
    + TELLING,
    "an operation without forward mode": """
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, slope):
            (x,) = ctx.saved_tensors
            return 2 * x * slope

    class Squaring(nn.Linear):
        def forward(self, x):
            return Square.apply(super().forward(x))

    def model():
        return Squaring(4, 2)
    """
    + TELLING,
    "an operation with one derivative only": """
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, slope):
            (x,) = ctx.saved_tensors
            return 2 * x * slope

    class Squaring(nn.Linear):
        def forward(self, x):
            return Square.apply(super().forward(x))

    def model():
        return Squaring(4, 2)
    """
    + TELLING,
    "a part that autograd does not see": """
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.head = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            with torch.no_grad():
                gate = self.gate(x)
            return gate * self.head(x)

    def model():
        return Gated()
    """
    + TELLING,
    "a buffer that every forward pass writes": """
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.register_buffer("middle", torch.zeros(2))

        def forward(self, x):
            output = super().forward(x)
            self.middle.copy_(output.detach().mean(0))
            return output

    def model():
        return Counting()
    """
    + TELLING,
    "an activation in place": """
    def model():
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Linear(8, 2))
    """
    + TELLING,
    "class weights": """
    def model():
        return nn.Linear(4, 2)

    loss = nn.CrossEntropyLoss(torch.tensor([0.2, 3.0]))
    """
    + TELLING,
    "positions without a label": """
    def model():
        return nn.Conv1d(1, 3, 3, padding=1)

    loss = nn.CrossEntropyLoss(ignore_index=2)

    def data():
        x = inputs(60, 1, 5)
        return x, (x[:, 0] > 0).long() + (x[:, 0] > 1)
    """,
    "a loss that looks at the numbers": """
    def model():
        return nn.Linear(4, 2)

    def loss(output, target):
        off = output[:, 0] - target
        return (off**2).mean() if off.abs().max().item() < 1 else off.abs().mean()
    """
    + TELLING,
    "logits and several labels": """
    def model():
        return nn.Linear(4, 2)

    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 0.5]))

    def data():
        x = inputs(60, 4)
        return x, (x[:, :2] > 0).float()
    """,
}

MIXING = """
    class Mixing(nn.Linear):
        def forward(self, inputs):
            outputs = super().forward(inputs)
            return outputs * (1 + outputs.mean())

    def model():
        return Mixing(4, 2)

    def data():
        x = inputs(600, 4)
        return x, signs(x)[:, 0].long()
"""
PAIRS = """
    class Pairs(torch.utils.data.Dataset):
        def __len__(self):
            return 50

        def __getitem__(self, index):
            return torch.tensor([index / 50, 1 - index / 25]), index % 3

    def data():
        return Pairs()

    def model():
        return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 3))
"""


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("text", (MODULES | OTHERS).values(), ids=MODULES | OTHERS)
def test_modules_and_losses_of_every_kind(tmp_path: Path, text: str, device: str) -> None:
    problem = problem_of(device, model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    module = problem.twin(problem.model)
    for _ in range(3):  # running statistics that are not the first ones
        with torch.no_grad():
            module(problem.batch(torch.arange(40))[0])
    assert_is_autograd(problem, device, module)


@pytest.mark.parametrize(
    "name", ["attention", "recurrent", "an operation without forward mode", "a part that autograd does not see"]
)
def test_examples_are_taken_many_at_once(tmp_path: Path, name: str, device: str) -> None:
    text = (MODULES | OTHERS)[name]
    problem = problem_of(device, model=own_file(tmp_path, HEAD + text), test_fraction=0.0)
    passes: list[int] = []
    problem.model.register_forward_pre_hook(lambda _module, inputs: passes.append(len(inputs[0])))
    cloud(problem, problem.model, two_directions(problem), torch.arange(60))
    assert passes.count(60) <= 2
    assert passes.count(1) <= 4


def test_examples_that_depend_on_each_other_are_taken_one_by_one(tmp_path: Path, device: str) -> None:
    problem = problem_of(device, model=own_file(tmp_path, HEAD + MIXING), test_fraction=0.0)
    directions = two_directions(problem)
    found = cloud(problem, problem.model, directions, torch.arange(600))
    assert torch.equal(found.examples, evenly(problem.examples, 256))
    gradients = alone(problem, problem.model, found.examples)
    assert_alike(found.along, gradients @ directions.to(gradients).T, device)


def test_a_data_set_of_the_users_own(tmp_path: Path, device: str) -> None:
    assert_is_autograd(problem_of(device, model=own_file(tmp_path, HEAD + PAIRS)), device)


def test_many_examples_are_gone_through_in_pieces(device: str) -> None:
    problem = problem_of(device)
    problem.__dict__["chunk_size"] = 64
    assert_is_autograd(problem, device, many=200)


def test_looking_changes_nothing(tmp_path: Path, device: str) -> None:
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM))
    module = problem.model.train()
    module(problem.batch(torch.arange(32))[0]).sum().backward()
    before, modes = everything(problem, module)
    cloud(problem, module, two_directions(problem), torch.arange(40))
    after, modes_after = everything(problem, module)
    assert modes_after == modes
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("most", [7, 100, 1438, 5000])
def test_a_sample_is_evenly_spread(most: int) -> None:
    problem = problem_of("cpu")
    chosen = evenly(problem.examples, most)
    assert len(chosen) == min(most, 1438)
    gaps = torch.diff(chosen)
    assert gaps.max() - gaps.min() <= 1
    inputs, _ = problem.batch(chosen)
    assert torch.equal(inputs, torch.cat([part for part, _ in problem.training.some(most)]))
