"""What was looked at closely, possible steps and single updates, as rows of a recording's tables. Imports no torch."""

import json
import sqlite3
from pathlib import Path

import numpy as np

from sim.experiment.geometry import Point
from sim.measures import measures
from sim.protocol.answers import Worked
from sim.protocol.cloud import Cloud, Step, covariance_of
from sim.protocol.results import Imagined, Inspected, UpdateReport
from sim.recording.file import reading
from sim.recording.schema import insert
from sim.recording.values import document, typed

_MOST = {"clouds": 128, "reports": 1024}  # rows of a run that are kept
_PLANE = "(SELECT number FROM plane)"
_FULL = "SELECT count(*) > ? FROM {table} WHERE run = ?"
_CROWDED = """
SELECT "update" FROM (
    SELECT "update", lead("update") OVER by_update - lag("update") OVER by_update AS gap FROM {table} WHERE run = ?
    WINDOW by_update AS (ORDER BY "update")
) WHERE gap IS NOT NULL ORDER BY gap, "update" LIMIT 1
"""
_TO_BE_MADE_OTHERWISE = """
DELETE FROM clouds WHERE run = :run AND "update" = 1
    AND EXISTS (SELECT 1 FROM stages WHERE run = :run AND "update" = 0 AND asked <> :asked)
"""


# -- writing ----------------------------------------------------------------------------------------------------------


def write_looks(database: sqlite3.Connection, answer: Worked) -> None:
    """Write what was found of updates on the present plane; what is of another one goes, and some of many."""
    for _, result in answer.results:
        if isinstance(result, Imagined) and result.cloud is not None and _can_be_shown(result, result.cloud):
            _write(database, "clouds", _cloud_row(result, result.cloud))
        elif isinstance(result, Inspected):
            for run, report in enumerate(result.reports):
                if report is not None:
                    _write(database, "reports", _report_row(run, report))


def forget_first_steps(database: sqlite3.Connection, run: int, asked: str) -> None:
    """Forget the steps that were possible at first if a run is to begin with other settings than those in the file."""
    database.execute(_TO_BE_MADE_OTHERWISE, {"run": run, "asked": asked})


def _write(database: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    """Write a row; of too many of a run the one goes that has the nearest neighbours."""
    ((plane,),) = database.execute("SELECT number FROM plane")
    database.execute(f"DELETE FROM {table} WHERE plane <> ?", (plane,))
    row = {**row, "plane": plane}
    database.execute(insert(table, row).replace("INSERT", "INSERT OR REPLACE", 1), tuple(row.values()))
    run = row["run"]
    if database.execute(_FULL.format(table=table), (_MOST[table], run)).fetchone()[0]:
        crowded = database.execute(_CROWDED.format(table=table), (run,)).fetchone()
        database.execute(f'DELETE FROM {table} WHERE run = ? AND "update" = ?', (run, *crowded))


def _can_be_shown(imagined: Imagined, cloud: Cloud) -> bool:
    """Whether it has a point to begin at, and steps that are spread."""
    return bool(np.isfinite(imagined.origin).all()) and cloud.sampled > 1 and cloud.batch_size > 0


def _cloud_row(imagined: Imagined, cloud: Cloud) -> dict[str, object]:
    return {
        "run": imagined.run,
        "update": imagined.update,
        **_point("", imagined.origin),
        **_point("own_", cloud.own),
        **_point("full_", cloud.full),
        "batch_size": cloud.batch_size,
        "replacement": cloud.replacement,
        "plain": cloud.plain,
        "total": cloud.total,
        "sampled": cloud.sampled,
        "count": len(cloud.steps),
        "examples": cloud.examples.astype("<i4").tobytes(),
        "used": cloud.used.astype("|u1").tobytes(),
        "steps": cloud.steps.astype("<f4").tobytes(),
    }


def _report_row(run: int, report: UpdateReport) -> dict[str, object]:
    finite = {name: value if np.isfinite(value) else None for name, value in report.measures.items()}
    return {
        "run": run,
        "update": report.update,
        **_point("", report.origin),
        "batch_size": report.batch_size,
        "examples": json.dumps(report.indices),
        **_point("own_", report.gradient),
        **_point("full_", report.full_gradient),
        **_point("step_", report.full_step),
        "measures": json.dumps(finite),
    }


def _point(name: str, point: Step) -> dict[str, float]:
    return {f"{name}x": point[0], f"{name}y": point[1]}


# -- reading ----------------------------------------------------------------------------------------------------------


class Looks:
    """What a recording has of that.

    Args:
        path: of the recording.
        database: as it was opened.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path, self._database = path, database

    def newest(self) -> tuple[int, int]:
        """The numbers of the last cloud and of the last report that were written, be it on another plane; 0: none."""
        with reading(self._path):
            if not self._there():
                return 0, 0
            tables = (f"(SELECT coalesce(max(rowid), 0) FROM {table})" for table in _MOST)
            ((cloud, report),) = self._database.execute(f"SELECT {', '.join(tables)}")
            return typed(cloud, int), typed(report, int)

    def clouds(self) -> int:
        """Of how many updates there are possible steps on the present plane."""
        with reading(self._path):
            if not self._there():
                return 0
            ((number,),) = self._database.execute(f"SELECT count(*) FROM clouds WHERE plane = {_PLANE}")
            return typed(number, int)

    def cloud(self, run: int, update: int) -> Imagined | None:
        """The steps that were possible for a run at an update, or at the last one before it of which they are there."""
        with reading(self._path):
            row = self._row("clouds", run, update)
            return None if row is None else _cloud_of(row)

    def report(self, run: int, update: int) -> UpdateReport | None:
        """What an update of a run did, or the last one before it that was looked at."""
        with reading(self._path):
            row = self._row("reports", run, update)
            return None if row is None else _report_of(row)

    def _there(self) -> bool:
        return bool(self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'clouds'").fetchone())

    def _row(self, table: str, run: int, update: int) -> sqlite3.Row | None:
        if not self._there():
            return None
        where = f'WHERE run = ? AND "update" <= ? AND plane = {_PLANE} ORDER BY "update" DESC LIMIT 1'
        row: sqlite3.Row | None = self._database.execute(f"SELECT * FROM {table} {where}", (run, update)).fetchone()
        return row


def _cloud_of(row: sqlite3.Row) -> Imagined:
    count, sampled, total = (typed(row[name], int) for name in ("count", "sampled", "total"))
    steps = np.frombuffer(row["steps"], "<f4").reshape(count, 2).astype(np.float64)
    examples = np.frombuffer(row["examples"], "<i4").astype(np.int64)
    used = np.frombuffer(row["used"], "|u1").astype(np.bool_)
    if not (len(examples) == len(used) == count and 1 < sampled <= min(count, total)):
        raise ValueError("the steps of a cloud are not as many as it says")
    cloud = Cloud(
        steps=steps,
        examples=examples,
        used=used,
        sampled=sampled,
        total=total,
        full=_read_point(row, "full_"),
        own=_read_point(row, "own_"),
        batch_size=typed(row["batch_size"], int),
        replacement=bool(row["replacement"]),
        covariance=covariance_of(steps[:sampled], total),
        plain=bool(row["plain"]),
    )
    imagined = Imagined(typed(row["run"], int), typed(row["update"], int), Point(*_read_point(row, "")), cloud)
    if not _can_be_shown(imagined, cloud):
        raise ValueError("a cloud is none that a run can have")
    return imagined


def _report_of(row: sqlite3.Row) -> UpdateReport:
    examples = json.loads(typed(row["examples"], str))
    if not isinstance(examples, list) or not all(isinstance(one, int) for one in examples):
        raise ValueError("examples are no list of numbers")
    measured = document(row["measures"])
    return UpdateReport(
        update=typed(row["update"], int),
        indices=tuple(examples),
        batch_size=typed(row["batch_size"], int),
        gradient=_read_point(row, "own_"),
        full_gradient=_read_point(row, "full_"),
        origin=Point(*_read_point(row, "")),
        full_step=_read_point(row, "step_"),
        measures={one.name: typed(measured.get(one.name), float) for one in measures("gradient")},
    )


def _read_point(row: sqlite3.Row, name: str) -> Step:
    return typed(row[f"{name}x"], float), typed(row[f"{name}y"], float)
