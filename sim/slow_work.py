"""The slow work that `Work` asks for, as the runs and their plane stand: each job in pieces."""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from torch import nn

from sim.descent.optimizers import first_rate
from sim.descent.race import Race
from sim.descent.state import RunState, module_at
from sim.experiment.geometry import Point
from sim.jobs import Piecewise
from sim.models.problem import Problem
from sim.protocol.commands import Imagine, Inspect, Job, Predict, Remake, Survey
from sim.protocol.results import Imagined, Inspected, Remade, Surveyed, UpdateReport
from sim.views.cloud import Update, possible_steps
from sim.views.inspection import compare
from sim.views.landscape import survey
from sim.views.plane import on_plane_terms
from sim.views.predictions import predict
from sim.views.trails import Trails


@dataclass(frozen=True, slots=True)
class SlowWork:
    """How each job is done.

    Attributes:
        problem: what is minimised.
        race: the runs; none of it goes on here.
        trails: the plane that they are seen on.
    """

    problem: Problem
    race: Race
    trails: Trails

    def begin(self, job: Job) -> Piecewise:
        """Begin a job; what it finds comes with its pieces."""
        match job:
            case Survey():
                return self._survey(job)
            case Inspect():
                return self._inspect(job)
            case Predict():
                return self._predict(job)
            case Imagine():
                return self._imagine(job)
            case Remake():
                return self._remake(job)

    def _survey(self, job: Survey) -> Piecewise:
        state = self.race.run_state(job.run)
        assert state is not None, "the newest state is always known"
        plane, number = self.trails.plane, self.trails.number
        module = module_at(self.problem, state)
        for picture in survey(self.problem, module, plane.at, job.window, job.columns, job.rows):
            seen = Surveyed(job.window, picture.values, picture.progress, number, picture.examples, job.run)
            yield (seen if picture.progress > 0 else None), picture.progress == 1
            if number != self.trails.number:
                return

    def _inspect(self, job: Inspect) -> Piecewise:
        updates = job.updates or tuple(self.race.updates)
        reports: list[UpdateReport | None] = []
        for run, update in enumerate(updates):
            to_come = update > self.race.updates[run]
            before = None if to_come else (yield from self._past(run, update - 1))
            reports.append(None if before is None else self._report(run, update, before))
            done = len(reports) == len(updates)
            yield (Inspected(updates, tuple(reports)) if done else None), done

    def _report(self, run: int, update: int, before: RunState) -> UpdateReport:
        rows = self.problem.rows(self.race.batch(run, update))
        return compare(
            update, rows, before.vector, self._rate(run, before), self.race.gradients(run, before), self.trails.plane
        )

    def _predict(self, job: Predict) -> Piecewise:
        modules: list[nn.Module | None] = []
        for run, update in enumerate(job.updates or self.race.updates):
            state = yield from self._past(run, update)
            modules.append(None if state is None else module_at(self.problem, state))
        yield predict(self.problem, modules, job.count), True

    def _imagine(self, job: Imagine) -> Piecewise:
        before = yield from self._past(job.run, job.update - 1)
        if before is None:
            yield Imagined(job.run, job.update, Point(math.nan, math.nan), None), True
            return
        run, plane = self.race.settings(job.run, before.update), self.trails.plane
        (point,), _ = plane.project(on_plane_terms(before.vector)[None])
        batch = self.race.batch(job.run, job.update)
        cloud = possible_steps(
            self.problem,
            module_at(self.problem, before),
            plane.basis,
            Update.of(run, self._rate(job.run, before), len(batch)),
            batch,
            *self.race.gradients(job.run, before),
        )
        yield Imagined(job.run, job.update, Point(float(point[0]), float(point[1])), cloud), True

    def _remake(self, job: Remake) -> Piecewise:
        plane, number = self.trails.plane, self.trails.number
        rows, points = [np.empty(0, self.race.row)], [np.empty((0, 3))]
        for run, (first, last) in enumerate(job.spans):
            for made in self.race.again(run, first, last) if first <= last else ():
                if made is not None:
                    xy, distances = plane.project(on_plane_terms(made[1]))
                    rows.append(made[0])
                    points.append(np.column_stack([xy.double().numpy(), distances.double().numpy()]))
                yield None, False
        yield Remade(np.concatenate(rows), np.concatenate(points), number), True

    def _rate(self, run: int, before: RunState) -> float:
        """The rate of the update after a state."""
        known: float | None = before.group.get("lr")
        return first_rate(self.race.settings(run, before.update)) if known is None else known

    def _past(self, run: int, update: int) -> Generator[tuple[None, bool], None, RunState | None]:
        """A run's state after an update, made again in pieces; None where it never was there, as before the start."""
        state = None
        for state in self.race.past(run, update):
            if state is None:
                yield None, False
        return state
