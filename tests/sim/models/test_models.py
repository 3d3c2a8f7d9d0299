"""The data that models learn from, and the models that come with gdsim."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from torch.utils.data import TensorDataset

from sim.data.arrays import load_arrays
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig
from sim.models.build import synthetic
from tests.sim.real_models import descent_of, digits, opened, problem_of, refused, training_part

ROOT = Path(__file__).parents[3]


# -- bundled ----------------------------------------------------------------------------------------------------------


def test_digits_are_images_from_0_to_1_split_as_torch_does(device: str) -> None:
    problem = problem_of(device, seed=5)
    inputs, targets = problem.batch(torch.arange(problem.examples))
    expected = training_part(digits(), seed=5)[:]
    assert torch.equal(inputs.cpu(), expected[0])
    assert torch.equal(targets.cpu(), expected[1])
    assert len(problem.testing) == 359
    assert not set(problem.train.tolist()) & set(problem.test.tolist())


LOADERS = {
    "breast-cancer": sklearn.datasets.load_breast_cancer,
    "wine": sklearn.datasets.load_wine,
    "iris": sklearn.datasets.load_iris,
}


@pytest.mark.parametrize("dataset", LOADERS)
def test_tables_are_standardised_by_their_training_part(dataset: str, device: str) -> None:
    data = LOADERS[dataset]()
    problem = problem_of(device, dataset=dataset)
    everything = TensorDataset(torch.arange(len(data.target)))
    indices = training_part(everything)[:][0].numpy()
    known = data.data[indices]
    inputs, targets = problem.batch(torch.arange(problem.examples))
    np.testing.assert_allclose(inputs.cpu(), (known - known.mean(axis=0)) / known.std(axis=0), atol=1e-3)
    np.testing.assert_array_equal(targets.cpu(), data.target[indices])
    assert problem.classes == tuple(data.target_names)
    assert problem.model(inputs).shape == (problem.examples, len(data.target_names))


@pytest.mark.parametrize(("model", "parameters"), [("mlp", 64 * 64 + 64 + 64 * 64 + 64 + 650), ("cnn", 6090)])
def test_models_have_the_parameters_that_they_should(model: str, parameters: int, device: str) -> None:
    _, answer = opened(Experiment(ModelConfig(model=model), device=device))
    assert answer.experiment.parameters == parameters
    assert (answer.experiment.examples, answer.tests) == (1438, 359)


def test_a_cnn_needs_images(device: str) -> None:
    assert "A cnn needs images of shape (N, C, H, W)" in refused(device, model="cnn", dataset="wine").sentence


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataset": "digit"}, "did you mean 'digits'"),
        ({"model": "mpl"}, "did you mean 'mlp'"),
        ({"hidden": (64, 0)}, "--hidden must be positive"),
        ({"test_fraction": 1.0}, "--test-fraction"),
        ({"workers": -1}, "--workers"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelConfig(**fields)  # type: ignore[arg-type]


# -- synthetic --------------------------------------------------------------------------------------------------------


def test_synthetic_data_are_seeded_and_small_numbers() -> None:
    inputs, targets = synthetic(70_000, 1)
    assert (inputs.shape, inputs.dtype, targets.dtype) == ((70_000, 64), torch.float32, torch.int64)
    again, other = synthetic(70_000, 1), synthetic(70_000, 2)
    assert torch.equal(inputs, again[0])
    assert torch.equal(targets, again[1])
    assert not torch.equal(inputs, other[0])
    assert abs(float(inputs.mean())) < 1e-3
    assert float(inputs.std()) == pytest.approx(1, abs=1e-3)
    assert torch.bincount(targets).shape == (10,)


def test_what_is_learned_from_synthetic_data_holds_for_the_test_part(device: str) -> None:
    problem = problem_of(device, dataset="synthetic", examples=5000)
    rows = descent_of(problem, RunConfig("run", 32, loss_every=1000)).advance(1000)
    assert rows["test_accuracy"][-1] > 0.2  # a tenth would be chance


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts kilobytes as Linux does")
def test_many_examples_take_no_more_than_twice_their_own_size(device: str) -> None:
    """400,000 more, of 106 MB: what a million takes grows in the same proportion."""
    code = """
import math, sys
from sim.protocol.commands import Advance, Open
from sim.protocol.answers import Opened
from sim.engine import Engine
from sim.experiment.config import Experiment
from sim.experiment.problem import ModelConfig
for examples in (100_000, 500_000):
    engine = Engine()
    config = ModelConfig(dataset="synthetic", examples=examples)
    assert isinstance(engine.ask(Open(Experiment(config, device=sys.argv[1]))), Opened)
    rows = engine.ask(Advance(1, math.inf, 60.0)).rows
    assert len(rows) == 3
    with open("/proc/self/status") as file:  # not ru_maxrss, which a child takes over from its parent
        print(next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")))
"""
    command = [sys.executable, "-c", code, device]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    few, many = map(int, printed.split())
    assert many - few < 2 * 400_000 * (64 * 4 + 8)


# -- the user's own arrays --------------------------------------------------------------------------------------------


def archive(folder: Path, **arrays: np.ndarray) -> str:
    path = folder / "mine.npz"
    np.savez(path, **arrays)
    return str(path)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize(
    ("targets", "task", "found", "classes"),
    [
        (np.array([3, 5, 3, 9] * 5), "auto", "classification", ("3", "5", "9")),
        (np.array(["no", "yes"] * 10), "auto", "classification", ("no", "yes")),
        (np.array([True, False] * 10), "auto", "classification", ("False", "True")),
        (np.linspace(0, 1, 20), "auto", "regression", ()),
        (np.arange(20), "regression", "regression", ()),
        (np.array([0.5, 1.0] * 10), "classification", "classification", ("0.5", "1")),
    ],
)
def test_the_task_follows_from_the_targets_of_arrays(
    tmp_path: Path, targets: np.ndarray, task: str, found: str, classes: tuple[str, ...], device: str
) -> None:
    config = ModelConfig(data=archive(tmp_path, X=noise(20, 3), y=targets), task=task)  # type: ignore[arg-type]
    arrays = load_arrays(config)
    assert arrays is not None
    assert (arrays.task, arrays.classes) == (found, classes)
    if classes:
        assert [classes[number] for number in arrays.targets] == [f"{value}".removesuffix(".0") for value in targets]
    _, answer = opened(Experiment(config, runs=(RunConfig("run", 4),), device=device))
    assert answer.experiment.examples == 16


def test_images_of_ones_own_for_a_cnn(tmp_path: Path, device: str) -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 3, 8, 12), dtype=np.uint8)
    problem = problem_of(device, model="cnn", data=archive(tmp_path, X=images, y=np.arange(30) % 4), test_fraction=0.0)
    inputs, _ = problem.batch(torch.arange(30))
    np.testing.assert_array_equal(inputs.cpu(), images.astype(np.float32))
    assert problem.model(inputs).shape == (30, 4)


def test_mapped_arrays_are_not_read_into_memory(tmp_path: Path, device: str) -> None:
    inputs, targets = noise(200, 64).astype(np.float32), np.arange(200) % 7
    np.save(tmp_path / "X.npy", inputs)
    np.save(tmp_path / "y.npy", targets)
    files = f"{tmp_path / 'X.npy'},{tmp_path / 'y.npy'}"
    problem = problem_of(device, data=files, test_fraction=0.0, loader="dataloader")
    found, _ = problem.batch(torch.arange(200))
    np.testing.assert_array_equal(found.cpu(), inputs)
    address = problem.source.inputs.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if begin <= address < end:
            assert line.endswith("X.npy")
            break
    else:
        pytest.fail("the tensor lies nowhere")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": noise(9, 2)}, r"needs arrays named X and y; it has X\."),
        (
            {"X": noise(9, 2), "y": noise(8)},
            r"X has 9 rows, and y the shape \(8,\)",
        ),
        ({"X": noise(9), "y": noise(9)}, r"X of mine.npz must be numbers of shape \(N, ...\)"),
        ({"X": np.array([["a"], ["b"]]), "y": noise(2)}, "X of mine.npz must be numbers"),
        ({"X": np.array([[1.0], [np.nan]]), "y": noise(2)}, r"Row 1 \(from 0\) of X in mine.npz holds NaN"),
        ({"X": noise(2, 1), "y": np.array([np.inf, 0])}, r"Row 0 \(from 0\) of y"),
        ({"X": noise(1, 2), "y": noise(1)}, "a single example"),
        ({"X": np.array([[{}], [{}]], dtype=object), "y": noise(2)}, "cannot be read as an NPZ file"),
    ],
)
def test_what_is_wrong_with_arrays_is_said(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load_arrays(ModelConfig(data=archive(tmp_path, **arrays)))
    assert "\n" not in str(caught.value)


def test_text_is_no_quantity(tmp_path: Path) -> None:
    file = archive(tmp_path, X=noise(4, 2), y=np.array(list("abcd")))
    with pytest.raises(ConfigError, match="holds text; a regression needs numbers"):
        load_arrays(ModelConfig(data=file, task="regression"))


@pytest.mark.parametrize("content", [b"", b"PK no more"])
def test_a_broken_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.npz"):
        load_arrays(ModelConfig(data=str(path)))


def test_pickled_mapped_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.array([[{}], [{}]], dtype=object))
    np.save(tmp_path / "y.npy", np.zeros(2))
    with pytest.raises(ConfigError, match=r"X\.npy cannot be read as an NPY file"):
        load_arrays(ModelConfig(data=f"{tmp_path / 'X.npy'},{tmp_path / 'y.npy'}"))


# -- the user's own tables --------------------------------------------------------------------------------------------


def table(folder: Path, text: str) -> str:
    path = folder / "mine.csv"
    path.write_text(text)
    return str(path)


ROWS = "".join(f"{row},{row % 5},{'cat' if row % 3 else 'dog'},{row / 7},{row % 4}\n" for row in range(30))


@pytest.mark.parametrize(
    ("target", "task", "found", "classes"),
    [
        ("animal", "auto", "classification", ("cat", "dog")),
        ("weight", "auto", "regression", ()),
        ("legs", "auto", "classification", ("0", "1", "2", "3")),
        ("legs", "regression", "regression", ()),
    ],
)
def test_the_task_follows_from_the_column(
    tmp_path: Path, target: str, task: str, found: str, classes: tuple[str, ...], device: str
) -> None:
    file = table(tmp_path, "a,b,animal,weight,legs\n" + ROWS)
    config = ModelConfig(data=file, target=target, features=("a", "b"), task=task)  # type: ignore[arg-type]
    arrays = load_arrays(config)
    assert arrays is not None
    assert (arrays.task, arrays.classes) == (found, classes)
    if target == "animal":
        assert arrays.targets.tolist() == [0 if row % 3 else 1 for row in range(30)]
    _, answer = opened(Experiment(config, runs=(RunConfig("run", 4),), device=device))
    assert answer.experiment.examples == 24


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        ("a,b,c\n1,2,x\n,3,y\n", "c", r"missing in row 2 .* of column 'a'"),
        ("a,b,c\n1,2,x\n2,3,\n", "c", r"missing in row 2 .* of column 'c'"),
        ("a,b,c\n1,2,x\n2,oops,y\n", "c", r"'oops' in row 2 .* of column 'b'"),
        ("a,b,c\n1,2,x\n2,3,x\n", "c", "'c' is x in every row"),
        ("c\n1\n2\n", "c", "no column besides 'c'"),
        ("a,b,c\n1,2,x\n2,3,y\n", "cc", "did you mean 'c'"),
        ("a,b,c\n1,2,x\n2,3,y\n", None, "with --target; it has a, b, c"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, text: str, target: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_arrays(ModelConfig(data=table(tmp_path, text), target=target))


def test_a_parquet_table_serves(tmp_path: Path, device: str) -> None:
    import polars as pl

    pl.DataFrame({"a": range(30), "b": [row * row for row in range(30)], "c": ["x", "y"] * 15}).write_parquet(
        tmp_path / "mine.parquet"
    )
    config = ModelConfig(data=str(tmp_path / "mine.parquet"), target="c")
    _, answer = opened(Experiment(config, runs=(RunConfig("run", 4),), device=device))
    assert (answer.experiment.examples, answer.experiment.parameters) == (24, 2 * 64 + 64 + 64 * 64 + 64 + 130)
