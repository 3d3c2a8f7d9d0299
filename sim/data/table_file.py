"""The user's own tables: CSV, TSV, Parquet and NPZ files. Imports no torch, and polars only to read one."""

import csv
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.data.table import Table
from sim.experiment.choices import Task
from sim.experiment.errors import ConfigError, require_file, suggest

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

_TOO_LARGE = 1e100  # a square of more may overflow
_MOST_CLASSES = 20  # whole numbers with more different values than this are taken for a quantity


def read_table(file: str, features: tuple[str, ...], target: str | None, *, width: int, classes: bool) -> Table:
    """Read a CSV, TSV, Parquet or NPZ file.

    The first line of a CSV or TSV file names its columns. In an NPZ file a one-dimensional array is a column under
    its own name, and the columns of a two-dimensional array X are X0, X1 and so on.

    Args:
        file: its path.
        features: the columns to use as inputs; empty: all numeric ones but the target, if there are just `width`.
        target: the column to predict.
        width: how many features there must be.
        classes: whether the target tells two classes apart, by numbers or text; they become 0 and 1 in sorted order.

    Raises:
        ConfigError: for whatever keeps the file from being used.
    """
    frame, target = _checked_frame(file, features, target)
    features = _choose_features(frame, features, target, width)
    inputs = np.stack([_numbers(frame[column]) for column in features], axis=1)
    if classes:
        targets, names = _two_classes(frame[target])
    else:
        targets, names = _numbers(frame[target]), ()
    return Table(Path(file).name, features, inputs, target, targets, names)


def read_training_table(file: str, features: tuple[str, ...], target: str | None, task: Task) -> Table:
    """Read the table that a model learns from: any number of features, a target of classes or quantities.

    A target of text, or of at most 20 different whole numbers, tells classes apart, which become 0, 1, ... in sorted
    order, unless `task` says otherwise. Without `features`, all other columns are inputs.

    Raises:
        ConfigError: for whatever keeps the file from being used.
    """
    frame, target = _checked_frame(file, features, target)
    features = features or tuple(column for column in frame.columns if column != target)
    if not features:
        raise ConfigError(f"{file} has no column besides {target!r}; a model needs inputs.")
    if len({*features, target}) != len(features) + 1:
        raise ConfigError(f"A column is used twice among {_listed((*features, target))}; name different ones.")
    inputs = np.stack([_numbers(frame[column]) for column in features], axis=1)
    column = frame[target]
    if task == "classification" or (task == "auto" and _tells_classes(column)):
        targets, names = _class_numbers(column)
        if len(names) < 2:
            raise ConfigError(f"Column {target!r} is {names[0]} in every row; choose a target that varies.")
    else:
        targets, names = _numbers(column), ()
    return Table(Path(file).name, features, inputs, target, targets, names)


def _checked_frame(file: str, features: tuple[str, ...], target: str | None) -> "tuple[pl.DataFrame, str]":
    """The file's table, of two rows at least, and its target; the named columns are there."""
    frame = _read_frame(Path(file))
    if frame.height < 2:
        rows = "a single row" if frame.height else "no rows"
        raise ConfigError(f"{file} has {rows} of data; at least 2 are needed.")
    if target is None:
        raise ConfigError(f"Say which column of {file} to predict with --target; it has {_listed(frame.columns)}.")
    for column in (*features, target):
        if column not in frame.columns:
            raise ConfigError(f"{file} has no column {column!r}; {suggest(column, frame.columns)}")
    return frame, target


def _tells_classes(column: "pl.Series") -> bool:
    if not _is_numeric(column):
        return True
    values = np.unique(_numbers(column))
    return len(values) <= _MOST_CLASSES and bool((values == np.round(values)).all())


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _choose_features(frame: "pl.DataFrame", features: tuple[str, ...], target: str, width: int) -> tuple[str, ...]:
    needed = "one feature" if width == 1 else f"{width} features"
    if not features:
        others = tuple(column for column in frame.columns if column != target)
        numeric = tuple(column for column in others if _is_numeric(frame[column]))
        features = others if len(others) == width else numeric
        if len(features) != width:
            raise ConfigError(
                f"Say which {needed} to use with --features; besides {target!r} there are {_listed(others) or 'none'}."
            )
    if len(features) != width:
        raise ConfigError(f"This problem takes {needed}, not {len(features)}: {_listed(features)}.")
    if len({*features, target}) != width + 1:
        raise ConfigError(f"A column is used twice among {_listed((*features, target))}; name different ones.")
    return features


def _read_frame(path: Path) -> "pl.DataFrame":
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    require_file(path, "data")
    if reader is None:
        raise ConfigError(f"{path} is of no known kind; give a {_listed(readers)} file.")
    try:
        if path.stat().st_size == 0:
            raise ConfigError(f"{path} is empty; give a file with at least 2 rows of data.")
        return reader(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_csv(path: Path) -> "pl.DataFrame":
    import polars as pl

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        # as text, so that what is no number can be pointed at
        frame = pl.read_csv(path, separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _ragged(path, separator) or _unreadable(path, "a table of text", error) from error
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
    return frame.head(filled[-1] + 1 if len(filled) else 0)  # blank lines at the end are no rows


def _ragged(path: Path, separator: str) -> ConfigError | None:
    """What is wrong where a row has more fields than the heading; None where none has."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines = csv.reader(file, delimiter=separator)
        width = len(next(lines, []))
        for row, fields in enumerate(lines, start=1):
            if len(fields) > width:
                return ConfigError(f"Row {row} of {path} has {len(fields)} fields; the heading has {width}.")
    return None


def _read_parquet(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, "a Parquet file", error) from error


def _unreadable(path: Path, kind: str, error: Exception) -> ConfigError:
    return ConfigError(f"{path} cannot be read as {kind}: {str(error).splitlines()[0].rstrip('.')}.")


def _read_npz(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, "an NPZ file", error) from error
    columns: dict[str, NDArray[np.generic]] = {}
    for key, array in arrays.items():
        if array.ndim not in (1, 2) or array.dtype.kind not in "biufU":
            raise ConfigError(
                f"Array {key!r} of {path} has {array.ndim} dimensions and type {array.dtype}; "
                "it needs 1 or 2 dimensions of numbers or text."
            )
        column_names = [key] if array.ndim == 1 else [f"{key}{place}" for place in range(array.shape[1])]
        values = array if array.dtype.kind == "U" else array.astype(np.float64)
        columns |= zip(column_names, values.reshape(len(array), -1).T, strict=True)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = _listed(f"{name} {length}" for name, length in lengths.items())
        raise ConfigError(f"The arrays of {path} differ in length ({listed}); they need one entry an example.")
    return pl.DataFrame(columns)


def _is_numeric(column: "pl.Series") -> bool:
    """Whether it holds numbers, or text that reads as numbers in every row."""
    import polars as pl

    if column.dtype == pl.String:
        return column.str.strip_chars().cast(pl.Float64, strict=False).null_count() == column.null_count()
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def _numbers(column: "pl.Series") -> Floats:
    """The column as float64, shape (N,)."""
    import polars as pl

    if column.dtype == pl.String:
        numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    elif _is_numeric(column):
        numbers = column.cast(pl.Float64)
    else:
        raise ConfigError(f"Column {column.name!r} holds values of type {column.dtype}; it needs numbers.")
    values = numbers.to_numpy()
    for row in np.flatnonzero(~(np.abs(values) <= _TOO_LARGE))[:1]:
        where = f"row {row + 1} (the header not counted) of column {column.name!r}"
        found = column[int(row)]
        if found is None or (isinstance(found, str) and not found.strip()):
            raise ConfigError(_missing(row + 1, column.name, "a number"))
        if numbers[int(row)] is None:
            raise ConfigError(f"{found!r} in {where} is no number; every row needs one.")
        raise ConfigError(f"{found} in {where} is of no use; every row needs a finite number below {_TOO_LARGE:g}.")
    return values


def _two_classes(column: "pl.Series") -> tuple[Floats, tuple[str, ...]]:
    """Class numbers 0 and 1, shape (N,), and the names of the two classes in sorted order."""
    numbers, names = _class_numbers(column)
    if len(names) != 2:
        listed = _listed(names[:5]) + (", …" if len(names) > 5 else "")
        raise ConfigError(f"Column {column.name!r} has {len(names)} different values ({listed}); it needs two classes.")
    return numbers, names


def _class_numbers(column: "pl.Series") -> tuple[Floats, tuple[str, ...]]:
    """Class numbers from 0, shape (N,), and the names of the classes in sorted order."""
    import polars as pl

    if _is_numeric(column):
        values, numbers = np.unique(_numbers(column), return_inverse=True)
        return numbers.astype(np.float64), tuple(f"{value:g}" for value in values)
    labels = column.cast(pl.String).str.strip_chars().replace("", None)
    for row in labels.is_null().arg_true()[:1]:
        raise ConfigError(_missing(row + 1, column.name, "a class"))
    names, numbers = np.unique(labels.to_numpy().astype(str), return_inverse=True)
    return numbers.astype(np.float64), tuple(names.tolist())


def _missing(row: int, column: str, needed: str) -> str:
    return f"A value is missing in row {row} (the header not counted) of column {column!r}; every row needs {needed}."
