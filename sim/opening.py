"""An experiment is opened: what it minimises is built, and its runs stand at the start, or where it was recorded."""

import time

import numpy as np
import torch
from torch.nn import functional

from sim.descent.backends import steppers_of
from sim.descent.checkpoints import Checkpoints, resume
from sim.descent.race import Race
from sim.descent.torch_stepper import GRADIENT_TOLERANCE
from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.problem import LoopConfig, ModelConfig
from sim.experiment.resolved import resolve
from sim.experiment.words import first_line
from sim.measures.measure import Passes
from sim.models.build import model_problem
from sim.models.device import choose_device, describe
from sim.models.evaluation import passes
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula
from sim.problems.own_formula import require_finite
from sim.protocol.answers import Opened
from sim.protocol.checkpoint import Resume
from sim.protocol.commands import Open
from sim.protocol.trace import Rows
from sim.under_way import UnderWay
from sim.views.trails import trails_of

_SAME_LOSS = 1e-4  # relative: other machines round otherwise


def open_experiment(command: Open) -> tuple[UnderWay, Opened]:
    """The experiment of a command, at its start or where it goes on, and what is answered of it.

    Raises:
        ConfigError: for what cannot be done. Whatever the user's own code raises is passed on.
    """
    problem = problem_of(command.experiment)
    asked = command.experiment
    experiment = resolve(asked, problem.facts, str(problem.device))
    experiment, make, note = steppers_of(problem, experiment, asked.backend)
    trails = trails_of(experiment.plane, problem.model, experiment.seed)
    _warm_up()
    found, pass_seconds = _timed_passes(problem)
    if problem.formula is not None:  # the user's own code may remember how often it was called
        pass_seconds = min(pass_seconds, _timed_passes(problem)[1])
    race = Race(experiment, make, found, command.retention, keep_all=trails.fitted)
    state = UnderWay(experiment, problem, race, trails, Checkpoints(race, keeps_snapshots=trails.fitted))
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


def _go_on(state: UnderWay, start: Rows, recorded: Resume) -> None:
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


def _warm_up() -> None:
    """Have torch do what it does but once, at its first operations, before anything is timed."""
    with torch.no_grad():
        functional.cross_entropy(torch.zeros(2, 2) @ torch.zeros(2, 2), torch.zeros(2, dtype=torch.long))


def _timed_passes(problem: Problem) -> tuple[Passes, float]:
    """What passes over all examples find at the start, and the seconds that they take.

    Where nothing is waited for, those of the processor at most: another program that is busy makes no pass dear.
    """
    began, busy = time.perf_counter(), time.process_time()
    found = passes(problem, problem.model)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    waits = problem.facts.one_by_one or problem.device.type != "cpu"
    return found, seconds if waits else min(seconds, busy)


def problem_of(experiment: Experiment) -> Problem:
    """What an experiment minimises.

    Raises:
        ConfigError: for what cannot be done. Whatever the user's own code raises is passed on.
    """
    config = experiment.problem
    if isinstance(config, LoopConfig):
        raise ConfigError(config.refusal)
    small = experiment.device == "auto" and not isinstance(config, ModelConfig)  # a GPU would be slower
    device = choose_device("cpu" if small else experiment.device)
    if isinstance(config, ModelConfig):
        return model_problem(config, experiment.seed, device)
    formula = build_formula(config)
    start = experiment.start or formula.start
    if config.own_file is not None:
        require_finite(formula, start)
    return formula_problem(formula, start, device)
