"""What runs did as a CSV, JSON Lines or Parquet file, one row an update and run."""

import errno
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from sim.experiment.errors import ConfigError, suggest
from sim.protocol.answers import Trouble
from sim.protocol.trace import BANDS, RECORDED, Rows, Status
from tui.session.trails import PlaneTrails

if TYPE_CHECKING:
    import polars as pl

_ALWAYS = ("run", "update", "examples", "epoch", "seconds", "x", "y", "batch_loss", "loss", "grad_norm", "lr", "status")
EXTENSIONS = (".csv", ".jsonl", ".parquet")


class ExportError(Exception):
    """A file could not be written; the message is one sentence."""


def check(path: Path) -> None:
    """Find out whether a file of that name can be written, without touching what is there.

    Raises:
        ConfigError: if it cannot.
    """
    if path.suffix not in EXTENSIONS:
        raise ConfigError(
            f"Cannot tell the format of {path} from its name; {suggest(path.suffix or path.name, EXTENSIONS)}"
        )
    try:
        if path.is_dir():
            raise ConfigError(f"Cannot write {path}: it is a directory.")
        if path.exists() and not path.is_file():
            raise ConfigError(f"Cannot write {path}: it is a device or a pipe; name a regular file.")
        if path.exists() and not os.access(path, os.W_OK):
            raise ConfigError(f"Cannot write {path}: it is read-only.")
        neighbour = _neighbour(path)
        neighbour.touch()
        neighbour.unlink()
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}.") from None


def write(rows: Rows, names: Sequence[str], path: Path, trails: PlaneTrails) -> None:
    """Write rows to a file, replacing it only when everything is written.

    The columns are those of `columns_of`. Rows are sorted by run, then update, since on the seconds clock their order
    in time differs from one execution to the next. What was not evaluated is empty (null); what overflowed is inf,
    which JSON has no number for: there it is the text "inf".

    Args:
        rows: a trace of dtype ROW, shape (rows,).
        names: the runs' names, by index.
        path: ends in .csv, .jsonl or .parquet.
        trails: where the runs were.

    Raises:
        ExportError: if it cannot be written; nothing is left of it, and what was there stays.
    """
    try:
        neighbour = _neighbour(path)
        try:
            with neighbour.open("wb") as file:
                _write(_frame(rows, names, trails), file, path.suffix)
                file.flush()
                os.fsync(file.fileno())
            neighbour.replace(path.resolve())
        finally:
            neighbour.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"The {len(rows):,} rows were not saved: {path}: {error.strerror or error}.") from None


def write_seeds(blocks: Iterable[tuple[int, Rows, PlaneTrails]], names: Sequence[str], path: Path) -> int:
    """Write what runs did by single seeds to a file, one after the other, with their seed as the first column.

    Args:
        blocks: a seed, its trace and its trails, one after the other; of a trace, no more than one is held at a time,
            unless the format is Parquet.
        names, path: see `write`.

    Returns:
        How many rows there are.

    Raises:
        ExportError: if it cannot be written; nothing is left of it, and what was there stays.
    """
    import polars as pl

    rows = 0
    held: list[pl.DataFrame] = []
    try:
        neighbour = _neighbour(path)
        try:
            with neighbour.open("wb") as file:
                for seed, trace, trails in blocks:
                    frame = _frame(trace, names, trails)
                    frame.insert_column(0, pl.Series("seed", np.full(len(frame), seed)))
                    if path.suffix == ".parquet":
                        held.append(frame)
                    else:
                        _write(frame, file, path.suffix, header=not rows)
                    rows += len(frame)
                if not rows:
                    raise ExportError(f"No seed was complete, so that nothing was saved in {path}.")
                if held:
                    _write(pl.concat(held), file, path.suffix)
                file.flush()
                os.fsync(file.fileno())
            neighbour.replace(path.resolve())
        finally:
            neighbour.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"The {rows:,} rows were not saved: {path}: {error.strerror or error}.") from None
    return rows


def columns_of(rows: Rows, trails: PlaneTrails) -> list[str]:
    """The names of an export's columns.

    `run` is the run's name, `status` a word of `Status`, x and y are points on the plane (of those updates whose
    parameters were kept) and `distance`, where there is more than the plane, is how far from it they are. The rest is
    as in `sim.protocol.trace.ROW`, without what a two-parameter problem has no value for.
    """
    flat, start = trails.plane.flat, rows[rows["update"] == 0]
    recorded = [one.name for one in RECORDED if one.cost != "pass" or not (flat and np.isnan(start[one.name]).all())]
    bands = [edge for edges in BANDS.values() for edge in edges if edge in (rows.dtype.names or ())]
    beside = [] if flat else ["distance"]
    return [*_ALWAYS, *(name for name in recorded if name not in _ALWAYS), *bands, *beside]


def with_failures(rows: Rows, troubles: Iterable[Trouble]) -> Rows:
    """The rows as they ended: the last one of each run that failed says so, with the losses where it stopped."""
    rows = rows.copy()
    for trouble in troubles:
        own = np.flatnonzero(rows["run"] == trouble.run)
        last = own[np.argmax(rows["update"][own])]
        rows["status"][last] = Status.FAILED
        for one in RECORDED:
            if one.cost == "pass":
                rows[one.name][last] = trouble.measures.get(one.name, math.nan)
    return rows


def _neighbour(path: Path) -> Path:
    """A temporary name beside the file itself, where renaming it cannot fail half-way."""
    try:
        return path.resolve().with_name(f".gdsim-{os.getpid()}.part")
    except RuntimeError:  # what pathlib says of symbolic links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def _frame(rows: Rows, names: Sequence[str], trails: PlaneTrails) -> "pl.DataFrame":
    import polars as pl

    rows = rows[np.lexsort((rows["update"], rows["run"]))]
    points, distances = trails.points_of(rows)
    made = {
        "run": pl.Series(np.array(names, dtype=object)[rows["run"]], dtype=pl.String),
        "status": pl.Series(np.array([status.name.lower() for status in Status])[rows["status"]], dtype=pl.String),
        "x": np.ascontiguousarray(points[:, 0]),
        "y": np.ascontiguousarray(points[:, 1]),
        "distance": distances,
    }
    columns = {
        name: made[name] if name in made else np.ascontiguousarray(rows[name]) for name in columns_of(rows, trails)
    }
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def _write(frame: "pl.DataFrame", file: BinaryIO, suffix: str, *, header: bool = True) -> None:
    if suffix == ".csv":
        frame.write_csv(file, include_header=header)
    elif suffix == ".parquet":
        buffer = io.BytesIO()  # given the file, polars would report a full disk as a broken specification
        frame.write_parquet(buffer)
        file.write(buffer.getbuffer())
    else:
        _write_json_lines(frame, file)


def _write_json_lines(frame: "pl.DataFrame", file: BinaryIO) -> None:
    """One JSON object a row; polars' own writer would turn an infinity into null."""
    import polars as pl

    texts = []
    for name, dtype in frame.schema.items():
        text = pl.col(name).cast(pl.String)
        if dtype == pl.String:
            text = text.replace({word: json.dumps(word) for word in frame[name].unique()})
        elif dtype == pl.Float64:
            text = (
                pl.when(pl.col(name).is_infinite()).then(pl.concat_str(pl.lit('"'), text, pl.lit('"'))).otherwise(text)
            )
        texts.append(pl.concat_str(pl.lit(f'"{name}":'), text.fill_null("null")))
    lines = frame.select(pl.concat_str(pl.lit("{"), pl.concat_str(texts, separator=","), pl.lit("}\n"))).to_series()
    for line in lines:
        file.write(line.encode())
