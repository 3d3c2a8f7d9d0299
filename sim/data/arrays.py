"""The data a model learns from, as arrays and a description of them. Imports no torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.data.array_files import map_npy, read_npz
from sim.data.reading import require_room
from sim.data.scaling import TOO_LARGE, first_beyond, is_torch_type
from sim.data.table import SCALE_NOTES, Table, load_bundled
from sim.data.table_file import read_training_table
from sim.data.targets import are_classes, class_numbers
from sim.experiment.choices import Scale
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig
from sim.experiment.words import shown, shown_path

SYNTHETIC_FEATURES, SYNTHETIC_CLASSES = 64, 10
_DARKEST = 16  # of the digits' grey levels


@dataclass(frozen=True, slots=True)
class Arrays:
    """Data for a model.

    Attributes:
        name: for people, fit to be shown.
        inputs: shape (N, ...), any number type; may be memory-mapped.
        targets: shape (N,): class numbers (int64) or quantities (float64).
        task: what the targets are.
        classes: the names of the classes; empty where they are numbers, or quantities.
        scale: what to do with the inputs once the training examples are known; "none" for images and arrays.
    """

    name: str
    inputs: NDArray[np.generic]
    targets: NDArray[np.generic]
    task: Literal["classification", "regression"]
    classes: tuple[str, ...] = ()
    scale: Scale = "none"

    @property
    def note(self) -> str:
        """What is done to them before a model learns from them, or ""."""
        notes = [] if self.scale == "none" else [SCALE_NOTES[self.scale]]
        return ", ".join([*notes, "target standardised"] if self.task == "regression" else notes)


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
    arrays = _from_table(replace(table, name=config.dataset), config.scale or "standard")
    if config.dataset == "digits":
        return replace(arrays, inputs=table.inputs.reshape(-1, 1, 8, 8) / _DARKEST, scale=config.scale or "none")
    return arrays


def _from_table(table: Table, scale: Scale) -> Arrays:
    targets = table.targets.astype(np.int64) if table.classes else table.targets
    return Arrays(table.name, table.inputs, targets, table.task, table.classes, scale)


def _user_arrays(config: ModelConfig) -> Arrays:
    assert config.data is not None
    files = [Path(file) for file in config.data.split(",")]
    kinds = [file.suffix.lower() for file in files]
    if kinds[-1] in (".npz", ".npy") and (config.features or config.target):
        raise ConfigError("--features and --target name columns of a table; arrays are X and y, so leave them out.")
    if kinds == [".npy", ".npy"]:
        return _from_files(config, *files)
    if kinds == [".npy"]:
        raise ConfigError(f"Mapped arrays come as two files, --data X.npy,y.npy; {shown_path(config.data)} is one.")
    if kinds[-1] == ".npz":
        arrays = read_npz(Path(config.data), ("X", "y"))
        return _from_arrays(config, shown(Path(config.data).name), arrays["X"], arrays["y"])
    table = read_training_table(config.data, config.features, config.target, config.task)
    return _from_table(table, config.scale or "standard")


def _from_files(config: ModelConfig, inputs_file: Path, targets_file: Path) -> Arrays:
    """Two mapped arrays; what a model takes as it is is not read into memory."""
    inputs, targets = map_npy(inputs_file), map_npy(targets_file)
    if config.scale not in (None, "none") or not is_torch_type(inputs.dtype):
        require_room(inputs_file, inputs.size * np.dtype(np.float32).itemsize)
    require_room(targets_file, targets.nbytes)
    return _from_arrays(config, f"{shown(inputs_file.name)} and {shown(targets_file.name)}", inputs, targets)


def _from_arrays(config: ModelConfig, name: str, inputs: NDArray[np.generic], targets: NDArray[np.generic]) -> Arrays:
    if inputs.ndim < 2 or inputs.dtype.kind not in "biuf":
        raise ConfigError(f"X of {name} must be numbers of shape (N, ...), not {_type(inputs)}.")
    if targets.shape not in ((len(inputs),), (len(inputs), 1)):
        raise ConfigError(
            f"X and y of {name} do not belong together: X has {len(inputs)} rows, and y the shape {targets.shape}; "
            f"it must be ({len(inputs)},)."
        )
    if targets.dtype.kind not in "biufU":
        raise ConfigError(f"y of {name} must be numbers or text, not {_type(targets)}.")
    if len(inputs) < 2:
        raise ConfigError(f"{name} has {'a single example' if len(inputs) else 'no examples'}; at least 2 are needed.")
    if not inputs.size:
        raise ConfigError(f"X of {name} has the shape {inputs.shape}, without a number in it; a model needs inputs.")
    for array, what in ((inputs, "X"), (targets, "y")):
        if array.dtype.kind == "f" and (row := first_beyond(array, TOO_LARGE)) is not None:
            raise ConfigError(
                f"Row {row} (from 0) of {what} in {name} holds NaN, infinity or a number beyond {TOO_LARGE:g}; "
                "every number must be finite."
            )
    return _with_task(config, name, inputs, np.asarray(targets).reshape(-1))


def _with_task(config: ModelConfig, name: str, inputs: NDArray[np.generic], targets: NDArray[np.generic]) -> Arrays:
    scale = config.scale or "none"
    if config.task == "classification" or (config.task == "auto" and are_classes(targets)):
        numbers, classes = class_numbers(targets)
        return Arrays(name, inputs, numbers, "classification", classes, scale)
    if targets.dtype.kind == "U":
        raise ConfigError(f"y of {name} holds text; a regression needs numbers.")
    return Arrays(name, inputs, targets.astype(np.float64), "regression", scale=scale)


def _type(array: NDArray[np.generic]) -> str:
    return f"{shown(str(array.dtype))} of shape {array.shape}"
