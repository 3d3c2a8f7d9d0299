"""Possible steps and reports of updates, as they are written and read again."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.geometry import Point
from sim.experiment.resolved import Stage
from sim.protocol.answers import Changed, Worked
from sim.protocol.cloud import Cloud, covariance_of
from sim.protocol.commands import Imagine, Inspect
from sim.protocol.results import Imagined, Inspected, UpdateReport
from sim.recording import looks as written
from sim.recording.looks import Looks, write_looks
from sim.recording.schema import tables
from sim.recording.tables import write_answer
from tests.tui.traces import make_experiment, make_race

STEPS = np.random.default_rng(0).normal(size=(9, 2))
MEASURES = {"angle": 12.0, "cosine": 0.5, "relative_error": math.nan}


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """Empty tables."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.row_factory = sqlite3.Row
        made.executescript(tables())
        made.execute("INSERT INTO plane (number) VALUES (3)")
        yield made


def looks(database: sqlite3.Connection) -> Looks:
    return Looks(Path("race.gdsim"), database)


def look(database: sqlite3.Connection, update: int, run: int = 0) -> tuple[Imagined, UpdateReport]:
    """Write what was found of an update, which begins at its own number."""
    used = np.arange(9) == update % 9
    cloud = Cloud(
        STEPS, 10 * np.arange(9), used, 7, 80, (1.0, 2.0), (math.nan, 4.0), 5, True, covariance_of(STEPS[:7], 80), False
    )
    imagined = Imagined(run, update, Point(float(update), -1.0), cloud)
    report = UpdateReport(update, (4, 2), 5, (1.0, 2.0), (3.0, 4.0), Point(float(update), -1.0), (5.0, 6.0), MEASURES)
    results = (
        (Imagine(run, update), imagined),
        (Inspect((update,)), Inspected((0,) * run + (update,), (None,) * run + (report,))),
    )
    write_looks(database, Worked(results, ()))
    return imagined, report


def kept(database: sqlite3.Connection, table: str = "clouds", run: int = 0) -> list[int]:
    """The updates that there are of a run."""
    return [row[0] for row in database.execute(f'SELECT "update" FROM {table} WHERE run = {run} ORDER BY "update"')]


def test_they_come_back_as_they_were(database: sqlite3.Connection) -> None:
    imagined, report = look(database, 6, run=1)
    found, cloud = looks(database).cloud(1, 8), imagined.cloud
    assert found is not None
    assert found.cloud is not None
    assert cloud is not None
    assert (found.run, found.update, found.origin) == (1, 6, imagined.origin)
    np.testing.assert_array_equal(found.cloud.steps, STEPS.astype(np.float32))
    np.testing.assert_allclose(found.cloud.covariance, cloud.covariance, rtol=1e-6)
    for name in ("examples", "used", "full", "own", "sampled", "total", "batch_size", "replacement", "plain"):
        np.testing.assert_array_equal(getattr(found.cloud, name), getattr(cloud, name), err_msg=name)
    again = looks(database).report(1, 8)
    assert again is not None
    assert str(again) == str(report)  # NaN is not equal to itself
    assert looks(database).cloud(1, 5) is None
    assert looks(database).report(0, 9) is None


def test_what_is_of_another_plane_is_not_shown_and_goes_with_the_first_one_of_the_new_plane(
    database: sqlite3.Connection,
) -> None:
    look(database, 6)
    look(database, 7)
    database.execute("UPDATE plane SET number = 4")
    assert (looks(database).cloud(0, 9), looks(database).report(0, 9)) == (None, None)
    look(database, 3)
    assert (kept(database), kept(database, "reports")) == ([3], [3])


def test_of_many_those_stay_that_are_evenly_apart(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(written._MOST, "clouds", 16)
    look(database, 50, run=1)
    for update in range(1, 1001):
        look(database, update)
    updates = kept(database)
    assert (len(updates), updates[0], updates[-1], kept(database, run=1)) == (16, 1, 1000, [50])
    assert max(np.diff(updates)) <= 4 * 1000 / 16
    assert len(kept(database, "reports")) == 1000


def test_the_same_update_again_replaces_what_was_found_before(database: sqlite3.Connection) -> None:
    look(database, 6)
    before = looks(database).newest()
    look(database, 6)
    assert kept(database) == [6]
    assert looks(database).newest() != before


def test_what_cannot_be_shown_is_not_written(database: sqlite3.Connection) -> None:
    imagined, _ = look(database, 6)
    write_looks(database, Worked(((Imagine(0, 7), replace(imagined, update=7, origin=Point(math.nan, 0.0))),), ()))
    assert (kept(database), looks(database).clouds()) == ([6], 1)


def test_a_file_from_before_there_were_any_has_none(database: sqlite3.Connection) -> None:
    database.executescript("DROP TABLE clouds; DROP TABLE reports;")
    assert looks(database).newest() == (0, 0)
    assert (looks(database).cloud(0, 9), looks(database).report(0, 9)) == (None, None)


def test_the_first_steps_go_where_a_run_is_to_begin_otherwise(database: sqlite3.Connection) -> None:
    lineages = make_race(make_experiment(), 1).experiment.lineages
    write_answer(database, Changed((), lineages))
    for run in (0, 1):
        look(database, 1, run)
        look(database, 2, run)
    ((update, settings, asked),) = lineages[1].stages
    changed = replace(lineages[1], stages=(Stage(update, settings, replace(asked, batch_size=3)),))
    write_answer(database, Changed((), (lineages[0], changed, *lineages[2:])))
    assert (kept(database, run=0), kept(database, run=1)) == ([1, 2], [2])
