"""Values of a recording's tables as what they were written from. Imports no torch.

Each function raises a ValueError for what no recording has.
"""

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar, get_args

import numpy as np

from sim.experiment.choices import CLOCKS, PlaneKind, PlaneName
from sim.experiment.config import RunConfig
from sim.experiment.geometry import Window
from sim.experiment.resolved import Lineage, Run, Stage
from sim.protocol.answers import Trouble
from sim.protocol.results import Surveyed
from sim.protocol.trace import Rows, Status
from sim.recording.file import all_of

NEVER = 2**62
"""An update that no run ever makes."""

Value = TypeVar("Value", int, float, str)


def document(text: object) -> dict[str, Any]:
    """A JSON object."""
    found = json.loads(typed(text, str))
    if not isinstance(found, dict):
        raise ValueError("a document is no table")
    return found


def typed(value: object, kind: type[Value]) -> Value:
    """A value of a column. A number that is missing is NaN, and SQLite may keep 1.0 as 1."""
    if kind is float and (value is None or isinstance(value, int)):
        return kind(math.nan if value is None else value)
    if not isinstance(value, kind):
        raise ValueError(f"something else stands where a {kind.__name__} should")
    return value


def checked(rows: Rows, runs: int) -> Rows:
    """The same rows.

    Raises:
        ValueError: if there are any that no run can have.
    """
    bounds = ("run", runs), ("clock", len(CLOCKS)), ("status", len(Status))
    right = (
        *((rows[name] < bound).all() for name, bound in bounds),
        *(np.isfinite(rows[name]).all() for name in ("position", "epoch", "seconds")),
        *((rows[name] >= 0).all() for name in ("update", "moment", "examples")),
        (rows["update"] <= rows["moment"]).all(),  # at a moment a run completes one update at most
        *((np.diff(rows["update"][rows["run"] == run]) > 0).all() for run in range(runs)),
    )
    if not all(right):
        raise ValueError("a row of the trace is none that a run can have")
    return rows


def trouble_of(row: sqlite3.Row) -> Trouble:
    """A row of `troubles`."""
    sentence, details = typed(row["sentence"], str), typed(row["details"], str)
    return Trouble(typed(row["run"], int), sentence, details, document(row["measures"]))


def settings_of(row: sqlite3.Row) -> Run:
    """The settings of a row of `stages`."""
    values: dict[str, Any] = {}
    for field in fields(Run):
        kind = field.type if field.type in (int, float) else str  # words are of types of their own
        values[field.name] = bool(row[field.name]) if field.type is bool else typed(row[field.name], kind)
    return Run(**values)


def lineages_of(database: sqlite3.Connection, least: int) -> tuple[Lineage, ...]:
    """The runs, so many at least, those that were forked off among them."""
    stages: dict[int, list[Stage]] = {}
    for row in all_of(database, "stages ORDER BY rowid"):
        stage = Stage(typed(row["update"], int), settings_of(row), RunConfig(**document(row["asked"])))
        stages.setdefault(typed(row["run"], int), []).append(stage)
    lineages: list[Lineage] = []
    for row in all_of(database, "runs ORDER BY run"):
        parent = None if row["parent"] is None else typed(row["parent"], int)
        if row["run"] != len(lineages) or (parent is not None and not 0 <= parent < len(lineages)):
            raise ValueError("a run is missing")
        own = tuple(stages[len(lineages)])
        lineages.append(Lineage(own, parent, typed(row["update"], int), typed(row["moment"], int)))
    if len(lineages) < least or any(one.stages[0].update for one in lineages):
        raise ValueError("the settings of a run are missing")
    return tuple(lineages)


def owners(run: int, lineages: Sequence[Lineage]) -> list[tuple[int, int]]:
    """As which runs a run's rows stand in the file, and each up to which update: its ancestors, and itself at last."""
    found, until = [(run, NEVER)], NEVER
    while (parent := lineages[run].parent) is not None:
        run, until = parent, min(until, lineages[run].update)
        found.append((run, until))
    return found[::-1]


def landscape_of(row: sqlite3.Row) -> Surveyed:
    """A row of `landscapes`."""
    if row["type"] != "<f8":
        raise ValueError("a landscape is not of the type <f8")
    return Surveyed(
        window=Window(*(typed(row[name], float) for name in Window._fields)),
        values=np.frombuffer(row["values"], dtype="<f8").reshape(row["rows"], row["columns"]),
        progress=typed(row["progress"], float),
        plane=typed(row["plane"], int),
        examples=typed(row["examples"], int),
        run=typed(row["run"], int),
    )


def plane_of(word: object) -> PlaneName:
    """The kind of a plane."""
    known: tuple[PlaneName, ...] = (*get_args(PlaneKind), "identity")
    for kind in known:
        if kind == word:
            return kind
    raise ValueError("there is no such plane")
