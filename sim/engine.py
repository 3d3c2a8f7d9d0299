"""Opens an experiment and answers commands with what the terminal needs to draw it."""

import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sim.data.arrays import default_lr
from sim.descent.clock import plan
from sim.descent.descent import GRADIENT_TOLERANCE, Descent
from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import Experiment, ModelConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.models.build import model_problem
from sim.models.device import choose_device, describe
from sim.models.failures import first_line, is_out_of_memory, traceback_of, where
from sim.models.problem import Problem, formula_problem
from sim.models.sources import TensorSource
from sim.problems import build_formula
from sim.protocol.answers import (
    Advanced,
    Answer,
    Done,
    Failed,
    Inspected,
    Opened,
    PlaneNews,
    Surveyed,
    Trouble,
    UpdateReport,
)
from sim.protocol.commands import Advance, Command, Inspect, Open, Predict, SetClock, SetPlane, Survey
from sim.protocol.trace import NO_ROWS, Rows
from sim.views.landscape import Picture, survey
from sim.views.predictions import predict
from sim.views.trails import Snapshots, Trails

_COUNTERS: dict[Clock, str] = {"updates": "update", "examples": "examples", "seconds": "seconds"}
_LIGHT = 0.01  # seconds: a longer update does not gain by being woken up for
_REST = 0.005  # seconds
_LONGEST_CHUNK = 256  # moments between two looks at the time


@dataclass(slots=True)
class _Open:
    """An experiment under way.

    Attributes:
        trails: of a model; None where the two parameters are the plane.
        light: the run to wake up with, if its updates are short ones, of tensors (a data set of the user's own may
            draw random numbers); None before the first warm-up.
        rested: since when there is nothing to do.
        pace: moments a second, as last measured; 0 before anything was.
        survey: the landscape being made, with what it is of.
    """

    problem: Problem
    descents: list[Descent]
    clock: Clock
    trails: Trails | None
    moment: int = 0
    position: float = 0.0
    light: list[Descent] | None = None
    rested: float = 0.0
    pace: float = 0.0
    survey: tuple[object, Iterator[Picture], Picture | None] | None = None


class Engine:
    """Carries out one experiment at a time. Every command has exactly one answer; none raises."""

    def __init__(self) -> None:
        self._open: _Open | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command; what goes wrong is an answer, too."""
        try:
            with redirect_stdout(sys.stderr):  # a model may print; stdout is for our own answers
                return self._carry_out(command)
        except ConfigError as error:
            return Failed(str(error), config=True)
        except SystemExit as error:
            sentence = f"The model's own code called sys.exit{where(error)}; it must return."
            return Failed(sentence, traceback_of(error), theirs=True)
        except Exception as error:
            if is_out_of_memory(error):
                return Failed("Out of memory: use fewer examples, or smaller batches.", traceback_of(error))
            place = where(error)
            sentence = f"{type(error).__name__}: {first_line(error)}{place}."
            return Failed(sentence, traceback_of(error), theirs=bool(place) or isinstance(error, SyntaxError))

    def _carry_out(self, command: Command) -> Answer:
        if isinstance(command, Open):
            return self._begin(command.experiment)
        if self._open is None:
            return Failed("No experiment is open.")
        match command:
            case Advance():
                return _advance(self._open, command)
            case SetClock(clock):
                _set_clock(self._open, clock)
                return Done()
            case Inspect():
                return _inspect(self._open, command)
            case Survey():
                return _survey(self._open, command)
            case SetPlane(kind):
                if self._open.trails is None:
                    return Failed("Two parameters are their own plane.")
                return self._open.trails.set_kind(kind, *_places(self._open))
            case Predict(count):
                return predict(self._open.problem, [descent.module for descent in self._open.descents], count)

    def _begin(self, experiment: Experiment) -> Opened:
        self._open = None
        problem, lr, start = _problem_of(experiment)
        experiment = experiment.resolved(lr, start, problem.examples)
        config, trails = experiment.problem, None
        if isinstance(config, ModelConfig):
            trails = Trails(config.plane, problem.model, experiment.seed)
        descents = [Descent(problem, experiment, index) for index in range(len(experiment.runs))]
        began = time.perf_counter()
        first = descents[0].start()
        pass_seconds = time.perf_counter() - began
        rows = np.concatenate([first, *(descent.start(first) for descent in descents[1:])])
        rows["clock"] = _clock_number(experiment.clock)
        self._open = _Open(problem, descents, experiment.clock, trails)
        return Opened(
            rows=rows,
            examples=problem.examples,
            lr=lr,
            parameters=sum(parameter.numel() for parameter in problem.model.parameters()),
            device=describe(problem.device),
            loss_every=tuple(descent.loss_every for descent in descents),
            tolerance=GRADIENT_TOLERANCE,
            tests=0 if problem.test is None else len(problem.test),
            pass_seconds=pass_seconds,
            plane=_plane_news(self._open),
        )


def _problem_of(experiment: Experiment) -> tuple[Problem, float, Point | None]:
    """What is minimised, its own rate, and its own start (None for a model)."""
    device, config = choose_device(experiment.device), experiment.problem
    if isinstance(config, ModelConfig):
        problem = model_problem(config, experiment.seed, device)
        return problem, default_lr(problem.task), None
    formula = build_formula(config)
    return formula_problem(formula, config.start or formula.start, device), formula.lr, formula.start


def _plane_news(state: _Open) -> PlaneNews | None:
    if state.trails is None:
        return None
    return state.trails.news(*_places(state))


def _places(state: _Open) -> tuple[list[Snapshots], list[Tensor], list[int]]:
    """Where the runs have been, where they are, and after how many updates."""
    descents = state.descents
    return (
        [descent.snapshots for descent in descents],
        [descent.vector for descent in descents],
        [descent.update for descent in descents],
    )


def _clock_number(clock: Clock) -> int:
    return list(CLOCKS).index(clock)


def _set_clock(state: _Open, clock: Clock) -> None:
    """Go on by another clock, from where the run that is furthest behind on it stands."""
    state.clock, state.pace = clock, 0.0
    going = [descent for descent in state.descents if not descent.finished]
    state.position = float(min((getattr(descent, _COUNTERS[clock]) for descent in going), default=0.0))


def _advance(state: _Open, command: Advance) -> Advanced:
    """Plan and carry out chunks of moments until there are enough, or the time is up."""
    _warm_up(state)
    began, until = state.position, state.position + command.span
    deadline = time.perf_counter() + command.budget
    blocks: list[Rows] = []
    left = command.moments
    while left > 0:
        affordable = state.pace * (deadline - time.perf_counter()) if state.pace else 0.0
        if affordable < 0.5 and blocks:
            break
        block, planned = _chunk(state, int(min(left, max(1.0, affordable), _LONGEST_CHUNK)), until)
        if not planned:
            break
        blocks.append(block)
        left -= planned
    state.rested = time.perf_counter()
    return Advanced(
        rows=np.concatenate(blocks) if blocks else NO_ROWS,
        covered=state.position - began,
        finished=all(descent.finished for descent in state.descents),
        troubles=_new_troubles(state),
        plane=_plane_news(state),
    )


def _warm_up(state: _Open) -> None:
    """Make discarded updates, so that the costs of a first time, and of waking up, are in nobody's seconds.

    A processor that rested makes its next small update several times as slowly: the first run in the list would seem
    slow.
    """
    if state.light is None:
        for descent in state.descents:
            descent.warm_up()
        lightest = min(state.descents, key=lambda descent: descent.config.size(state.problem.examples))
        began = time.perf_counter()
        lightest.warm_up()
        light = time.perf_counter() - began < _LIGHT and isinstance(state.problem.source, TensorSource)
        state.light = [lightest] if light else []
    elif time.perf_counter() - state.rested > _REST:
        for descent in state.light:
            descent.warm_up()


def _chunk(state: _Open, moments: int, until: float) -> tuple[Rows, int]:
    """Carry out at most so many moments; the rows in their order, and how many moments were planned."""
    began = time.perf_counter()
    racers = [descent for descent in state.descents if not descent.finished]
    turns = plan(state.clock, racers, moments, until)
    blocks, planned = [NO_ROWS], 0
    for turn in turns:
        rows = racers[turn.racer].advance(len(turn.moments))
        rows["moment"] = state.moment + turn.moments[: len(rows)]
        if state.clock == "seconds":
            going = [racer.seconds for racer in racers if not racer.finished]
            state.position = min(going) if going else max(racer.seconds for racer in racers)
            rows["position"] = state.position
        else:
            state.position = max(state.position, turn.positions[-1])
            rows["position"] = turn.positions[: len(rows)]
        blocks.append(rows)
        planned = max(planned, int(turn.moments[-1]))
    state.pace = planned / (time.perf_counter() - began)
    rows = np.concatenate(blocks)
    rows["clock"] = _clock_number(state.clock)
    state.moment = int(rows["moment"].max(initial=state.moment))
    return rows[np.argsort(rows["moment"], kind="stable")], planned


def _new_troubles(state: _Open) -> tuple[Trouble, ...]:
    """What stopped runs since it was last asked."""
    troubles = tuple(descent.trouble for descent in state.descents if descent.trouble is not None)
    for descent in state.descents:
        descent.trouble = None
    return troubles


def _inspect(state: _Open, command: Inspect) -> Inspected:
    plane = None if state.trails is None else state.trails.plane
    reports: list[UpdateReport | None] = []
    for index, descent in enumerate(state.descents):
        update = descent.update if command.updates is None else command.updates[index]
        before = None if command.before is None else torch.tensor(command.before[index]).to(descent.vector)
        reports.append(descent.report(update, before, plane) if update > 0 else None)
    return Inspected(tuple(reports))


def _survey(state: _Open, command: Survey) -> Surveyed:
    """Go on with the landscape that is asked for, or begin it."""
    number = 0 if state.trails is None else state.trails.number
    key = (command.window, command.columns, command.rows, command.run, number)
    if state.survey is None or state.survey[0] != key:
        place = None if state.trails is None else state.trails.plane.at
        module = state.descents[command.run].module
        pictures = survey(state.problem, module, place, command.window, command.columns, command.rows)
        state.survey = key, pictures, None
    _, pictures, picture = state.survey
    state.survey = None  # what raises half way cannot go on
    deadline = time.perf_counter() + command.budget
    while picture is None or picture.progress < command.enough:
        picture = next(pictures)
        if time.perf_counter() >= deadline:
            break
    state.survey = key, pictures, picture
    return Surveyed(command.window, picture.values, picture.progress, number, picture.examples, command.run)
