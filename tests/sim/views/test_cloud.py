"""Clouds of possible steps against autograd, example by example, torch.optim, and batches drawn at random."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sim.experiment.config import RunConfig
from sim.experiment.problem import ProblemConfig
from sim.models.evaluation import full_gradient, without_fused_recurrence
from sim.models.flat import Layout, trainable
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula, registry
from sim.protocol.cloud import batch_covariance, what_it_shows
from sim.views.cloud import Update, cloud, possible_steps, sample_of
from sim.views.planes import random_plane
from tests.sim.models.test_own_modules import HEAD, MODULES, TELLING
from tests.sim.real_models import BATCH_NORM, own_file, problem_of
from tests.sim.views.test_landscape import everything

PLAIN = RunConfig("run", 8, lr=0.1)
DRAWN = 4000


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
    examples, directions = sample_of(problem, many), two_directions(problem)
    found = cloud(problem, module, directions, examples)
    assert torch.equal(found.examples, examples)
    gradients = alone(problem, module, examples)
    assert_alike(found.along, gradients @ directions.to(gradients).T, device)


# -- example by example -----------------------------------------------------------------------------------------------


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
    assert torch.equal(found.examples, sample_of(problem, 256))
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
    chosen = sample_of(problem, most)
    assert len(chosen) == min(most, 1438)
    gaps = torch.diff(chosen)
    assert gaps.max() - gaps.min() <= 1
    inputs, _ = problem.batch(chosen)
    assert torch.equal(inputs, torch.cat([part for part, _ in problem.training.some(most)]))


# -- steps ------------------------------------------------------------------------------------------------------------


def step_of(problem: Problem, module: nn.Module, directions: Tensor, rate: float, batch: Tensor) -> np.ndarray:
    """Where torch.optim.SGD goes with a batch, in eval mode, seen on the plane: shape (2,)."""
    moved = copy.deepcopy(module).eval()
    layout = Layout.of(moved.parameters())
    before = layout.join(list(moved.parameters())).detach().clone()
    inputs, targets = problem.batch(batch)
    optimizer = torch.optim.SGD(moved.parameters(), rate)
    optimizer.zero_grad()
    problem.loss(moved(inputs), targets).backward()
    optimizer.step()
    away = layout.join(list(moved.parameters())).detach() - before
    basis = directions.double().numpy().T
    return np.linalg.lstsq(basis, away.double().cpu().numpy(), rcond=None)[0]


def gradient_of(problem: Problem, batch: Tensor) -> Tensor:
    """The gradient of a batch's loss, in eval mode."""
    few = replace(problem, train=batch if problem.train is None else problem.train[batch])
    return full_gradient(few, problem.model)


def line() -> tuple[Problem, Tensor]:
    """The default problem, and its plane."""
    formula = build_formula(ProblemConfig())
    return formula_problem(formula, formula.start, torch.device("cpu")), torch.eye(2)


def mlp() -> tuple[Problem, Tensor]:
    """A model, and a plane whose directions are not orthonormal."""
    problem = problem_of("cpu", dataset="wine", hidden=(5,))
    return problem, random_plane(problem.model, 0).basis


@pytest.mark.parametrize("made", [line, mlp])
def test_steps_lead_where_sgd_goes_with_each_example(made) -> None:
    problem, directions = made()
    batch, everyone = torch.tensor([3, 17, 40]), torch.arange(problem.examples)
    own, full = gradient_of(problem, batch), full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.25, len(batch)), batch, own, full)
    expected = [step_of(problem, problem.model, directions, 0.25, one) for one in torch.split(everyone, 1)]
    np.testing.assert_allclose(seen.steps, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.own, step_of(problem, problem.model, directions, 0.25, batch), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.full, step_of(problem, problem.model, directions, 0.25, everyone), rtol=1e-3)
    np.testing.assert_allclose(seen.full, seen.steps.mean(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.own, seen.steps[seen.used].mean(axis=0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(seen.covariance, np.cov(seen.steps.T, bias=True), rtol=1e-9)
    assert seen.examples[seen.used].tolist() == batch.tolist()
    assert (seen.sampled, seen.total, seen.batch_size) == (problem.examples, problem.examples, 3)


def test_a_sample_stands_for_all_and_the_batch_comes_on_top() -> None:
    problem, directions = line()
    batch = torch.tensor([441, 441, 3, 0])
    own, full = gradient_of(problem, batch), full_gradient(problem, problem.model)
    run = replace(PLAIN, sampling="replacement")
    whole = possible_steps(problem, problem.model, directions, Update.of(run, 0.25, len(batch)), batch, own, full)
    some = possible_steps(
        problem, problem.model, directions, Update.of(run, 0.25, len(batch)), batch, own, full, most=300
    )
    assert some.sampled == 300
    assert some.examples.tolist() == [*sample_of(problem, 300).tolist(), 3, 441]
    np.testing.assert_allclose(some.steps, whole.steps[some.examples])
    assert sorted(some.examples[some.used]) == [0, 3, 441]
    assert (some.full, some.total, some.batch_size) == (whole.full, 442, 4)
    assert whole.replacement
    np.testing.assert_allclose(some.covariance, np.cov(some.steps[:300].T) * 441 / 442)
    np.testing.assert_allclose(some.covariance, whole.covariance, rtol=0.15)


def test_class_weights_move_the_full_step_off_the_mean_of_the_single_ones(tmp_path: Path) -> None:
    problem = problem_of("cpu", model=own_file(tmp_path, HEAD + OTHERS["class weights"]), test_fraction=0.0)
    directions = two_directions(problem)
    batch = torch.arange(60)
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.5, len(batch)), batch, full, full)
    np.testing.assert_allclose(seen.full, step_of(problem, problem.model, directions, 0.5, batch), rtol=1e-4)
    assert np.linalg.norm(seen.full - seen.steps.mean(axis=0)) > 0.1 * np.linalg.norm(seen.full)


def test_a_run_that_diverged_has_a_cloud_of_no_numbers() -> None:
    problem, directions = mlp()
    nn.utils.vector_to_parameters(torch.full((directions.shape[1],), 1e38), problem.model.parameters())
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(PLAIN, 0.25, 8), torch.arange(8), full, full)
    assert not np.isfinite(seen.steps).all()
    assert not np.isfinite(seen.covariance).all()


@pytest.mark.parametrize(
    ("run", "plain"),
    [
        (PLAIN, True),
        (replace(PLAIN, momentum=0.9), False),
        (replace(PLAIN, optimizer="adam"), False),
        (replace(PLAIN, optimizer="rmsprop"), False),
    ],
)
def test_optimizers_of_their_own_steps_are_said_to_be_so(run: RunConfig, plain: bool) -> None:
    problem, directions = line()
    full = full_gradient(problem, problem.model)
    seen = possible_steps(problem, problem.model, directions, Update.of(run, 0.25, 442), torch.arange(442), full, full)
    assert seen.plain == plain
    assert ("gradient times the rate" in what_it_shows(seen)) != plain


# -- the spread -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, 32, 221, 441])
def test_the_covariance_is_that_of_batches_drawn_at_random(batch_size: int, replacement: bool) -> None:
    problem, directions = line()
    slopes = cloud(problem, problem.model, directions, torch.arange(442)).along
    generator = torch.Generator().manual_seed(batch_size)
    means = torch.stack(
        [
            slopes[
                torch.randint(442, (batch_size,), generator=generator)
                if replacement
                else torch.randperm(442, generator=generator)[:batch_size]
            ].mean(dim=0)
            for _ in range(DRAWN)
        ]
    )
    off = means - slopes.mean(dim=0)
    products = (off[:, :, None] * off[:, None, :]).numpy()
    found = batch_covariance(np.cov(slopes.T, bias=True), batch_size, 442, replacement=replacement)
    error = products.std(axis=0) / DRAWN**0.5
    assert (np.abs(products.mean(axis=0) - found) < 4 * error).all()


def test_a_batch_of_all_has_no_spread_unless_examples_repeat() -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    np.testing.assert_array_equal(batch_covariance(covariance, 20, 20, replacement=False), np.zeros((2, 2)))
    np.testing.assert_allclose(batch_covariance(covariance, 20, 20, replacement=True), covariance / 20)
    np.testing.assert_allclose(batch_covariance(covariance, 1, 20, replacement=False), covariance)
