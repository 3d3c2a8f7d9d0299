"""Checkpoints as rows of a recording's tables, written and read. Imports no torch."""

import json
import sqlite3
from collections.abc import Sequence
from zlib import crc32

from sim.experiment.choices import CLOCKS
from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage
from sim.protocol.checkpoint import Checkpoint, Part, Resume, SavedRun, SavedSnapshots, SavedTensor
from sim.protocol.trace import Rows
from sim.recording.file import all_of, only
from sim.recording.schema import insert
from sim.recording.values import document, typed

_MOST = 32  # checkpoints that are kept
_MOST_BYTES = 128 * 2**20  # of those but the newest

_CHECKPOINT = ("moment", "clock", "position", "turn", "until", "changed")
_STATE = ("checkpoint", "run", "update", "seconds", "status", "loss_bound", "epoch", "values", "stride")
_CONTENT = ("type", "shape", "content", "crc32")
_OFF_STRIDE = 'DELETE FROM snapshots WHERE run = ? AND "update" % ? <> 0'


def write_checkpoint(database: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    """Write one more; of the older ones every other goes where they have become many."""
    turn, until = checkpoint.turn or (None, None)
    clock = list(CLOCKS).index(checkpoint.clock)
    row = (checkpoint.moment, clock, checkpoint.position, turn, until, checkpoint.changed)
    number = database.execute(insert("checkpoints", _CHECKPOINT), row).lastrowid
    strides = [kept.stride for kept in checkpoint.snapshots] or [1] * len(checkpoint.runs)
    for run, (state, stride) in enumerate(zip(checkpoint.runs, strides, strict=True)):
        figures = (state.update, state.seconds, state.status, state.loss_bound, state.epoch)
        database.execute(insert("states", _STATE), (number, run, *figures, json.dumps(state.values), stride))
        tensors = [(number, run, *part, one.on_device, *_row(one)) for part, one in state.tensors.items()]
        database.executemany(insert("tensors", ("checkpoint", "run", "part", "name", "device", *_CONTENT)), tensors)
    for run, kept in enumerate(checkpoint.snapshots):
        database.execute(_OFF_STRIDE, (run, kept.stride))
        vectors = [(run, update, *_row(one)) for update, one in zip(kept.updates, kept.vectors, strict=True)]
        database.executemany(insert("snapshots", ("run", "update", *_CONTENT)), vectors)
    _thin(database, checkpoint.nbytes)


def _row(tensor: SavedTensor) -> tuple[str, str, bytes, int]:
    return tensor.type, json.dumps(tensor.shape), tensor.content, crc32(tensor.content)


def _thin(database: sqlite3.Connection, size: int) -> None:
    numbers = [number for (number,) in database.execute("SELECT checkpoint FROM checkpoints ORDER BY checkpoint")]
    if len(numbers) <= 2 or (len(numbers) <= _MOST and (len(numbers) - 1) * size <= _MOST_BYTES):
        return
    dropped = [(number,) for number in numbers[-2::-2]]
    for table in ("checkpoints", "states", "tensors"):
        database.executemany(f"DELETE FROM {table} WHERE checkpoint = ?", dropped)


def read_resume(
    database: sqlite3.Connection, journal: Journal, lineages: tuple[Lineage, ...], start: Rows, newest: Sequence[Rows]
) -> Resume:
    """Where a recorded experiment goes on.

    Args:
        database: of the recording.
        journal, lineages, start: as the recording has them, see `Resume`.
        newest: of each run rows of which the last one is its last one.

    Raises:
        ValueError: for what no checkpoint, and no snapshot, can be.
    """
    checkpoints = _checkpoints(database)
    ends = [(run.update, run.seconds) for run in checkpoints[-1].runs] if checkpoints else [(0, 0.0)] * len(lineages)
    if len(ends) != len(lineages):
        raise ValueError("the state of a run is missing")
    for run, rows in enumerate(newest):
        if rows["update"][-1] > ends[run][0]:
            ends[run] = int(rows["update"][-1]), float(rows["seconds"][-1])
    last = all_of(database, "trace ORDER BY rowid DESC LIMIT 1")[0]
    return Resume(
        checkpoints=checkpoints,
        snapshots=_snapshots(database),
        journal=journal,
        lineages=lineages,
        ends=tuple(ends),
        moment=typed(last["moment"], int),
        position=typed(last["position"], float),
        plane=typed(only(database, "plane")["number"], int),
        start=start,
    )


def _checkpoints(database: sqlite3.Connection) -> tuple[Checkpoint, ...]:
    """All that are kept, the newest one last, without snapshots."""
    return tuple(_checkpoint(database, row) for row in all_of(database, "checkpoints ORDER BY checkpoint"))


def _checkpoint(database: sqlite3.Connection, row: sqlite3.Row) -> Checkpoint:
    number = typed(row["checkpoint"], int)
    states = all_of(database, f"states WHERE checkpoint = {number} ORDER BY run")
    if not states or [state["run"] for state in states] != list(range(len(states))):
        raise ValueError("the state of a run is missing")
    # at a moment a run completes one update at most, and an epoch has one at least
    if not all(0 <= state["epoch"] <= state["update"] <= row["moment"] for state in states):
        raise ValueError("a run cannot have come that far")
    tensors: list[dict[Part, SavedTensor]] = [{} for _ in states]
    for one in all_of(database, f"tensors WHERE checkpoint = {number}"):
        tensors[typed(one["run"], int)][typed(one["part"], str), typed(one["name"], str)] = _tensor(one, one["device"])
    return Checkpoint(
        clock=list(CLOCKS)[typed(row["clock"], int)],
        moment=typed(row["moment"], int),
        position=typed(row["position"], float),
        turn=None if row["turn"] is None else (typed(row["turn"], int), typed(row["until"], float)),
        changed=typed(row["changed"], int),
        runs=tuple(
            SavedRun(
                update=typed(state["update"], int),
                seconds=typed(state["seconds"], float),
                status=typed(state["status"], int),
                loss_bound=typed(state["loss_bound"], float),
                epoch=typed(state["epoch"], int),
                tensors=own,
                values=document(state["values"]),
            )
            for state, own in zip(states, tensors, strict=True)
        ),
    )


def _snapshots(database: sqlite3.Connection) -> tuple[SavedSnapshots, ...]:
    """Of each run all that are kept by the newest checkpoint; none where two parameters are the plane."""
    newest = "(SELECT max(checkpoint) FROM checkpoints)"
    strides = [
        typed(row["stride"], int) for row in all_of(database, f"states WHERE checkpoint = {newest} ORDER BY run")
    ]
    kept: list[dict[int, SavedTensor]] = [{} for _ in strides]
    for row in all_of(database, 'snapshots ORDER BY "update"'):
        kept[typed(row["run"], int)][typed(row["update"], int)] = _tensor(row)
    if not any(kept):
        return ()
    return tuple(
        SavedSnapshots(stride, tuple(some), tuple(some.values())) for stride, some in zip(strides, kept, strict=True)
    )


def _tensor(row: sqlite3.Row, device: object = False) -> SavedTensor:
    content, shape = bytes(row["content"]), json.loads(row["shape"])
    if crc32(content) != row["crc32"] or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError("a tensor is not what was written")
    return SavedTensor(typed(row["type"], str), tuple(shape), content, on_device=bool(device))
