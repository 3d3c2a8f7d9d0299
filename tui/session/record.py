"""Adds what the runs did to what was recorded of them, within the memory that there is for it. Pure data."""

from sim.experiment.journal import Journal
from sim.protocol.trace import Rows
from tui.session.history import History
from tui.session.trails import PlaneTrails


def record(rows: Rows, history: History, trails: PlaneTrails, journal: Journal) -> None:
    """Append rows to a history; where it is full then, leave out older moments, but for those of changes."""
    history.append(rows)
    if history.full:
        runs = range(len(history.updates))
        points = [trails.points_of(history.recorded(run))[:, :2] for run in runs]
        history.thin(points, [change.moment for change in journal])
        for run in runs:
            trails.keep(run, history.recorded(run)["update"])
