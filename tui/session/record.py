"""Adds what the runs did to what was recorded of them, within the memory that there is for it. Pure data."""

from collections.abc import Sequence

import numpy as np

from sim.experiment.journal import Journal
from sim.experiment.resolved import Lineage
from sim.protocol.results import Remade
from sim.protocol.trace import Excerpt, Rows
from tui.session.gaps import Gap
from tui.session.history import History
from tui.session.trails import PlaneTrails


def record(rows: Rows, history: History, trails: PlaneTrails, journal: Journal) -> None:
    """Append rows to a history; where it is full then, leave out older moments, but for those of changes."""
    history.append(rows)
    _thin_if_full(history, trails, journal)


def close(gap: Gap, made: Remade, history: History, trails: PlaneTrails, journal: Journal) -> None:
    """Record what was left out around the moment that is sought, and was made again."""
    rows = history.close(gap, made.rows)
    if made.plane == trails.plane.number:
        for run in range(len(gap.rows)):
            own = made.rows["run"] == run
            some = np.isin(made.rows["update"][own], rows["update"][rows["run"] == run])
            trails.fill(run, made.rows["update"][own][some], made.points[own][some])
    _thin_if_full(history, trails, journal)


def fill(
    excerpt: Excerpt, history: History, trails: PlaneTrails, journal: Journal, lineages: Sequence[Lineage]
) -> None:
    """Record what a recording has of some moments, between those that are there."""
    rows, points = excerpt.rows, excerpt.points
    for index, lineage in enumerate(lineages):
        if lineage.parent is not None:
            past = (rows["run"] == lineage.parent) & (rows["update"] <= lineage.update)
            own = rows[past].copy()
            own["run"] = index
            rows, points = np.concatenate([rows, own]), np.concatenate([points, points[past]])
    order = np.argsort(rows["moment"], kind="stable")
    rows, points = rows[order], points[order]
    history.fill(rows, excerpt.moments)
    for run in range(len(lineages)):
        own = (rows["run"] == run) & ~np.isnan(points).any(axis=1)
        trails.fill(run, rows["update"][own], points[own])
    _thin_if_full(history, trails, journal)


def _thin_if_full(history: History, trails: PlaneTrails, journal: Journal) -> None:
    if history.full:
        runs = range(len(history.updates))
        points = [trails.points_of(history.recorded(run))[:, :2] for run in runs]
        history.thin(points, [change.moment for change in journal])
        for run in runs:
            trails.keep(run, history.recorded(run)["update"])
