"""The data a model learns from, as arrays and a description of them. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.data.table import load_bundled
from sim.data.table_file import read_training_table
from sim.experiment.choices import Scale
from sim.experiment.config import ModelConfig
from sim.experiment.errors import ConfigError, require_file

SYNTHETIC_FEATURES, SYNTHETIC_CLASSES = 64, 10
_MOST_CLASSES = 100  # whole numbers with more different values than this are a quantity


@dataclass(frozen=True, slots=True)
class Arrays:
    """Data for a model.

    Attributes:
        name: for people.
        inputs: shape (N, ...), any number type; may be memory-mapped.
        targets: shape (N,): class numbers (int64) or quantities.
        task: what the targets are.
        classes: the names of the classes; empty where they are numbers, or quantities.
        scale: what to do with the inputs once the training examples are known; "none" for images and arrays.
        divisor: what all inputs are divided by (16 for the digits' pixels).
    """

    name: str
    inputs: NDArray[np.generic]
    targets: NDArray[np.generic]
    task: Literal["classification", "regression"]
    classes: tuple[str, ...] = ()
    scale: Scale = "none"
    divisor: float = 1.0


def split_sizes(examples: int, test_fraction: float) -> tuple[int, int]:
    """How many examples are for training and for testing; at least one for testing where the fraction is not 0."""
    test = max(1, round(examples * test_fraction)) if test_fraction else 0
    return examples - test, test


def load_arrays(config: ModelConfig) -> Arrays | None:
    """The data that a configuration names; None for synthetic data, which the engine makes.

    Raises:
        ConfigError: for data that do not serve.
    """
    if config.data is not None:
        return _user_arrays(config)
    if config.features or config.target:
        raise ConfigError("--features and --target name columns of a file; give the file with --data.")
    if config.dataset == "synthetic":
        return None
    table = load_bundled(config.dataset.replace("-", "_"))
    if config.task not in ("auto", table.task):
        raise ConfigError(f"--task is for data of your own; {config.dataset} is {table.task}.")
    digits = config.dataset == "digits"
    inputs = table.inputs.reshape(-1, 1, 8, 8) if digits else table.inputs
    return Arrays(
        name=config.dataset,
        inputs=inputs,
        targets=table.targets.astype(np.int64) if table.classes else table.targets,
        task=table.task,
        classes=table.classes,
        scale=config.scale or ("none" if digits else "standard"),
        divisor=16.0 if digits else 1.0,
    )


def _user_arrays(config: ModelConfig) -> Arrays:
    assert config.data is not None
    if config.data.endswith((".npz", ".npy")) and (config.features or config.target):
        raise ConfigError("--features and --target name columns of a table; arrays are X and y, so leave them out.")
    files = config.data.split(",")
    if len(files) == 2 and all(file.endswith(".npy") for file in files):
        inputs, targets = (_mapped(Path(file)) for file in files)
        return _from_arrays(config, " and ".join(Path(file).name for file in files), inputs, targets)
    if len(files) == 1 and config.data.endswith(".npy"):
        raise ConfigError(f"Mapped arrays come as two files, --data X.npy,y.npy; {config.data} is one.")
    if config.data.endswith(".npz"):
        return _from_npz(config, Path(config.data))
    table = read_training_table(config.data, config.features, config.target, config.task)
    return Arrays(
        name=table.name,
        inputs=table.inputs,
        targets=table.targets.astype(np.int64) if table.classes else table.targets,
        task=table.task,
        classes=table.classes,
        scale=config.scale or "standard",
    )


def _mapped(path: Path) -> NDArray[np.generic]:
    """An NPY file's array, not read into memory."""
    require_file(path, "data")
    try:
        array: NDArray[np.generic] = np.load(path, mmap_mode="c", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as an NPY file: {str(error).splitlines()[0].rstrip('.')}.") from error
    return array


def _from_npz(config: ModelConfig, path: Path) -> Arrays:
    require_file(path, "data")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not {"X", "y"} <= set(archive.files):
                raise ConfigError(f"{path} needs arrays named X and y; it has {', '.join(archive.files) or 'none'}.")
            inputs, targets = archive["X"], archive["y"]
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} cannot be read as an NPZ file: {str(error).splitlines()[0].rstrip('.')}.") from error
    return _from_arrays(config, path.name, inputs, targets)


def _from_arrays(config: ModelConfig, name: str, inputs: NDArray[np.generic], targets: NDArray[np.generic]) -> Arrays:
    if inputs.ndim < 2 or inputs.dtype.kind not in "biuf":
        raise ConfigError(f"X of {name} must be numbers of shape (N, ...), not {inputs.dtype} of shape {inputs.shape}.")
    if targets.shape not in ((len(inputs),), (len(inputs), 1)):
        raise ConfigError(
            f"X and y of {name} do not belong together: X has {len(inputs)} rows, and y the shape {targets.shape}; "
            f"it must be ({len(inputs)},)."
        )
    if len(inputs) < 2:
        raise ConfigError(f"{name} has a single example; at least 2 are needed.")
    for array, what in ((inputs, "X"), (targets, "y")):
        if array.dtype.kind == "f" and (row := _first_bad_row(array)) is not None:
            raise ConfigError(
                f"Row {row} (from 0) of {what} in {name} holds NaN or infinity; every number must be finite."
            )
    targets = targets.reshape(-1)
    if config.task == "regression" or (config.task == "auto" and not _tells_classes(targets)):
        return Arrays(name, inputs, _quantities(targets, name), "regression", scale=config.scale or "none")
    found, numbers = np.unique(targets, return_inverse=True)
    classes = tuple(f"{value}" for value in found.tolist())
    return Arrays(name, inputs, numbers.astype(np.int64), "classification", classes, scale=config.scale or "none")


def _first_bad_row(array: NDArray[np.generic]) -> int | None:
    """The first row with a number that is not finite, looked for in pieces, for arrays larger than memory."""
    for begin in range(0, len(array), 65_536):
        piece = array[begin : begin + 65_536]
        bad = ~np.isfinite(piece.reshape(len(piece), -1).astype(np.float64, copy=False)).all(axis=1)
        if bad.any():
            return begin + int(np.argmax(bad))
    return None


def _tells_classes(targets: NDArray[np.generic]) -> bool:
    if targets.dtype.kind in "bU":
        return True
    return targets.dtype.kind in "iu" and len(np.unique(targets)) <= _MOST_CLASSES


def _quantities(targets: NDArray[np.generic], name: str) -> NDArray[np.float64]:
    if targets.dtype.kind not in "biuf":
        raise ConfigError(f"y of {name} holds text; a regression needs numbers.")
    return targets.astype(np.float64)
