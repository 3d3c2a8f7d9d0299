"""Landscapes of models against brute force, and what looking at a model must never change."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sim.views.landscape
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.models.evaluation import figures, full_gradient
from sim.models.flat import Layout
from sim.protocol.commands import Predict, Survey
from sim.protocol.results import Predicted, Surveyed
from sim.views.landscape import grid, survey
from sim.views.planes import random_plane
from sim.views.predictions import predict
from tests.sim.conftest import assert_same, tolerance
from tests.sim.one_run import module_of, work, worked
from tests.sim.real_models import BATCH_NORM, advanced, opened, own_file, problem_of

WINDOW = Window(-1.0, 1.5, -0.5, 1.0)


def brute_force(problem, model, plane, window, columns, rows):
    """A copy of the model at each point, over all training examples at once."""
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


@pytest.mark.parametrize(("model", "columns", "rows"), [("mlp", 7, 5), ("cnn", 4, 3), ("own", 7, 5)])
def test_the_landscape_is_that_of_brute_force(tmp_path: Path, device, model, columns, rows):
    problem = problem_of(device, model=own_file(tmp_path, BATCH_NORM) if model == "own" else model)
    plane = random_plane(problem.model, 0)
    pictures = list(survey(problem, problem.model, plane.at, WINDOW, columns, rows))
    expected = brute_force(problem, problem.model, plane, WINDOW, columns, rows)
    np.testing.assert_allclose(pictures[-1].values, expected, rtol=tolerance(device))
    assert pictures[-1].examples == problem.examples
    progress = [picture.progress for picture in pictures]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert np.isnan(pictures[0].values).all()
    assert progress[-1] == pytest.approx(1)
    assert all(picture.values.shape == (rows, columns) for picture in pictures)


def evenly(examples: torch.Tensor, count: int) -> torch.Tensor:
    """So many of the examples, at equal distances."""
    return torch.stack([examples[index * len(examples) // count] for index in range(count)])


@pytest.mark.parametrize("rows", [14, 28, 51, 56])
def test_the_last_picture_is_complete_whatever_the_height(rows):
    engine, _ = opened(Experiment(ModelConfig(dataset="iris"), runs=(RunConfig("r", 8),), plane="random", device="cpu"))
    for _ in range(2):
        answer = work(engine, Survey(WINDOW, 3, rows))
        assert isinstance(answer, Surveyed), answer
        assert answer.progress == 1


@pytest.mark.parametrize(("at_once", "made"), [(2_000_000, 300), (1000, 256 + 300)], ids=["at once", "in pieces"])
def test_a_data_set_is_gone_through_once_for_a_picture(
    tmp_path: Path, device, monkeypatch: pytest.MonkeyPatch, at_once: int, made: int
):
    monkeypatch.setattr(sim.views.landscape, "_AT_ONCE", at_once)
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
    assert type(problem.source.dataset()).made - before == made


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
    monkeypatch.setattr(sim.views.landscape, "_MOST_WORK", 300 * 8970 * 12)
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


def pieces_of(engine, job, budget=0.0):
    """What a job has come to, answer by answer, each of at most so many seconds."""
    while True:
        answer = worked(engine, job, budget)
        yield answer
        if not answer.pending:
            return


def test_the_engine_makes_it_in_pieces_while_training_goes_on(device):
    engine, _ = opened(Experiment(ModelConfig(), runs=(RunConfig("run", 32),), plane="random", device=device))
    job, pieces = Survey(WINDOW, 8, 6), []
    for count, answer in enumerate(pieces_of(engine, job)):
        for asked, piece in answer.results:
            assert asked == job
            assert isinstance(piece, Surveyed)
            pieces.append(piece)
        if count < 4:
            assert len(advanced(engine, 3).rows) == 3
    assert len(pieces) > 3
    assert [piece.progress for piece in pieces] == sorted({piece.progress for piece in pieces})
    assert pieces[-1].progress == 1
    assert len({piece.plane for piece in pieces}) == 1
    problem = problem_of(device)
    expected = brute_force(problem, problem.model, random_plane(problem.model, 0), WINDOW, 8, 6)
    np.testing.assert_allclose(pieces[-1].values, expected, rtol=tolerance(device))


def test_the_first_picture_comes_at_once_and_is_gone_on_with(device):
    engine, _ = opened(Experiment(ModelConfig(), runs=(RunConfig("run", 32),), plane="random", device=device))
    job = Survey(WINDOW, 8, 6)
    answer = worked(engine, job, 60.0)
    ((_, first),) = answer.results
    assert answer.pending == (job,)
    assert 0 < first.progress < 0.1
    assert first.examples == 256
    whole = work(engine, job)
    assert whole.progress == 1
    problem = problem_of(device)
    expected = brute_force(problem, problem.model, random_plane(problem.model, 0), WINDOW, 8, 6)
    np.testing.assert_allclose(whole.values, expected, rtol=tolerance(device))


def test_another_window_or_plane_begins_anew(device):
    engine, opening = opened(Experiment(ModelConfig(), runs=(RunConfig("run", 32),), device=device))
    job, aside = Survey(WINDOW, 8, 6), Survey(Window(0, 1, 0, 1), 8, 6)
    for asked in (job, aside):
        answer = worked(engine, asked, 60.0)
        ((_, first),) = answer.results
        assert first.window == asked.window
        assert first.progress < 1
        assert first.plane == opening.plane.number
    advanced(engine, 20)
    pictures = [result for answer in pieces_of(engine, aside) for _, result in answer.results]
    assert pictures == []  # of what was begun, nothing can be gone on with
    moved = work(engine, job)
    assert moved.plane > opening.plane.number
    state = engine._open
    expected = brute_force(state.problem, module_of(engine, 0), state.trails.plane, WINDOW, 8, 6)
    np.testing.assert_allclose(moved.values, expected, rtol=max(1e-4, tolerance(device)))


def test_a_run_is_asked_for_its_own_buffers(tmp_path: Path, device):
    config = ModelConfig(model=own_file(tmp_path, BATCH_NORM))
    runs = (RunConfig("slow", 32, lr=0.001), RunConfig("fast", 32, lr=0.5))
    engine, _ = opened(Experiment(config, runs=runs, plane="random", device=device))
    advanced(engine, 30)
    state = engine._open
    for run in (0, 1):
        answer = work(engine, Survey(WINDOW, 4, 3, run=run))
        assert answer.run == run
        expected = brute_force(state.problem, module_of(engine, run), state.trails.plane, WINDOW, 4, 3)
        np.testing.assert_allclose(answer.values, expected, rtol=max(1e-4, tolerance(device)))


# -- never changes anything -------------------------------------------------------------------------------------------


def everything(problem, module, moved=False):
    """All that a look at a model could disturb; a landscape moves the parameters of the copy that it is given."""
    kept = [value.clone() for value in (module.buffers() if moved else module.state_dict().values())]
    modes = [part.training for part in module.modules()]
    gradients = [] if moved else [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    random = [torch.get_rng_state()]
    if problem.device.type == "cuda":
        random.append(torch.cuda.get_rng_state(problem.device))
    return [*kept, *random, *gradients], modes


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
    before, modes = everything(problem, module, moved=look == "survey")
    looks[look]()
    after, modes_after = everything(problem, module, moved=look == "survey")
    assert modes_after == modes
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_run_that_is_looked_at_goes_on_as_if_it_had_not_been(tmp_path: Path, device):
    config = ModelConfig(model=own_file(tmp_path, BATCH_NORM))
    traces = []
    for looked in (False, True):
        engine, _ = opened(Experiment(config, runs=(RunConfig("run", 32),), device=device))
        blocks = []
        for _ in range(6):
            blocks.append(advanced(engine, 5).rows)
            if looked:
                assert isinstance(work(engine, Survey(WINDOW, 4, 3)), Surveyed)
                assert isinstance(work(engine, Predict(4)), Predicted)
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
