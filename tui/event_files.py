"""What runs did as event files, which TensorBoard shows: a folder a run, a scalar a measure."""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import numpy as np

from sim.experiment.errors import ConfigError
from sim.experiment.words import shown_path
from sim.protocol.trace import RECORDED, Rows
from tui.export import ExportError

_FORMAT = "brain.Event:2"  # what the first event of each file says


def check(folder: Path) -> None:
    """Find out whether TensorBoard's writer is there.

    Raises:
        ConfigError: if it is not, or a file has the folder's name.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError("TensorBoard is not installed; pip install 'gdsim[tensorboard]' installs it.") from None
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{shown_path(folder)} is a file; name a folder for the event files.")


def write_events(pieces: Iterable[Rows], names: Sequence[str], begun: float, folder: Path) -> int:
    """Write an event file for each run, in a folder of its name; none is ever replaced or added to.

    Steps are updates; a measure that was not evaluated at one is left out there. The same recording gives the same
    bytes.

    Args:
        pieces: a trace of dtype ROW in blocks, shape (rows,) each, in which a run's updates increase.
        names: the runs' names, by index.
        begun: when update 0 was, in seconds since 1970.
        folder: in which those of the runs are made.

    Returns:
        How many rows there were.

    Raises:
        ConfigError: where there is a folder of a run's name already.
        ExportError: if something cannot be written; nothing is left of it then.
    """
    folders = [folder / _folder_name(name) for name in names]
    for one in folders:
        if one.exists():
            raise ConfigError(f"{shown_path(one)} is there already; name another folder.")
    with ExitStack() as undo:
        try:
            for one in folders:
                one.mkdir(parents=True)
                undo.callback(shutil.rmtree, one, ignore_errors=True)
            count = _write(pieces, [one / f"events.out.tfevents.{int(begun):010d}.gdsim" for one in folders], begun)
        except OSError as error:
            raise ExportError(f"The events were not saved: {shown_path(folder)}: {error.strerror or error}.") from None
        undo.pop_all()
    return count


def _folder_name(name: str) -> str:
    """A run's name as that of a folder: what would lead elsewhere is written %2F and so on."""
    return re.sub(r"^\.", "%2E", quote(name, safe=" "))


def _write(pieces: Iterable[Rows], files: Sequence[Path], begun: float) -> int:
    """Write the rows of each run to a file; how many there were."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    count = 0
    with ExitStack() as opened:
        writers = [RecordWriter(opened.enter_context(file.open("wb"))) for file in files]
        for writer in writers:
            writer.write(Event(wall_time=begun, file_version=_FORMAT).SerializeToString())
        for rows in pieces:
            count += len(rows)
            for run in np.unique(rows["run"]).tolist():
                for event in _events(rows[rows["run"] == run], begun):
                    writers[run].write(event)
    return count


def _events(rows: Rows, begun: float) -> Iterator[bytes]:
    """One event for each update."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    names = [one.name for one in RECORDED]
    for update, seconds, *values in rows[["update", "seconds", *names]].tolist():
        scalars = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in zip(names, values, strict=True)
            if value == value
        ]
        event = Event(wall_time=begun + seconds, step=update, summary=Summary(value=scalars))
        yield event.SerializeToString()
