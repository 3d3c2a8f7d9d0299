"""Opens an experiment and answers commands with what the terminal needs to draw it."""

import math
import sys
import time
from collections.abc import Generator
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from sim.descent.backends import steppers_of
from sim.descent.checkpoints import Checkpoints, resume
from sim.descent.optimizers import first_rate
from sim.descent.race import Race
from sim.descent.state import RunState, module_at
from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.experiment.config import Experiment, ModelConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import Change, ClockChange, Fork, Removal, RunChange
from sim.experiment.resolved import Resolved, resolve
from sim.experiment.seeds import Seeds
from sim.jobs import Jobs, Piecewise
from sim.measures.measure import Passes
from sim.models.build import model_problem
from sim.models.device import choose_device, describe
from sim.models.evaluation import passes
from sim.models.failures import first_line, is_out_of_memory, traceback_of, where
from sim.models.problem import Problem, formula_problem
from sim.models.sources import TensorSource
from sim.problems import build_formula
from sim.problems.own_formula import require_finite
from sim.protocol.answers import (
    Advanced,
    Answer,
    Changed,
    Failed,
    Imagined,
    Inspected,
    Opened,
    PlaneNews,
    Refused,
    Remade,
    Saved,
    Surveyed,
    UpdateReport,
    Worked,
)
from sim.protocol.checkpoint import Resume
from sim.protocol.commands import (
    Advance,
    ChangeRun,
    Command,
    ForkRun,
    Imagine,
    Inspect,
    Job,
    Open,
    Predict,
    Remake,
    RemoveRun,
    Save,
    SetClock,
    SetPlane,
    Survey,
    Work,
)
from sim.protocol.trace import Rows
from sim.views.cloud import possible_steps
from sim.views.inspection import compare
from sim.views.landscape import survey
from sim.views.planes import on_plane_terms
from sim.views.predictions import predict
from sim.views.trails import Trails, trails_of

_LIGHT = 0.01  # seconds: a longer update does not gain by being woken up for
_REST = 0.005  # seconds
_SAME_LOSS = 1e-4  # relative: other machines round otherwise


@dataclass(slots=True)
class _Open:
    """An experiment under way.

    Attributes:
        light: the run to wake up with, if its updates are short ones, of tensors (a data set of the user's own may
            draw random numbers); None before the first warm-up.
        rested: since when there is nothing to do.
    """

    experiment: Resolved
    problem: Problem
    race: Race
    trails: Trails
    checkpoints: Checkpoints
    light: list[int] | None = None
    rested: float = 0.0
    jobs: Jobs = field(default_factory=lambda: Jobs(_failed))

    def news(self) -> PlaneNews:
        """What is new on the plane."""
        awaited = self.jobs.awaits(Survey)
        news = self.trails.news(self.race.snapshots, self.race.heads, self.race.updates, awaited=awaited)
        if not self.trails.fitted:
            self.race.forget_snapshots()
        return news

    def set_plane(self, command: SetPlane) -> PlaneNews:
        """See the parameters on another plane."""
        self.jobs.clear()
        race, trails = self.race, self.trails
        return trails.set_kind(command.kind, race.snapshots, race.heads, race.updates, afresh=command.afresh)

    def advance(self, command: Advance) -> Advanced:
        """Go on with the race."""
        self._warm_up()
        progress = self.race.advance(command.moments, command.span, command.budget)
        self.rested = time.perf_counter()
        race, rows, due = self.race, progress.rows, self.checkpoints.due()
        return Advanced(
            *(rows, progress.covered, race.finished, self.news(), race.lineages, progress.troubles),
            members=race.members,
            checkpoint=due,
        )

    def change(self, change: Change) -> Changed | Refused:
        """Change something from here on."""
        try:
            self.race.change(change)
        except ConfigError as error:
            return Refused(str(error))
        return Changed(self.race.journal, self.race.lineages, self.checkpoints.due())

    def _warm_up(self) -> None:
        """Make discarded updates, so that the costs of a first time, and of waking up, are in nobody's seconds.

        A processor that rested makes its next small update several times as slowly: the first run in the list would
        seem slow.
        """
        if self.light is None:
            runs = self.experiment.runs
            for run in range(len(runs)):
                self.race.warm_up(run)
            lightest = min(range(len(runs)), key=lambda run: runs[run].batch_size)
            began = time.perf_counter()
            self.race.warm_up(lightest)
            light = time.perf_counter() - began < _LIGHT and isinstance(self.problem.source, TensorSource)
            self.light = [lightest] if light else []
        elif time.perf_counter() - self.rested > _REST:
            for run in self.light:
                self.race.warm_up(run)

    # -- slow work ----------------------------------------------------------------------------------------------------

    def work(self, command: Work) -> Worked:
        """Go on with jobs."""
        results, pending = self.jobs.work(command.jobs, command.budget, self._begin)
        self.rested = time.perf_counter()
        return Worked(tuple(results), tuple(pending))

    def _begin(self, job: Job) -> Piecewise:
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
        cloud = possible_steps(
            self.problem,
            module_at(self.problem, before),
            plane.basis,
            run,
            self._rate(job.run, before),
            self.race.batch(job.run, job.update),
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


class Engine:
    """The engine, which carries out one experiment at a time. Every command has exactly one answer; none raises."""

    def __init__(self) -> None:
        self._open: _Open | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command; what goes wrong is an answer, too."""
        try:
            with redirect_stdout(sys.stderr):  # a model may print; stdout is for our own answers
                return self._carry_out(command)
        except (Exception, SystemExit) as error:
            return _failed(error)

    def _close(self) -> None:
        if self._open is not None:
            self._open.jobs.clear()  # what was begun holds on to it
            self._open = None

    def _carry_out(self, command: Command) -> Answer:
        if isinstance(command, Open):
            self._close()  # its memory may be needed
            self._open, opened = _opened(command)
            return opened
        if self._open is None:
            return Failed("No experiment is open.")
        match command:
            case Advance():
                return self._open.advance(command)
            case Save(every):
                return Saved(self._open.checkpoints.begin(every))
            case SetClock() | ChangeRun() | ForkRun() | RemoveRun():
                return self._open.change(_change_of(command, self._open.race.moment))
            case SetPlane():
                return self._open.set_plane(command)
            case Work():
                return self._open.work(command)


def _change_of(command: SetClock | ChangeRun | ForkRun | RemoveRun, moment: int) -> Change:
    """What a command changes after so many moments."""
    match command:
        case SetClock(clock):
            return ClockChange(moment, clock)
        case ChangeRun(run, settings):
            return RunChange(moment, run, settings)
        case ForkRun(run, update, settings):
            return Fork(moment, run, update, settings)
        case RemoveRun(run):
            return Removal(moment, run)


def _opened(command: Open) -> tuple[_Open, Opened]:
    """The experiment of a command, at its start."""
    problem = problem_of(command.experiment)
    asked = command.experiment
    experiment = resolve(asked, problem.facts, str(problem.device))
    experiment, make, note = steppers_of(problem, experiment, asked.backend)
    trails = trails_of(experiment.plane, problem.model, Seeds.of(experiment.seed).directions)
    found, pass_seconds = _timed_passes(problem)
    if problem.formula is not None:  # the user's own code may remember how often it was called
        pass_seconds = min(pass_seconds, _timed_passes(problem)[1])
    race = Race(
        experiment,
        make,
        found,
        command.retention,
        keep_all=trails.fitted,
    )
    state = _Open(experiment, problem, race, trails, Checkpoints(race, keeps_snapshots=trails.fitted))
    start = race.start()
    if command.resume is not None:
        _go_on(state, start, command.resume)
    return state, Opened(
        experiment=experiment,
        rows=start,
        device=describe(problem.device),
        tolerance=GRADIENT_TOLERANCE,
        plane=state.news(),
        tests=0 if problem.test is None else len(problem.test),
        pass_seconds=pass_seconds,
        note=note,
    )


def _go_on(state: _Open, start: Rows, recorded: Resume) -> None:
    """Have an experiment go on where it was recorded to have come.

    Raises:
        ConfigError: if it is not the same one, or what was recorded cannot be.
    """
    if not np.allclose(start["loss"], recorded.start["loss"], rtol=_SAME_LOSS, atol=0.0, equal_nan=True):
        raise ConfigError("The loss at the start is not the one that was recorded: the model or its data have changed.")
    try:
        resume(state.race, recorded, state.problem.device)
    except (ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
        raise ConfigError(f"The recording cannot be resumed: {first_line(error)}.") from error
    if state.trails.fitted:
        state.trails.number = recorded.plane


def _timed_passes(problem: Problem) -> tuple[Passes, float]:
    """What passes over all examples find at the start, and the seconds that they take."""
    began = time.perf_counter()
    return passes(problem, problem.model), time.perf_counter() - began


def problem_of(experiment: Experiment) -> Problem:
    """What an experiment minimises.

    Raises:
        ConfigError: for what cannot be done. Whatever the user's own code raises is passed on.
    """
    many = experiment.seeds > 1 and experiment.device == "auto"
    device, config = choose_device("cpu" if many else experiment.device), experiment.problem
    if isinstance(config, ModelConfig):
        return model_problem(config, Seeds.of(experiment.seed), device)
    formula = build_formula(config)
    start = experiment.start or formula.start
    if config.own_file is not None:
        require_finite(formula, start)
    return formula_problem(formula, start, device)


def _failed(error: BaseException) -> Failed:
    """What went wrong, as an answer."""
    if isinstance(error, ConfigError):
        return Failed(str(error), config=True)
    if isinstance(error, SystemExit):
        sentence = f"The model's own code called sys.exit{where(error)}; it must return."
        return Failed(sentence, traceback_of(error), theirs=True)
    if is_out_of_memory(error):
        return Failed("Out of memory: use fewer examples, or smaller batches.", traceback_of(error))
    line = where(error)
    sentence = f"{type(error).__name__}: {first_line(error)}{line}."
    return Failed(sentence, traceback_of(error), theirs=bool(line) or isinstance(error, SyntaxError))
