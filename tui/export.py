"""What runs did as a CSV, JSON Lines or Parquet file, one row an update and run."""

import errno
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from queue import Full, Queue
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sim.experiment.errors import ConfigError, suggest
from sim.protocol.answers import Trouble
from sim.protocol.trace import BANDS, RECORDED, ROW, Rows, Status
from tui.session.trails import PlaneTrails

if TYPE_CHECKING:
    import polars as pl

_ALWAYS = ("run", "update", "examples", "epoch", "seconds", "x", "y", "batch_loss", "loss", "grad_norm", "lr", "status")
_ROW_GROUP = 2**18  # rows of a Parquet file that stand together

Floats = NDArray[np.float64]

_POINT = [("x", np.float64), ("y", np.float64), ("distance", np.float64)]
SEEN = np.dtype([*ROW.descr, *_POINT])
"""A row of the trace, with where the run then was: a point on the plane, and how far from it."""


class ExportError(Exception):
    """A file could not be written; the message is one sentence."""


def check(path: Path) -> None:
    """Find out whether a file of that name can be written, without touching what is there.

    Raises:
        ConfigError: if it cannot.
    """
    if path.suffix not in EXTENSIONS:
        raise ConfigError(
            f"The name {path} does not say which format it is to be; {suggest(path.suffix or path.name, EXTENSIONS)}"
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
    """Write rows that are at hand, of dtype ROW, shape (rows,), in any order; see `write_pieces`."""
    rows = rows[np.lexsort((rows["update"], rows["run"]))]
    columns = columns_of(rows[rows["update"] == 0], flat=trails.plane.flat)
    write_pieces(lambda: iter([with_points(rows, trails.points_of(rows))]), columns, names, path)


def write_pieces(pieces: Callable[[], Iterator[Rows]], columns: Sequence[str], names: Sequence[str], path: Path) -> int:
    """Write a trace to a file, a block at a time, replacing what was there only when everything is written.

    Rows are to come sorted by run, then update, since on the seconds clock their order in time differs from one
    execution to the next; the file does not depend on how long the blocks are. What was not evaluated is empty (null);
    what overflowed is inf, which JSON has no number for: there it is the text "inf".

    Args:
        pieces: gives the rows from the first one on, in blocks of dtype `SEEN`.
        columns: see `columns_of`.
        names: the runs' names, by index.
        path: ends in .csv, .jsonl or .parquet.

    Returns: how many rows there are.

    Raises:
        ExportError: if it cannot be written; nothing is left of it, and what was there stays.
    """
    count = 0

    def frames() -> "Iterator[pl.DataFrame]":
        nonlocal count
        blocks = pieces()
        for rows in chain([next(blocks, np.empty(0, SEEN))], blocks):  # no rows are a file, too
            count += len(rows)
            yield _frame(rows, columns, names)

    _save(frames(), path)
    return count


def write_seeds(
    seeds: Iterable[tuple[int, Iterable[Rows]]], columns: Sequence[str], names: Sequence[str], path: Path
) -> int:
    """Write what runs did by single seeds to a file, one after the other, with their seed as the first column.

    Args:
        seeds: a seed and its rows, as of `write_pieces`, one after the other; they are asked for in this thread.
        columns, names, path: see `write_pieces`.

    Returns:
        How many rows there are.

    Raises:
        ExportError: if it cannot be written; nothing is left of it, and what was there stays.
    """
    import polars as pl

    count = 0

    def frames() -> "Iterator[pl.DataFrame]":
        nonlocal count
        for seed, blocks in seeds:
            for rows in blocks:
                count += len(rows)
                frame = _frame(rows, columns, names)
                yield frame.insert_column(0, pl.Series("seed", np.full(len(frame), seed)))
        if not count:
            raise ExportError(f"No seed was complete, so that nothing was saved in {path}.")

    _save(frames(), path)
    return count


def _save(frames: "Iterator[pl.DataFrame]", path: Path) -> None:
    """Write frames to a file beside it, and put that in its stead when all of it is there."""
    try:
        neighbour = _neighbour(path)
        try:
            with neighbour.open("wb") as file:
                _WRITERS[path.suffix](frames, file)
                file.flush()
                os.fsync(file.fileno())
            neighbour.replace(path.resolve())
        finally:
            neighbour.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"The rows were not saved: {path}: {error.strerror or error}.") from None


def columns_of(starts: Rows, *, flat: bool) -> list[str]:
    """The names of an export's columns.

    `run` is the run's name, `status` a word of `Status`, x and y are points on the plane (of those updates whose
    parameters were kept) and `distance`, where there is more than the plane, is how far from it they are. The rest is
    as in `sim.protocol.trace.ROW`, without what a two-parameter problem has no value for.

    Args:
        starts: update 0 of the runs.
        flat: whether the plane is all there is.
    """
    recorded = [one.name for one in RECORDED if one.cost != "pass" or not (flat and np.isnan(starts[one.name]).all())]
    bands = [edge for edges in BANDS.values() for edge in edges if edge in (starts.dtype.names or ())]
    beside = [] if flat else ["distance"]
    return [*_ALWAYS, *(name for name in recorded if name not in _ALWAYS), *bands, *beside]


def with_points(rows: Rows, points: Floats) -> Rows:
    """The same rows as `SEEN`: with x, y and distance of where the runs were, shape (rows, 3); NaN where unknown."""
    there = [name for name in rows.dtype.names or () if name not in dict(_POINT)]
    seen = np.empty(len(rows), [*((name, rows.dtype[name]) for name in there), *_POINT])
    for name in there:
        seen[name] = rows[name]
    seen["x"], seen["y"], seen["distance"] = points.T
    return seen


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


def ended(pieces: Iterable[Rows], troubles: Sequence[Trouble]) -> Iterator[Rows]:
    """The same of rows that come in blocks, run by run."""
    for block, after in pairwise(chain(pieces, [None])):
        assert block is not None, "only the last one is"
        run = block["run"][0]
        last = after is None or after["run"][0] != run
        yield with_failures(block, [trouble for trouble in troubles if trouble.run == run] if last else ())


def _neighbour(path: Path) -> Path:
    """A temporary name beside the file itself, where renaming it cannot fail half-way; another one each time.

    Processes of two containers, or machines, that share a folder may have the same number.
    """
    try:
        return path.resolve().with_name(f".gdsim-{token_hex(8)}.part")
    except RuntimeError:  # what pathlib says of symbolic links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def _frame(rows: Rows, columns: Sequence[str], names: Sequence[str]) -> "pl.DataFrame":
    import polars as pl

    words = {
        "run": pl.Series(np.array(names, dtype=object)[rows["run"]], dtype=pl.String),
        "status": pl.Series(np.array([status.name.lower() for status in Status])[rows["status"]], dtype=pl.String),
    }
    values = {name: words[name] if name in words else np.ascontiguousarray(rows[name]) for name in columns}
    return pl.DataFrame(values).with_columns(pl.col(pl.Float64).fill_nan(None))


def _write_csv(frames: "Iterator[pl.DataFrame]", file: BinaryIO) -> None:
    for number, frame in enumerate(frames):
        frame.write_csv(file, include_header=number == 0)


def _write_parquet(frames: "Iterator[pl.DataFrame]", file: BinaryIO) -> None:
    """polars asks for frames in a thread of its own, and runs are made in this one: they meet at a queue."""
    import polars as pl
    from polars.io.plugins import register_io_source

    first, queue = next(frames), Queue["pl.DataFrame | None"](1)

    def handed_over(*_: object) -> "Iterator[pl.DataFrame]":
        yield first
        while (frame := queue.get()) is not None:
            yield frame

    source = register_io_source(handed_over, schema=first.schema)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(source.sink_parquet, file, row_group_size=_ROW_GROUP)
        try:
            for frame in frames:
                _hand_over(frame, queue, writing)
        finally:
            _hand_over(None, queue, writing)
    try:
        writing.result()
    except pl.exceptions.ComputeError as error:  # as which polars reports a full disk
        raise OSError(str(error).rpartition(": ")[2]) from None


def _hand_over(frame: "pl.DataFrame | None", queue: "Queue[pl.DataFrame | None]", taker: "Future[None]") -> None:
    """Put a frame into a queue, unless nobody takes it any more."""
    while not taker.done():
        with suppress(Full):
            queue.put(frame, timeout=0.1)
            return


def _write_json_lines(frames: "Iterator[pl.DataFrame]", file: BinaryIO) -> None:
    """One JSON object a row; polars' own writer would turn an infinity into null."""
    for frame in frames:
        for line in _json_lines(frame):
            file.write(line.encode())


def _json_lines(frame: "pl.DataFrame") -> "pl.Series":
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
    return frame.select(pl.concat_str(pl.lit("{"), pl.concat_str(texts, separator=","), pl.lit("}\n"))).to_series()


_WRITERS = {".csv": _write_csv, ".jsonl": _write_json_lines, ".parquet": _write_parquet}
EXTENSIONS = tuple(_WRITERS)
