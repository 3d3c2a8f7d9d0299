"""The user's own tables: what is an input, what the target, and whether the rows can serve. Imports no torch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.data.frames import read_frame
from sim.data.scaling import TOO_LARGE, Floats
from sim.data.table import Table
from sim.data.targets import are_classes, class_numbers
from sim.experiment.choices import Task
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.words import MOST_NAMES, listed, quoted, shown, shown_path

if TYPE_CHECKING:
    import polars as pl


def read_table(file: str, features: tuple[str, ...], target: str | None, *, width: int, classes: bool) -> Table:
    """Read a table for a two-parameter problem; see `read_frame` for the kinds of files.

    Args:
        file: its path.
        features: the columns to use as inputs; empty: all numeric ones but the target, if there are just `width`.
        target: the column to predict.
        width: how many features there must be.
        classes: whether the target distinguishes two classes, by numbers or text; they become 0 and 1 in sorted order.

    Raises:
        ConfigError: for whatever keeps the file from being used.
    """
    frame, target = _checked_frame(file, features, target)
    features = _choose_features(frame, features, target, width)
    values = _labels(frame[target]) if classes else _numbers(frame[target])
    table = _table(file, frame, features, target, values, classes=classes)
    if classes and len(table.classes) != 2:
        raise ConfigError(
            f"Column {quoted(target)} has {len(table.classes)} different values ({listed(table.classes)}); "
            "it needs two classes."
        )
    return table


def read_training_table(file: str, features: tuple[str, ...], target: str | None, task: Task) -> Table:
    """Read the table that a model learns from: any number of features, a target of classes or quantities.

    `are_classes` decides which, unless `task` does; classes become 0, 1, ... in sorted order. Without `features`, all
    other columns are inputs.

    Raises:
        ConfigError: for whatever keeps the file from being used.
    """
    frame, target = _checked_frame(file, features, target)
    features = features or tuple(column for column in frame.columns if column != target)
    if not features:
        raise ConfigError(f"{shown_path(file)} has no column besides {quoted(target)}; a model needs inputs.")
    _reject_doubles(features, target)
    values = _numbers(frame[target]) if task == "regression" else _labels(frame[target])
    classes = task == "classification" or (task == "auto" and are_classes(values))
    table = _table(file, frame, features, target, values, classes=classes)
    if len(table.classes) == 1:
        raise ConfigError(f"Column {quoted(target)} is {table.classes[0]} in every row; choose a target that varies.")
    return table


def _table(
    file: str,
    frame: "pl.DataFrame",
    features: tuple[str, ...],
    target: str,
    values: NDArray[np.generic],
    *,
    classes: bool,
) -> Table:
    """Columns of the frame, with names that are fit to be shown."""
    inputs = np.empty((frame.height, len(features)))
    for index, column in enumerate(features):
        inputs[:, index] = _numbers(frame[column])
    numbers, names = class_numbers(values) if classes else (values, ())
    columns = tuple(shown(column) for column in features)
    return Table(shown(Path(file).name), columns, inputs, shown(target), numbers.astype(np.float64), names)


def _checked_frame(file: str, features: tuple[str, ...], target: str | None) -> "tuple[pl.DataFrame, str]":
    """The file's table, of two rows at least, and its target; the named columns are there."""
    frame, path = read_frame(Path(file)), shown_path(file)
    if frame.height < 2:
        rows = "a single row" if frame.height else "no rows"
        raise ConfigError(f"{path} has {rows} of data; at least 2 are needed.")
    if target is None:
        raise ConfigError(f"Say which column of {path} to predict with --target; it has {listed(frame.columns)}.")
    for column in (*features, target):
        if column not in frame.columns:
            known = suggest(column, frame.columns, MOST_NAMES)
            raise ConfigError(f"{path} has no column {quoted(column)}; {known}")
    return frame, target


def _choose_features(frame: "pl.DataFrame", features: tuple[str, ...], target: str, width: int) -> tuple[str, ...]:
    needed = "one feature" if width == 1 else f"{width} features"
    if not features:
        others = tuple(column for column in frame.columns if column != target)
        numeric = tuple(column for column in others if _is_numeric(frame[column]))
        features = others if len(others) == width else numeric
        if len(features) != width:
            there = listed(others) or "none"
            raise ConfigError(f"Say which {needed} to use with --features; besides {quoted(target)} there are {there}.")
    if len(features) != width:
        raise ConfigError(f"This problem takes {needed}, not {len(features)}: {listed(features)}.")
    _reject_doubles(features, target)
    return features


def _reject_doubles(features: tuple[str, ...], target: str) -> None:
    if len({*features, target}) != len(features) + 1:
        raise ConfigError(f"A column is used twice among {listed((*features, target))}; name different ones.")


def _is_numeric(column: "pl.Series") -> bool:
    """Whether it holds numbers, or text that reads as numbers in every row."""
    import polars as pl

    if column.dtype == pl.String:
        return _parsed(column).null_count() == column.null_count()
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def _parsed(column: "pl.Series") -> "pl.Series":
    """A column of text as numbers, null where it reads as none."""
    import polars as pl

    return column.str.strip_chars().cast(pl.Float64, strict=False)


def _numbers(column: "pl.Series") -> Floats:
    """The column as float64, shape (N,)."""
    import polars as pl

    if column.dtype == pl.String:
        numbers = _parsed(column)
    elif _is_numeric(column):
        numbers = column.cast(pl.Float64)
    else:
        raise _wrong_type(column, "numbers")
    values = numbers.to_numpy()
    for row in np.flatnonzero(~(np.abs(values) <= TOO_LARGE))[:1]:
        where = f"row {row + 1} (the header not counted) of column {quoted(column.name)}"
        found = column[int(row)]
        if found is None or (isinstance(found, str) and not found.strip()):
            raise _missing(row + 1, column.name, "a number")
        if numbers[int(row)] is None:
            raise ConfigError(f"{quoted(found)} in {where} is no number; every row needs one.")
        raise ConfigError(f"{found} in {where} is of no use; every row needs a finite number below {TOO_LARGE:g}.")
    return values


def _labels(column: "pl.Series") -> NDArray[np.generic]:
    """What a target holds, shape (N,): numbers, true and false, or text."""
    import polars as pl

    if column.dtype == pl.Boolean:
        labels = column
    elif _is_numeric(column):
        return _numbers(column)
    elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
        labels = column.cast(pl.String).str.strip_chars().replace("", None)
    else:
        raise _wrong_type(column, "numbers or text")
    for row in labels.is_null().arg_true()[:1]:
        raise _missing(row + 1, column.name, "a class")
    return labels.to_numpy().astype(bool if column.dtype == pl.Boolean else str)


def _wrong_type(column: "pl.Series", needed: str) -> ConfigError:
    held = shown(str(column.dtype))
    return ConfigError(f"Column {quoted(column.name)} holds values of type {held}; it needs {needed}.")


def _missing(row: int, column: str, needed: str) -> ConfigError:
    where = f"row {row} (the header not counted) of column {quoted(column)}"
    return ConfigError(f"A value is missing in {where}; every row needs {needed}.")
