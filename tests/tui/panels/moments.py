"""One race, and what there is to see of it at any of its moments."""

from typing import Any

import numpy as np

from sim.experiment.geometry import Point
from sim.protocol.trace import Rows
from tests.tui.traces import make_experiment, make_race, make_scene
from tui.scene.scene import RunScene, Scene

EXPERIMENT = make_experiment()
RACE = make_race(EXPERIMENT, 40)


def scene_at(cursor: int = 40, **fields: Any) -> Scene:
    """The scene at a moment; `fields` replace some of its own."""
    return make_scene(EXPERIMENT, RACE, cursor=cursor, **fields)


def row_of(run: int, update: int) -> np.void:
    """A row of the trace."""
    return RACE.rows[(RACE.rows["run"] == run) & (RACE.rows["update"] == update)][0]


def point_of(run: int, update: int) -> Point:
    """Where a run was after an update."""
    return Point(*RACE.points[run][update])


def grown(run: RunScene) -> Rows:
    """A run's rows with a last one a million updates later."""
    rows = run.seen.copy()
    rows["update"][-1], rows["seconds"][-1] = 1_234_567, 1235.0 if run.index else 2058.0
    rows["examples"][-1] = 1_234_567 * min(run.config.batch_size, 61)
    return rows
