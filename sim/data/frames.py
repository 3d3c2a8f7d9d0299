"""Files as tables of polars, which is only imported to read one: CSV, TSV, Parquet and NPZ. Imports no torch."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.data.array_files import read_npz
from sim.data.reading import reading, require_room, unreadable
from sim.experiment.errors import ConfigError, require_file
from sim.experiment.memory import available
from sim.experiment.words import first_line, listed, quoted, shown, shown_path

if TYPE_CHECKING:
    import polars as pl

_BYTES = 8  # of a cell, as far as is known before it is read
_PARQUET = "a Parquet file"
_PROBE, _REFUSED = Path(__file__).with_name("parquet_probe.py"), 3  # and its exit status for an error


def read_frame(path: Path) -> "pl.DataFrame":
    """Read a CSV, TSV, Parquet or NPZ file.

    The first line of a CSV or TSV file names its columns, which are all text; spaces around a name are none of it,
    unless two names would be the same. In an NPZ file a one-dimensional array is a column under its own name, and the
    columns of a two-dimensional array X are X0, X1 and so on.

    Raises:
        ConfigError: for whatever keeps it from being read.
    """
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    require_file(path, "data")
    if reader is None:
        raise ConfigError(f"{shown_path(path)} is of no known kind; give a {', '.join(readers)} file.")
    return reader(path)


def _read_csv(path: Path) -> "pl.DataFrame":
    import polars as pl

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with reading(path, "a table of text"):
        require_room(path, path.stat().st_size)
        try:
            # opened, since polars takes UTF-8 names only; as text, so that what is no number can be pointed at
            with path.open("rb") as file:
                frame = pl.read_csv(file, separator=separator, infer_schema=False)
        except pl.exceptions.PolarsError as error:
            raise _ragged(path, separator) or error from error
        names = [name.strip() for name in frame.columns]
        if len(set(names)) == len(names):
            frame.columns = names
        filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
        return frame.head(filled[-1] + 1 if len(filled) else 0)  # blank lines at the end are no rows


def _ragged(path: Path, separator: str) -> ConfigError | None:
    """What is wrong where a row has more fields than the heading; None where none has."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines = csv.reader(file, delimiter=separator)
        try:
            width = len(next(lines, []))
            for row, fields in enumerate(lines, start=1):
                if len(fields) > width:
                    return ConfigError(
                        f"Row {row} of {shown_path(path)} has {len(fields)} fields; the heading has {width}."
                    )
        except csv.Error:  # such as for a field of megabytes
            return None
    return None


def _read_parquet(path: Path) -> "pl.DataFrame":
    import polars as pl

    with reading(path, _PARQUET):
        _probe(path)
        with path.open("rb") as file:
            return pl.read_parquet(file)


def _probe(path: Path) -> None:
    """Refuse a Parquet file that cannot be read, by letting another process try."""
    most = available() // _BYTES
    command = [sys.executable, "-P", str(_PROBE), str(path.absolute()), str(most)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")
    said = done.stdout.splitlines()
    if done.returncode == 0:
        require_room(path, int(said[-1]) * _BYTES)
    else:
        raise unreadable(path, _PARQUET, first_line(said[-1]) if done.returncode == _REFUSED else "it is damaged")


def _read_npz(path: Path) -> "pl.DataFrame":
    import polars as pl

    columns: dict[str, NDArray[np.generic]] = {}
    for key, array in read_npz(path).items():
        if array.ndim not in (1, 2) or array.dtype.kind not in "biufU":
            kind = shown(str(array.dtype))
            raise ConfigError(
                f"Array {quoted(key)} of {shown_path(path)} has {array.ndim} dimensions and type {kind}; "
                "it needs 1 or 2 dimensions of numbers or text."
            )
        names = [key] if array.ndim == 1 else [f"{key}{index}" for index in range(array.shape[1])]
        if doubles := columns.keys() & names:
            raise ConfigError(f"Two arrays of {shown_path(path)} make a column {quoted(min(doubles))}; rename one.")
        values = array.astype(np.float64 if array.dtype.kind in "iuf" else array.dtype.newbyteorder("="))
        columns |= zip(names, values.reshape(len(array), -1).T, strict=True)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = listed(f"{name} {length}" for name, length in lengths.items())
        raise ConfigError(
            f"The arrays of {shown_path(path)} differ in length ({found}); they need one entry an example."
        )
    return pl.DataFrame(columns)
