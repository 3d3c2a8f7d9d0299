"""Opens an experiment and answers commands with what the terminal needs to draw it."""

import time
import traceback
from dataclasses import dataclass

import numpy as np
import torch

from sim.clock import plan
from sim.commands import (
    Advance,
    Advanced,
    Answer,
    Command,
    Done,
    Failed,
    Inspect,
    Inspected,
    Open,
    Opened,
    SetClock,
    Survey,
    Surveyed,
)
from sim.descent import GRADIENT_TOLERANCE, Descent
from sim.device import choose_device, describe
from sim.experiment import CLOCKS, Clock, ConfigError, Experiment
from sim.landscape import survey
from sim.problem import Problem, formula_problem
from sim.problems import build_formula
from sim.trace import NO_ROWS, Rows

_COUNTERS: dict[Clock, str] = {"updates": "update", "examples": "examples", "seconds": "seconds"}
_LONGEST_CHUNK = 256  # moments between two looks at the time


@dataclass(slots=True)
class _Open:
    """An experiment under way."""

    problem: Problem
    descents: list[Descent]
    clock: Clock
    moment: int = 0
    position: float = 0.0
    warm: bool = False


class Engine:
    """Carries out one experiment at a time. Every command has exactly one answer; none raises."""

    def __init__(self) -> None:
        self._open: _Open | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command; what goes wrong is an answer, too."""
        try:
            return self._carry_out(command)
        except ConfigError as error:
            return Failed(str(error), config=True)
        except MemoryError:
            return Failed("Out of memory; a smaller batch or data set may fit.", traceback.format_exc())
        except Exception as error:
            return Failed(f"{type(error).__name__}: {error}", traceback.format_exc())

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
            case Survey(window, columns, rows):
                return Surveyed(window, survey(self._open.problem, window, columns, rows))

    def _begin(self, experiment: Experiment) -> Opened:
        self._open = None
        device = choose_device(experiment.device)
        formula = build_formula(experiment.problem)
        experiment = experiment.resolved(formula.lr, formula.start, formula.examples)
        torch.manual_seed(experiment.seed)
        problem = formula_problem(formula, experiment.problem.start or formula.start, device)
        descents = [Descent(problem, experiment, index) for index in range(len(experiment.runs))]
        rows = np.concatenate([descent.start() for descent in descents])
        rows["clock"] = _clock_number(experiment.clock)
        self._open = _Open(problem, descents, experiment.clock)
        return Opened(
            rows=rows,
            examples=problem.examples,
            parameters=sum(parameter.numel() for parameter in problem.model.parameters()),
            device=describe(device),
            loss_every=tuple(descent.loss_every for descent in descents),
            tolerance=GRADIENT_TOLERANCE,
        )


def _clock_number(clock: Clock) -> int:
    return list(CLOCKS).index(clock)


def _set_clock(state: _Open, clock: Clock) -> None:
    """Go on by another clock, from where the run that is furthest behind on it stands."""
    state.clock = clock
    going = [descent for descent in state.descents if not descent.finished]
    state.position = float(min((getattr(descent, _COUNTERS[clock]) for descent in going), default=0.0))


def _advance(state: _Open, command: Advance) -> Advanced:
    """Plan and carry out chunks of moments until there are enough, or the time is up."""
    if not state.warm:
        for descent in state.descents:
            descent.warm_up()
        state.warm = True
    began, until = state.position, state.position + command.span
    deadline = time.perf_counter() + command.budget
    blocks: list[Rows] = []
    left, chunk = command.moments, 1
    while left > 0:
        block, planned = _chunk(state, min(left, chunk), until)
        if not planned:
            break
        blocks.append(block)
        left -= planned
        if time.perf_counter() >= deadline:
            break
        chunk = min(2 * chunk, _LONGEST_CHUNK)
    return Advanced(
        rows=np.concatenate(blocks) if blocks else NO_ROWS,
        covered=state.position - began,
        finished=all(descent.finished for descent in state.descents),
    )


def _chunk(state: _Open, moments: int, until: float) -> tuple[Rows, int]:
    """Carry out at most so many moments; the rows in their order, and how many moments were planned."""
    racers = [descent for descent in state.descents if not descent.finished]
    turns = plan(state.clock, racers, moments, until)
    blocks, planned = [NO_ROWS], 0
    for turn in turns:
        rows = racers[turn.racer].advance(len(turn.moments))
        rows["moment"] = state.moment + turn.moments[: len(rows)]
        if state.clock == "seconds":
            state.position = min((racer.seconds for racer in racers if not racer.finished), default=until)
            rows["position"] = state.position
        else:
            state.position = max(state.position, turn.positions[-1])
            rows["position"] = turn.positions[: len(rows)]
        blocks.append(rows)
        planned = max(planned, int(turn.moments[-1]))
    state.moment += planned
    rows = np.concatenate(blocks)
    rows["clock"] = _clock_number(state.clock)
    return rows[np.argsort(rows["moment"], kind="stable")], planned


def _inspect(state: _Open, command: Inspect) -> Inspected:
    return Inspected(
        tuple(
            descent.report(update, torch.tensor(before).to(descent.vector)) if update > 0 else None
            for descent, update, before in zip(state.descents, command.updates, command.before, strict=True)
        )
    )
