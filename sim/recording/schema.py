"""The tables of a recording: one SQLite file with plain columns, which any SQLite tool reads. Imports no torch.

Numbers and texts stand in columns of their own. An array is a BLOB of little-endian bytes in C order, with its shape
and type in the columns beside it, or in the comments here. NULL is what was not evaluated (NaN); SQLite does not
distinguish -0.0 from 0.0. A document is JSON in the schema of `sim.experiment.document`, so that nothing in the file is
ever executed.

Where the plane is replaced, so are the points; landscapes, clouds and reports of the one before it are good for nothing
any more, and go as soon as there is one of the new plane.

Version 2 has what runs go on from: the tables from `checkpoints` on. Since the newest checkpoint nothing was changed,
so that the rows of the trace beyond it are made again from there.

A part has whole moments, and its points beside them, so that it can be read by itself. What is in no part, as in a file
that was begun before there were any, is read at once.

`PRAGMA application_id` says that it is a recording, `PRAGMA user_version` which schema it has. A later schema of the
same version may have further columns (a measure more, say) or tables: a reader takes those that it knows.
"""

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

from sim.experiment.choices import CLOCKS
from sim.experiment.resolved import Run
from sim.protocol.trace import ROW, Status

SUFFIX = ".gdsim"
APPLICATION = 0x6764736D  # "gdsm"
VERSION = 2

TRACE = tuple(ROW.names or ())
"""The columns of the trace, as of `sim.protocol.trace.ROW`."""

STAGE = ("run", "update", *(field.name for field in fields(Run)), "asked")
"""The columns of the stages: a run's settings after one of its updates, and from there on; and JSON: as asked for."""

_TYPES: dict[type, str] = {int: "INTEGER", bool: "INTEGER", float: "REAL", str: "TEXT"}

PARTS = """
CREATE TABLE IF NOT EXISTS parts ( -- of the trace, some thousand rows each, and where each run in it was at its end
    part INTEGER,              -- 0, 1, 2, ...
    run INTEGER,
    newest INTEGER,            -- the rowid, in the trace, of the run's newest row
    evaluated INTEGER,         -- of its newest row that has a loss over all examples; NULL: there is none in this part
    point INTEGER,             -- of two parameters: the rowid, in the points, of its newest point
    PRIMARY KEY (part, run)
) WITHOUT ROWID;
"""
CLOUDS = """
CREATE TABLE IF NOT EXISTS clouds ( -- the steps that were possible at an update; of many such clouds some are kept
    run INTEGER, "update" INTEGER,
    plane INTEGER,                  -- the number of the plane that they are seen on
    x REAL, y REAL,                 -- where it begins
    own_x REAL, own_y REAL,         -- the step of its own batch
    full_x REAL, full_y REAL,       -- that of all examples together
    batch_size INTEGER,
    replacement INTEGER,            -- 1: a batch may hold an example twice
    plain INTEGER,                  -- 1: the optimizer goes minus the rate times the gradient; 0: the steps are that
    total INTEGER,                  -- N, the number of training examples
    sampled INTEGER,                -- the first so many of the steps are those of all N, or of some in equal distances
    count INTEGER,                  -- M; the others are there since the update uses their examples
    examples BLOB,                  -- <i4, shape (M,): which one each step is of
    used BLOB,                      -- |u1, shape (M,): 1: the update uses it; all 0 where that is not known
    steps BLOB,                     -- <f4, shape (M, 2)
    UNIQUE (run, "update")
);
"""
REPORTS = """
CREATE TABLE IF NOT EXISTS reports ( -- how an update's gradient differed from that over all examples; some are kept
    run INTEGER, "update" INTEGER,
    plane INTEGER,
    x REAL, y REAL,                 -- where it begins
    batch_size INTEGER,
    examples TEXT,                  -- JSON: the first ones of its batch, by their rows in the data; [] if not known
    own_x REAL, own_y REAL,         -- the slope of its batch's loss along the plane's two directions
    full_x REAL, full_y REAL,       -- that of the loss over all examples
    step_x REAL, step_y REAL,       -- the step of all examples together
    measures TEXT,                  -- JSON: what is measured of both gradients, by name
    UNIQUE (run, "update")
);
"""
_TABLES = """
CREATE TABLE recording (       -- one row: what was recorded
    gdsim TEXT,                -- the program's version
    asked TEXT,                -- the experiment as it was asked for, a document
    resolved TEXT,             -- the same with nothing left open, a document
    device TEXT,               -- where it was computed, in words
    tolerance REAL,            -- see sim.protocol.answers.Opened
    tests INTEGER,             -- how many test examples there are
    pass_seconds REAL,
    examples INTEGER,          -- N, for training
    parameters INTEGER,        -- P
    one_by_one INTEGER,        -- 1: examples are made one by one
    rates TEXT,                -- JSON: the rate of each optimizer for runs that name none
    begun REAL,                -- seconds since 1970, UTC
    written REAL,              -- the same, of the newest batch
    finished INTEGER,          -- 1: no run has anything left to do
    ended INTEGER              -- 1: it was closed; 0: it is being written, or its program was killed
);
CREATE TABLE clocks (clock INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE statuses (status INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE runs (            -- those that were forked off among them
    run INTEGER PRIMARY KEY,
    parent INTEGER,            -- the run that it branched off; NULL: it was there from the start
    "update" INTEGER,          -- the last one that both have in common; the rows up to it are the parent's alone
    moment INTEGER,            -- the last one without it
    x REAL, y REAL,            -- where it is now, on the plane
    distance REAL              -- how far from the plane it is now
);
CREATE TABLE stages ({stages});
CREATE TABLE changes (         -- the journal: what was changed, or will be
    number INTEGER PRIMARY KEY,
    moment INTEGER,            -- the last one that is as it was before
    change TEXT                -- a document
);
CREATE TABLE trace ({trace});   -- one row an update and run that was reported, in the order of their moments
CREATE TABLE troubles (        -- why runs failed
    run INTEGER, sentence TEXT, details TEXT,
    measures TEXT              -- JSON: where it stopped, by name
);
CREATE TABLE plane (           -- one row: the newest plane
    number INTEGER, kind TEXT, words TEXT, explained REAL, unit REAL,
    edition INTEGER            -- one more whenever the points were replaced by others
);
CREATE TABLE points (          -- where the runs were on the newest plane, after the updates that were kept
    run INTEGER, "update" INTEGER, x REAL, y REAL, distance REAL
);
CREATE TABLE landscapes (      -- the loss at the centres of the cells of a window, top row first
    plane INTEGER, run INTEGER, examples INTEGER,
    progress REAL,             -- 1: complete; below, a coarse one that was the best so far
    "left" REAL, "right" REAL, bottom REAL, top REAL,
    rows INTEGER, columns INTEGER, type TEXT, "values" BLOB
);
CREATE TABLE files (           -- the user's own that the problem is made of
    path TEXT, sha256 TEXT
);
CREATE TABLE checkpoints (     -- all that the runs' future depends on, at some moments; older ones are thinned out
    checkpoint INTEGER PRIMARY KEY,
    moment INTEGER,
    clock INTEGER,
    position REAL,             -- where the clock stood, in its own unit
    turn INTEGER,              -- on the clock of seconds: which run's turn it is; else NULL
    until REAL,                -- and how many seconds it may have spent before its last update
    changed INTEGER            -- how many of the changes were made
);
CREATE TABLE states (          -- where each run was, before what was changed there; see sim.descent.state.RunState
    checkpoint INTEGER, run INTEGER, "update" INTEGER, seconds REAL, status INTEGER,
    loss_bound REAL,           -- a batch loss beyond it means that the run has diverged
    epoch INTEGER,             -- the next one whose order of the examples is to be drawn
    "values" TEXT,             -- JSON: what is no tensor of its optimizer and schedule
    stride INTEGER             -- the updates of its snapshots are multiples of it
);
CREATE TABLE tensors (         -- of these states
    checkpoint INTEGER, run INTEGER,
    part TEXT,                 -- vector (the parameters), buffers, optimizer, order or random (of its generators)
    name TEXT,                 -- in that part
    type TEXT,                 -- as torch names it
    shape TEXT,                -- JSON
    device INTEGER,            -- 1: it lies on the device
    content BLOB, crc32 INTEGER
);
CREATE TABLE snapshots (       -- of more than two parameters: where the runs were, for planes to come
    run INTEGER, "update" INTEGER, type TEXT, shape TEXT, content BLOB, crc32 INTEGER
);
"""


def tables() -> str:
    """The statements that make an empty recording."""
    stages = _columns((name, _stage_type(name)) for name in STAGE)
    trace = _columns((name, "REAL" if ROW[name].kind == "f" else "INTEGER") for name in TRACE)
    made = _TABLES.format(stages=stages, trace=trace), PARTS, CLOUDS, REPORTS
    words = [
        *(f"INSERT INTO clocks VALUES ({number}, '{name}');" for number, name in enumerate(CLOCKS)),
        *(f"INSERT INTO statuses VALUES ({status.value}, '{status.name.lower()}');" for status in Status),
    ]
    marks = f"PRAGMA application_id={APPLICATION};", f"PRAGMA user_version={VERSION};"
    return "\n".join([*marks, *made, *words])


def insert(table: str, columns: Collection[str], rows: int = 1) -> str:
    """The statement that inserts rows."""
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * rows)}"


def _columns(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns)


def _stage_type(name: str) -> str:
    kinds: dict[str, Any] = {field.name: field.type for field in fields(Run)}
    return _TYPES.get(kinds.get(name, int), "TEXT")  # the other types are words
