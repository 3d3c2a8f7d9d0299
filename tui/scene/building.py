"""Builds the scene of a session, anew for each frame."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.experiment.geometry import Point
from sim.measures import measures
from sim.measures.measure import Standing
from sim.problems.curvature import Kind, kind_of_point
from sim.problems.formula import Formula
from sim.protocol.trace import RECORDED, Status
from tui.draw.palette import GLYPHS, Palette
from tui.scene.scene import RunScene, Scene
from tui.scene.settings_changes import changes_of
from tui.session.asking import Phase
from tui.session.history import History
from tui.session.session import Session
from tui.session.trails import PlaneTrails

_NEARBY = 1e-4  # windows: within it a point is of one kind
_COURSE = 24  # updates


def build_scene(session: Session, hidden: frozenset[int], palette: Palette) -> Scene | None:
    """The scene of a session at its cursor; None while its experiment does not stand yet."""
    look = session.look
    history, opened, trails = session.history, session.opened, session.trails
    if history is None or opened is None or trails is None:
        return None
    experiment, slots = opened.experiment, _slots(len(session.lineages), session.removed)
    return Scene(
        experiment=experiment,
        card=session.card,
        clock=session.clock,
        tests=opened.tests,
        device=opened.device,
        runs=tuple(
            _run_scene(session, history, trails, index, slots[index], palette, shown=index not in hidden)
            for index in session.there
        ),
        cursor=history.cursor,
        end=history.end,
        playing=session.player.playing,
        speed=session.player.speed,
        paces=session.pace,
        rate=session.meter.rate,
        busy_for=session.busy_for,
        tolerance=opened.tolerance,
        generation=session.generation,
        palette=palette,
        plane=trails.plane,
        predictions=look.predictions[1] if len(look.predictions[0]) == len(session.lineages) else None,
        changes=session.journal,
        selected=look.selected,
        imagined=look.possible if look.selected in session.there else None,
        unknowable=session.phase is Phase.BROKEN or look.steps_refused,
        source=session.source,
        recording="" if session.link.recording is None else session.link.recording.name,
        filled=session.filled,
    )


def _slots(runs: int, removed: tuple[int, ...]) -> list[int]:
    """For each run which mark and colour it has: beyond the last of them, that of one that was removed."""
    slots = list(range(min(runs, len(GLYPHS))))
    for index in range(len(slots), runs):
        slots.append(slots[removed[index - len(GLYPHS)]])
    return slots


def _run_scene(
    session: Session,
    history: History,
    trails: PlaneTrails,
    index: int,
    slot: int,
    palette: Palette,
    *,
    shown: bool,
) -> RunScene:
    reports = session.look.reports
    seen = history.seen(index)
    update, status = int(seen[-1]["update"]), seen[-1]["status"]
    updates, points, off_plane = trails.until(index, update, live=session.caught_up)
    members = session.members.at(history.cursor)
    return RunScene(
        index=index,
        config=session.lineages[index].after(update).run,
        glyph=GLYPHS[slot],
        color=palette.runs[slot],
        faded=palette.faded[slot],
        swath=palette.swaths[slot],
        shown=shown,
        seen=seen,
        recorded=history.recorded(index),
        evaluations=history.evaluations(index),
        updates=updates,
        points=points,
        loss_update=int(history.evaluated(index)["update"]),
        values=_values(session, history, index, points[-1], math.nan if trails.plane.flat else off_plane),
        report=reports[index] if len(reports) == len(session.lineages) else None,  # else a fork is newer than they
        angles=session.look.angles.until(index, update, _COURSE),
        failed=index in session.troubles and history.live,
        changes=changes_of(session.lineages[index], trails, index, update),
        kind=_kind_of_point(session.card.formula, points[-1]) if status == Status.CONVERGED else None,
        members=members[index] if index < len(members) else None,
    )


def _values(
    session: Session, history: History, index: int, head: NDArray[np.float64], off_plane: float
) -> dict[str, float]:
    """What is measured of a run that stands at a point, shape (2,), so far off the plane, by name."""
    evaluated, (now, then) = history.evaluated(index), history.lately(index)
    standing = Standing(
        point=Point(*head.tolist()),
        minima=session.card.minima,
        off_plane=off_plane,
        updates=int(now["update"] - then["update"]),
        examples=int(now["examples"] - then["examples"]),
        seconds=float(now["seconds"] - then["seconds"]),
    )
    recorded = {one.name: float((evaluated if one.cost == "pass" else now)[one.name]) for one in RECORDED}
    return recorded | {one.name: one.of(standing) for one in measures("free")}


def _kind_of_point(formula: Formula | None, point: NDArray[np.float64]) -> Kind | None:
    """The kind of point a run stands at; None where there is no formula, or the point is infinite."""
    if formula is None or not np.isfinite(point).all():
        return None
    left, right, bottom, top = formula.window
    grain = _NEARBY * (right - left), _NEARBY * (top - bottom)
    near = [value - math.remainder(value, step) for value, step in zip(point.tolist(), grain, strict=True)]
    return _remembered_kind(formula, Point(*near))


@lru_cache(maxsize=64)
def _remembered_kind(formula: Formula, point: Point) -> Kind:
    return kind_of_point(formula, point)
