"""Reads the plane of a recording, and where the runs went on it, as it is written. Imports no torch."""

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.experiment.resolved import Lineage
from sim.protocol.answers import PlaneNews, Trail
from sim.recording.file import all_of, in_blocks, only
from sim.recording.values import plane_of, typed

_HEAD = ("x", "y", "distance")
_POINT = ("rowid", "run", "update", *_HEAD)

Floats = NDArray[np.float64]


class TrailsReader:
    """Knows which points were read."""

    def __init__(self) -> None:
        self._point, self._edition = 0, -1

    def start(self, database: sqlite3.Connection, lineages: Sequence[Lineage]) -> PlaneNews:
        """The plane, and where the runs begin on it; no points count as read."""
        points = _points(database, 'WHERE "update" = 0', most=len(lineages))
        return _news(database, points, lineages, whole=True)

    def skip(self, database: sqlite3.Connection, point: int) -> None:
        """Take all points up to one, by its rowid, for read."""
        self._point, self._edition = point, only(database, "plane")["edition"]

    def news(self, database: sqlite3.Connection, lineages: Sequence[Lineage]) -> PlaneNews:
        """What is new on the plane, or all where the points were replaced."""
        edition = only(database, "plane")["edition"]
        whole = edition != self._edition
        points = _points(database, f"WHERE rowid > {0 if whole else self._point}")
        self._edition, self._point = edition, int(points[-1, 0]) if len(points) else self._point
        news = _news(database, points, lineages, whole=whole)
        heads = [[typed(row[name], float) for name in _HEAD] for row in all_of(database, "runs ORDER BY run")]
        trails = (
            replace(trail, head=(x, y), head_distance=distance)
            for trail, (x, y, distance) in zip(news.trails, heads, strict=True)
        )
        return replace(news, trails=tuple(trails))


def _news(database: sqlite3.Connection, points: Floats, lineages: Sequence[Lineage], *, whole: bool) -> PlaneNews:
    """The plane with some points, in shape (K, 6) as `_points` has them; the newest ones are the runs' heads."""
    trails: list[Trail] = []
    for run, lineage in enumerate(lineages):
        own = points[points[:, 1] == run, 2:]
        own = own[np.argsort(own[:, 0], kind="stable")]
        if not whole and lineage.parent is not None:
            own = own[own[:, 0] > lineage.update]  # the others are its parent's, too, and were sent as such
        if whole and not (len(own) and own[0, 0] == 0):
            raise ValueError("a trail has no beginning")
        x, y, distance = own[-1, 1:].tolist() if len(own) else (math.nan,) * 3
        trails.append(Trail(own[:, 0].astype(np.int64), own[:, 1:3], own[:, 3], (x, y), distance))
    plane = only(database, "plane")
    return PlaneNews(
        number=typed(plane["number"], int),
        kind=plane_of(plane["kind"]),
        words=typed(plane["words"], str),
        explained=typed(plane["explained"], float),
        whole=whole,
        trails=tuple(trails),
        unit=typed(plane["unit"], float),
    )


def _points(database: sqlite3.Connection, where: str, most: int = -1) -> Floats:
    """The first points by their number in the file: shape (K, 6), that number, run, update, x, y and distance of each.

    Of -1 at most, all.
    """
    names = ", ".join(f'"{name}"' for name in _POINT)
    found = database.cursor()
    found.row_factory = None
    found.execute(f"SELECT {names} FROM points {where} ORDER BY rowid LIMIT {most}")
    table = in_blocks(found, np.dtype([(name, np.float64) for name in _POINT]))
    points: Floats = table.view(np.float64).reshape(-1, len(_POINT))
    return points
