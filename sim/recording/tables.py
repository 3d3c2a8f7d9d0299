"""What the engine answered, as rows of a recording's tables. Imports no torch."""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import chain

import numpy as np

from sim.experiment.config import Experiment
from sim.experiment.document import change_document, to_document
from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage
from sim.protocol.answers import Advanced, Answer, Changed, Opened, PlaneNews, Saved, Trouble, Worked
from sim.protocol.checkpoint import Checkpoint
from sim.protocol.results import Surveyed
from sim.protocol.trace import Rows
from sim.recording.checkpoints import write_checkpoint
from sim.recording.looks import forget_first_steps, write_looks
from sim.recording.parts import end_part, in_parts
from sim.recording.schema import CLOUDS, PARTS, REPORTS, STAGE, TRACE, insert
from sim.recording.sources import fingerprints

_KEPT_LANDSCAPES = 16
_LATER = 0.001  # seconds
_AT_ONCE = 999 // len(TRACE)  # rows: no SQLite takes fewer values
_MANY = insert("trace", TRACE, _AT_ONCE)

_FILE = "INSERT INTO files (path, sha256) VALUES (CAST(? AS TEXT), ?)"  # of bytes, which may not be UTF-8
_NEW_RUN = 'INSERT OR IGNORE INTO runs (run, parent, "update", moment) VALUES (?, ?, ?, ?)'
_PAST_OF_FORK = """
INSERT INTO points SELECT :run, "update", x, y, distance FROM points WHERE run = :parent AND "update" <= :update
    AND NOT EXISTS (SELECT 1 FROM points WHERE run = :run AND "update" <= :update)
"""
_HEAD_OF_FORK = """
UPDATE runs SET (x, y, distance) = (SELECT x, y, distance FROM points WHERE run = :run ORDER BY "update" DESC LIMIT 1)
    WHERE run = :run
"""


def write_start(database: sqlite3.Connection, asked: Experiment, opened: Opened) -> None:
    """Write the experiment at its start."""
    experiment, facts, now = opened.experiment, opened.experiment.facts, time.time()
    values = {
        "gdsim": _version(),
        "asked": json.dumps(to_document(asked)),
        "resolved": json.dumps(to_document(experiment)),
        "device": opened.device,
        "tolerance": opened.tolerance,
        "tests": opened.tests,
        "pass_seconds": opened.pass_seconds,
        "examples": facts.examples,
        "parameters": facts.parameters,
        "one_by_one": facts.one_by_one,
        "rates": json.dumps(dict(facts.rates)),
        "begun": now,
        "written": now,
        "finished": False,
        "ended": False,
    }
    database.execute(insert("recording", values), tuple(values.values()))
    files = [(os.fsencode(path), digest) for path, digest in fingerprints(asked.problem).items()]
    database.executemany(_FILE, files)
    database.execute("INSERT INTO plane (edition) VALUES (0)")
    _write_changes(database, experiment.changes)
    _write_trace(database, opened.rows)
    _write_plane(database, opened.plane, experiment.lineages)


def write_resumed(database: sqlite3.Connection, asked: Experiment, opened: Opened) -> None:
    """Write that an experiment goes on, perhaps to another end, and on another plane."""
    assert opened.past is not None, "it was recorded"
    for made_later in (PARTS, CLOUDS, REPORTS):
        database.execute(made_later)
    documents = to_document(asked), to_document(replace(opened.experiment, changes=asked.changes))
    values = *map(json.dumps, documents), opened.device
    database.execute("UPDATE recording SET asked = ?, resolved = ?, device = ?, ended = 0, finished = 0", values)
    if not opened.past.plane.flat:
        _write_plane(database, opened.past.plane, opened.past.lineages)


def write_answer(database: sqlite3.Connection, answer: Answer) -> None:
    """Write what an answer has of what is recorded."""
    match answer:
        case Advanced():
            for rows, plane, lineages in in_parts(answer):
                _write_trace(database, rows)
                _write_plane(database, plane, lineages)
                end_part(database, flat=plane.flat)
            _write_troubles(database, answer.troubles)
            database.execute("UPDATE recording SET finished = ?", (answer.finished,))
            _write_checkpoint(database, answer.checkpoint)
        case Changed(journal, lineages, checkpoint):
            _write_runs(database, lineages)
            _write_changes(database, journal)
            _write_checkpoint(database, checkpoint)
        case Saved(checkpoint):
            _write_checkpoint(database, checkpoint)
        case PlaneNews():
            _write_plane(database, answer)
        case Worked(results):
            write_looks(database, answer)
            for _, result in results:
                if isinstance(result, Surveyed) and result.progress > 0:
                    _write_landscape(database, result)


def write_time(database: sqlite3.Connection, *, ended: bool) -> None:
    """Write that the recording is up to date: later than before, even if the clock was set back meanwhile."""
    database.execute("UPDATE recording SET written = max(?, written + ?), ended = ?", (time.time(), _LATER, ended))


def _write_trace(database: sqlite3.Connection, rows: Rows) -> None:
    """Write rows, many with one statement: after each, sqlite3 asks for Python again, which the runs are at."""
    values, whole = rows.tolist(), len(rows) // _AT_ONCE * _AT_ONCE
    for first in range(0, whole, _AT_ONCE):
        database.execute(_MANY, tuple(chain.from_iterable(values[first : first + _AT_ONCE])))
    database.executemany(insert("trace", TRACE), values[whole:])


def _write_runs(database: sqlite3.Connection, lineages: Sequence[Lineage]) -> None:
    """Write the runs and their settings; one that is new was forked off, and takes over its parent's points."""
    for index, lineage in enumerate(lineages):
        forget_first_steps(database, index, json.dumps(asdict(lineage.stages[0].asked)))
    database.execute("DELETE FROM stages")
    for index, lineage in enumerate(lineages):
        row = index, lineage.parent, lineage.update, lineage.moment
        if database.execute(_NEW_RUN, row).rowcount and lineage.parent is not None:
            database.execute(_PAST_OF_FORK, {"run": index, "parent": lineage.parent, "update": lineage.update})
            database.execute(_HEAD_OF_FORK, {"run": index})
        stages = [(index, at, *astuple(run), json.dumps(asdict(asked))) for at, run, asked in lineage.stages]
        database.executemany(insert("stages", STAGE), stages)


def _write_changes(database: sqlite3.Connection, journal: Journal) -> None:
    database.execute("DELETE FROM changes")
    changes = [(change.moment, json.dumps(change_document(change))) for change in journal]
    database.executemany(insert("changes", ("moment", "change")), changes)


def _write_checkpoint(database: sqlite3.Connection, checkpoint: Checkpoint | None) -> None:
    if checkpoint is not None:
        write_checkpoint(database, checkpoint)


def _write_plane(database: sqlite3.Connection, news: PlaneNews, lineages: Sequence[Lineage] = ()) -> None:
    """Write the plane, what is new on it, and the runs, whose heads are on it."""
    columns = "number = ?, kind = ?, words = ?, explained = ?, unit = ?"
    values = news.number, news.kind, news.words, news.explained, news.unit, news.whole
    database.execute(f"UPDATE plane SET {columns}, edition = edition + ?", values)
    if news.whole:
        database.execute("DELETE FROM points")
    for run, trail in enumerate(news.trails):
        columns_of_run = trail.updates.tolist(), *trail.xy.T.tolist(), trail.distances.tolist()
        points = [(run, *point) for point in zip(*columns_of_run, strict=True)]
        database.executemany(insert("points", ("run", "update", "x", "y", "distance")), points)
    if lineages:
        _write_runs(database, lineages)
    for run, trail in enumerate(news.trails):
        head = *trail.head, trail.head_distance, run
        database.execute("UPDATE runs SET x = ?, y = ?, distance = ? WHERE run = ?", head)


def _write_troubles(database: sqlite3.Connection, troubles: Iterable[Trouble]) -> None:
    for trouble in troubles:
        values = trouble.run, trouble.sentence, trouble.details, json.dumps(dict(trouble.measures))
        database.execute(insert("troubles", ("run", "sentence", "details", "measures")), values)


def _write_landscape(database: sqlite3.Connection, landscape: Surveyed) -> None:
    """Write a landscape; coarser ones go, those of other planes, and the oldest of many."""
    values = np.ascontiguousarray(landscape.values, dtype="<f8")
    row = {
        "plane": landscape.plane,
        "run": landscape.run,
        "examples": landscape.examples,
        "progress": landscape.progress,
        **landscape.window._asdict(),
        "rows": values.shape[0],
        "columns": values.shape[1],
        "type": "<f8",
        "values": values.tobytes(),
    }
    database.execute("DELETE FROM landscapes WHERE plane <> ? OR progress < 1", (landscape.plane,))
    database.execute(insert("landscapes", row), tuple(row.values()))
    newest = f"SELECT rowid FROM landscapes ORDER BY rowid DESC LIMIT {_KEPT_LANDSCAPES}"
    database.execute(f"DELETE FROM landscapes WHERE rowid NOT IN ({newest})")


def _version() -> str:
    try:
        return version("gdsim")
    except PackageNotFoundError:
        return ""
