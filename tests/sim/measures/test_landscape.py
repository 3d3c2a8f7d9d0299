"""Landscapes of models against brute force, and what looking at a model must never change."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sim.measures.landscape
from sim.experiment.config import Experiment, ModelConfig, RunConfig
from sim.experiment.geometry import Window
from sim.measures.evaluation import figures, full_gradient
from sim.measures.landscape import grid, survey
from sim.measures.planes import random_plane
from sim.measures.predictions import predict
from sim.models.flat import Layout
from sim.protocol.answers import Advanced, Predicted, Surveyed
from sim.protocol.commands import Advance, Predict, Survey
from tests.sim.conftest import assert_same, tolerance
from tests.sim.real_models import BATCH_NORM, opened, own_file, problem_of

WINDOW = Window(-1.0, 1.5, -0.5, 1.0)


def brute_force(problem, model, plane, window, columns, rows):
    """A copy of the model at each place, over all training examples at once."""
    inputs, targets = problem.batch(torch.arange(problem.examples))
    losses = np.empty((rows, columns))
    for row in range(rows):
        y = window.top - (row + 0.5) * (window.top - window.bottom) / rows
        for column in range(columns):
            x = window.left + (column + 0.5) * (window.right - window.left) / columns
            moved = copy.deepcopy(model).cpu()
            parameters = [p for p in moved.parameters() if p.requires_grad]
            origin, *ways = (Layout.of(parameters).split(vector) for vector in (plane.origin, *plane.basis))
            with torch.no_grad():
                for parameter, begin, one, other in zip(parameters, origin, *ways, strict=True):
                    parameter.copy_(begin + x * one + y * other)
                output = moved.to(inputs.device).eval()(inputs)
                losses[row, column] = problem.loss(output, targets).item()
    return losses


@pytest.mark.parametrize("model", ["mlp", "cnn", "own"])
def test_the_landscape_is_that_of_brute_force(tmp_path: Path, device, model):
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM) if model == "own" else model)
    plane = random_plane(problem.model, 0)
    pictures = list(survey(problem, problem.model, plane.at, WINDOW, 7, 5))
    expected = brute_force(problem, problem.model, plane, WINDOW, 7, 5)
    np.testing.assert_allclose(pictures[-1].values, expected, rtol=tolerance(device))
    assert pictures[-1].examples == problem.examples
    progress = [picture.progress for picture in pictures]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert np.isnan(pictures[0].values).all()
    assert progress[-1] == pytest.approx(1)
    assert all(picture.values.shape == (5, 7) for picture in pictures)


def evenly(examples: torch.Tensor, count: int) -> torch.Tensor:
    """So many of the examples, at equal distances."""
    return torch.stack([examples[place * len(examples) // count] for place in range(count)])


@pytest.mark.parametrize("rows", [14, 28, 51, 56])
def test_the_last_picture_is_complete_whatever_the_height(rows):
    engine, _ = opened(Experiment(ModelConfig(dataset="iris", plane="random"), runs=(RunConfig("r", 8),), device="cpu"))
    for _ in range(2):
        answer = engine.ask(Survey(WINDOW, 3, rows))
        assert isinstance(answer, Surveyed), answer
        assert answer.progress == 1


def test_a_data_set_is_gone_through_once_for_a_landscape(tmp_path: Path, device):
    text = """
        import torch
        from torch import nn

        class Counting(torch.utils.data.Dataset):
            made = 0

            def __len__(self):
                return 300

            def __getitem__(self, index):
                Counting.made += 1
                return torch.full((3,), index / 300), index % 2

        def data():
            return Counting()

        def model():
            return nn.Linear(3, 2)
    """
    problem = problem_of(device, model=own_file(tmp_path, text), test_fraction=0.0)
    assert problem.chunk_size > 300  # asks for one example
    before = type(problem.source.dataset()).made
    list(survey(problem, problem.model, random_plane(problem.model, 0).at, WINDOW, 7, 5))
    assert type(problem.source.dataset()).made - before == 256 + 300


def test_the_first_picture_is_coarse_and_over_few_examples(device):
    problem = problem_of(device)
    plane = random_plane(problem.model, 0)
    first = next(
        picture for picture in survey(problem, problem.model, plane.at, WINDOW, 21, 13) if picture.progress > 0
    )
    few = copy.copy(problem)
    object.__setattr__(few, "train", evenly(problem.train, 256))
    np.testing.assert_allclose(
        first.values, brute_force(few, problem.model, plane, WINDOW, 21, 13), rtol=tolerance(device)
    )
    assert first.examples == 256


def test_what_would_take_too_long_is_over_a_sample_that_is_stated(monkeypatch: pytest.MonkeyPatch, device):
    monkeypatch.setattr(sim.measures.landscape, "_MOST_WORK", 300 * 8970 * 12)
    problem = problem_of(device)
    plane = random_plane(problem.model, 0)
    (*_, last) = survey(problem, problem.model, plane.at, WINDOW, 4, 3)
    assert last.examples == 300
    few = copy.copy(problem)
    object.__setattr__(few, "train", evenly(problem.train, 300))
    np.testing.assert_allclose(
        last.values, brute_force(few, problem.model, plane, WINDOW, 4, 3), rtol=tolerance(device)
    )


def test_a_module_that_refuses_vmap_is_evaluated_one_by_one(tmp_path: Path, device):
    text = """
        from torch import nn

        class Choosy(nn.Linear):
            def forward(self, inputs):
                outputs = super().forward(inputs.flatten(1))
                return outputs if outputs.sum().item() > 0 else 2 * outputs

        def model():
            return Choosy(64, 10)
    """
    problem = problem_of(device, model=own_file(tmp_path, text), test_fraction=0.9)
    plane = random_plane(problem.model, 0)
    (*_, last) = survey(problem, problem.model, plane.at, WINDOW, 4, 3)
    np.testing.assert_allclose(
        last.values, brute_force(problem, problem.model, plane, WINDOW, 4, 3), rtol=tolerance(device)
    )


def test_what_is_no_number_counts_as_infinite(device):
    problem = problem_of(device)
    plane = random_plane(problem.model, 0)
    far = Window(-1e38, 1e38, -1e38, 1e38)
    (*_, last) = survey(problem, problem.model, plane.at, far, 4, 3)
    assert np.isposinf(last.values).any()
    assert not np.isnan(last.values).any()


def test_a_grid_holds_the_centres_of_its_cells_top_row_first():
    np.testing.assert_allclose(grid(Window(0, 4, 0, 3), 2, 3)[..., 0], [[1, 3]] * 3)
    np.testing.assert_allclose(grid(Window(0, 4, 0, 3), 2, 3)[..., 1], [[2.5] * 2, [1.5] * 2, [0.5] * 2])


def test_the_engine_makes_it_in_pieces_while_training_goes_on(device):
    engine, _ = opened(Experiment(ModelConfig(plane="random"), runs=(RunConfig("run", 32),), device=device))
    pieces = []
    while not pieces or pieces[-1].progress < 1:
        answer = engine.ask(Survey(WINDOW, 8, 6, budget=0.0))
        assert isinstance(answer, Surveyed)
        pieces.append(answer)
        if len(pieces) < 4:
            advanced = engine.ask(Advance(3, math.inf, 60.0))
            assert isinstance(advanced, Advanced)
            assert len(advanced.rows) == 3
    assert len(pieces) > 3
    assert len({piece.plane for piece in pieces}) == 1
    problem = problem_of(device)
    expected = brute_force(problem, problem.model, random_plane(problem.model, 0), WINDOW, 8, 6)
    np.testing.assert_allclose(pieces[-1].values, expected, rtol=tolerance(device))


def test_the_first_picture_may_be_enough(device):
    engine, _ = opened(Experiment(ModelConfig(plane="random"), runs=(RunConfig("run", 32),), device=device))
    first = engine.ask(Survey(WINDOW, 8, 6, enough=0.01))
    assert 0 < first.progress < 0.1
    assert first.examples == 256
    again = engine.ask(Survey(WINDOW, 8, 6, enough=0.01))
    np.testing.assert_array_equal(again.values, first.values)
    whole = engine.ask(Survey(WINDOW, 8, 6))
    problem = problem_of(device)
    expected = brute_force(problem, problem.model, random_plane(problem.model, 0), WINDOW, 8, 6)
    np.testing.assert_allclose(whole.values, expected, rtol=tolerance(device))


def test_another_window_or_plane_begins_anew(device):
    engine, opening = opened(Experiment(ModelConfig(), runs=(RunConfig("run", 32),), device=device))
    first = engine.ask(Survey(WINDOW, 8, 6, budget=0.0))
    other = engine.ask(Survey(Window(0, 1, 0, 1), 8, 6, budget=0.0))
    assert (first.window, other.window) == (WINDOW, Window(0, 1, 0, 1))
    assert first.progress < 1
    engine.ask(Advance(20, math.inf, 60.0))
    moved = engine.ask(Survey(WINDOW, 8, 6, budget=0.0))
    assert moved.plane > opening.plane.number


# -- never changes anything -------------------------------------------------------------------------------------------


def everything(problem, module):
    """All that a look at a model could disturb."""
    state = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    gradients = [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    random = [torch.get_rng_state()]
    if problem.device.type == "cuda":
        random.append(torch.cuda.get_rng_state(problem.device))
    return [*state.values(), *random, *gradients], modes


@pytest.mark.parametrize("look", ["survey", "predict", "figures", "full_gradient"])
def test_looking_changes_neither_buffers_nor_random_state(tmp_path: Path, device, look):
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM))
    module = problem.model.train()
    module(problem.batch(torch.arange(32))[0]).sum().backward()  # buffers and gradients that are not the first ones
    looks = {
        "survey": lambda: list(survey(problem, module, random_plane(module, 0).at, WINDOW, 3, 2)),
        "predict": lambda: predict(problem, [module], 5),
        "figures": lambda: figures(problem, module, problem.training),
        "full_gradient": lambda: full_gradient(problem, module),
    }
    before, modes = everything(problem, module)
    looks[look]()
    after, modes_after = everything(problem, module)
    assert modes_after == modes
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_run_that_is_looked_at_goes_on_as_if_it_had_not_been(tmp_path: Path, device):
    config = ModelConfig(model=own_file(tmp_path, BATCH_NORM))
    traces = []
    for looked in (False, True):
        engine, _ = opened(Experiment(config, runs=(RunConfig("run", 32),), device=device))
        blocks = []
        for _ in range(6):
            blocks.append(engine.ask(Advance(5, math.inf, 60.0)).rows)
            if looked:
                assert isinstance(engine.ask(Survey(WINDOW, 4, 3)), Surveyed)
                assert isinstance(engine.ask(Predict(4)), Predicted)
        traces.append(np.concatenate(blocks))
    for column in ("batch_loss", "loss", "test_loss", "test_accuracy", "grad_norm"):
        assert_same(traces[0][column], traces[1][column], device)


def test_evaluation_is_in_eval_mode_with_the_runs_own_buffers(tmp_path: Path, device):
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM))
    module = problem.model
    for _ in range(3):
        module(problem.batch(torch.arange(64))[0])
    inputs, targets = problem.batch(torch.arange(problem.examples))
    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        output = twin(inputs)
    found = figures(problem, module, problem.training)
    assert found.loss == pytest.approx(nn.functional.cross_entropy(output, targets).item(), rel=1e-6)
    assert found.accuracy == pytest.approx((output.argmax(dim=1) == targets).float().mean().item())
