"""Scaling, held against scikit-learn's own scalers in float64."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sim.data import scaling
from sim.data.scaling import as_float32, blocks, first_beyond, fit
from sim.experiment.errors import ConfigError
from sim.models.problem import Problem
from tests.sim.data.files import written
from tests.sim.real_models import problem_of

SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler}
EPS = float(np.finfo(np.float32).eps)
ROUNDING = 1e-8  # of a mean of 1.7e9 in float64, in standard deviations


@pytest.fixture(params=["at once", "in pieces"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whether the data fit into one piece."""
    if request.param == "in pieces":
        monkeypatch.setattr(scaling, "_BLOCK", 64)
    return


def columns() -> np.ndarray:
    """1000 rows of what makes float32 lose: ten minutes of Unix time, an offset of 1e6, tiny and huge numbers."""
    chance = np.random.default_rng(0)
    return np.stack(
        [
            1.7e9 + 600 * chance.random(1000),
            1e6 + chance.random(1000),
            chance.standard_normal(1000) * 1e-9,
            chance.standard_normal(1000) * 1e60,
            chance.integers(0, 3, 1000),
            np.full(1000, 1e9 + 0.1),
        ],
        axis=1,
    )


@pytest.mark.parametrize("scale", SCALERS)
@pytest.mark.usefixtures("pieces")
def test_scaling_is_that_of_scikit_learn(scale: str) -> None:
    values = columns()
    known = np.random.default_rng(1).random(len(values)) < 0.7
    expected = SCALERS[scale]().fit(values[known]).transform(values)
    expected[:, 5] = 0.0  # where scikit-learn leaves the rounding of a mean
    found = fit(values, scale, known)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.apply(values), expected, rtol=1e-9, atol=ROUNDING)
    np.testing.assert_allclose(found.undo(found.apply(values)), values, rtol=1e-12)
    np.testing.assert_allclose(as_float32(values, found), expected, rtol=EPS, atol=ROUNDING)


@pytest.mark.parametrize("kind", ["f2", "f4", ">f4", ">f8", "i2", ">i8", "u8", "?", "longdouble"])
@pytest.mark.usefixtures("pieces")
def test_any_type_of_number_is_scaled(kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, (100, 3, 2)).astype(kind)
    expected = StandardScaler().fit_transform(values.reshape(100, 6).astype(float)).reshape(100, 3, 2)
    np.testing.assert_allclose(as_float32(values, fit(values, "standard")), expected, rtol=EPS)
    np.testing.assert_array_equal(as_float32(values), values.astype(np.float32))


def test_what_is_right_already_is_not_copied() -> None:
    values = np.ones((3, 2), np.float32)
    assert np.shares_memory(as_float32(values), values)


@pytest.mark.usefixtures("pieces")
def test_numbers_beyond_the_type_are_named_by_their_row() -> None:
    values = np.ones((1000, 2))
    values[700, 1] = -1e39
    with pytest.raises(ConfigError, match=r"Row 700 \(from 0\) of the data is beyond 3\.4e\+38"):
        as_float32(values)
    assert first_beyond(values, 1e38) == 700
    assert first_beyond(values, 1e40) is None
    values[300, 0], values[900, 0] = np.nan, np.inf
    assert first_beyond(values, 1e40) == 300


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (7, 1), (3, 10**7), (100_000, 50)])
def test_pieces_make_up_all_rows(shape: tuple[int, int]) -> None:
    values = np.broadcast_to(np.zeros(1), shape)
    rows = [row for piece in blocks(values) for row in range(shape[0])[piece]]
    assert rows == list(range(shape[0]))
    assert all(values[piece].size <= max(2**21, shape[1]) for piece in blocks(values))


# -- of a problem -----------------------------------------------------------------------------------------------------


def everything(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs and targets of all examples, and whether they are for training."""
    inputs, targets = problem.source.take(torch.arange(len(problem.source)))
    known = np.ones(len(problem.source), bool)
    if problem.test is not None:
        known[problem.test.numpy()] = False
    return inputs.cpu().numpy(), targets.cpu().numpy(), known


@pytest.mark.parametrize("scale", SCALERS)
@pytest.mark.parametrize("kind", ["csv", "parquet", "npz", "npy"])
@pytest.mark.parametrize("test_fraction", [0.0, 0.2])
def test_a_models_inputs_are_scaled_by_the_training_examples(
    tmp_path: Path, scale: str, kind: str, test_fraction: float, device: str
) -> None:
    values = columns()
    data = written(tmp_path, kind, values, np.arange(1000) % 2)
    problem = problem_of(device, scale=scale, test_fraction=test_fraction, **data)
    inputs, _, known = everything(problem)
    expected = SCALERS[scale]().fit(values[known]).transform(values)
    expected[:, 5] = 0.0
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, expected, rtol=EPS, atol=ROUNDING)
    assert known.mean() == 1 - test_fraction


@pytest.mark.parametrize("test_fraction", [0.0, 0.2])
def test_quantities_are_standardised_by_the_training_examples(test_fraction: float, device: str) -> None:
    problem = problem_of(device, dataset="diabetes", test_fraction=test_fraction)
    _, targets, known = everything(problem)
    quantities = load_diabetes().target[:, None]
    expected = StandardScaler().fit(quantities[known]).transform(quantities)
    np.testing.assert_allclose(targets, expected, rtol=EPS, atol=1e-7)
    assert problem.target_scale is not None
    np.testing.assert_allclose(problem.target_scale.undo(targets), quantities, rtol=1e-6)


def test_test_targets_change_nothing_in_training(tmp_path: Path, device: str) -> None:
    chance = np.random.default_rng(0)
    inputs, quantities = chance.standard_normal((50, 2)), chance.standard_normal(50)
    batches = []
    for spoiled in (False, True):
        np.savez(tmp_path / "mine.npz", X=inputs, y=quantities)
        problem = problem_of(device, data=str(tmp_path / "mine.npz"), scale="standard")
        batches.append(problem.batch(torch.arange(problem.examples)))
        assert problem.test is not None
        if not spoiled:
            inputs[problem.test], quantities[problem.test] = 1e6, 1e6
    assert torch.equal(batches[0][0], batches[1][0])
    assert torch.equal(batches[0][1], batches[1][1])


def test_constant_quantities_are_left_at_0(tmp_path: Path, device: str) -> None:
    np.savez(tmp_path / "mine.npz", X=np.arange(20.0).reshape(10, 2), y=np.full(10, 0.1))
    problem = problem_of(device, data=str(tmp_path / "mine.npz"))
    assert not everything(problem)[1].any()
