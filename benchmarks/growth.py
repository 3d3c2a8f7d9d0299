"""How an update's time grows: with the examples, the parameters, the updates made so far, and the runs beside it.

Each line is the time of an update beside that of the smallest case. It is to be flat (at most twice as much) in
examples and updates; the work grows with parameters and with runs. Batch size 1, by torch and compiled; races report as
much as a screen gets, keep what they keep, and evaluate no loss over all examples.
"""

import math
from collections.abc import Iterator, Mapping

import torch

from benchmarks.turns import TURNS, Line, line, seconds
from sim.descent.backends import steppers_of
from sim.descent.race import Race
from sim.experiment.choices import Backend
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.experiment.resolved import resolve
from sim.experiment.seeds import Seeds
from sim.models.build import model_problem
from sim.models.evaluation import passes
from sim.models.problem import Problem
from sim.protocol.commands import Retention

THREADS = (1,)
NEVER, FLAT = 10**9, 2.0
EXAMPLES = (100, 10_000, 1_000_000)
HIDDEN = ((1,), (64, 64), (1000, 1000), (3000, 3000))
MADE: dict[Backend, tuple[int, ...]] = {"torch": (100, 1000, 10_000), "compiled": (10_000, 100_000, 1_000_000)}
RUNS = (1, 3, 9)
UPDATES: dict[Backend, int] = {"torch": 100, "compiled": 2000}  # of a turn, of a small network
SMALL, LEAST = 10_000, 3  # parameters; and updates of a turn, of a network however large


def problem_with(examples: int = 1000, hidden: tuple[int, ...] = (64, 64)) -> Problem:
    """A dense network on synthetic data."""
    config = ModelConfig(dataset="synthetic", examples=examples, hidden=hidden, test_fraction=0.0)
    return model_problem(config, Seeds.of(0), torch.device("cpu"))


class Case:
    """A race under way."""

    def __init__(self, problem: Problem, backend: Backend, runs: int = 1, made: int = 0) -> None:
        asked = tuple(RunConfig(str(run), 1, lr=1e-3, loss_every=NEVER) for run in range(runs))
        experiment = resolve(Experiment(ModelConfig(), asked, backend=backend), problem.facts, "cpu")
        experiment, make, _ = steppers_of(problem, experiment, backend)
        self._race = Race(experiment, make, passes(problem, problem.model), Retention(rows=4096), keep_all=True)
        self._updates = max(LEAST, UPDATES[backend] * SMALL // max(SMALL, problem.facts.parameters))
        self._race.advance(max(made, self._updates), math.inf, math.inf)

    def turn(self) -> float:
        """The microseconds of an update of all runs."""
        return 1e6 * seconds(lambda: self._race.advance(self._updates, math.inf, math.inf)) / self._updates


def grown(cases: Mapping[str, Case], goal: float | None) -> Iterator[Line]:
    """The lines of cases that take turns, each beside the first."""
    turns = [[case.turn() for case in cases.values()] for _ in range(TURNS)]
    first, *others = zip(*turns, strict=True)
    smallest, *names = cases
    for name, column in zip(names, others, strict=True):
        yield line(f"{name} ({smallest})", column, first, "µs", goal, at_most=goal is not None)


def lines() -> Iterator[Line]:
    """Each quantity, for each backend."""
    for backend, made in MADE.items():
        examples = {f"{backend}, examples {size:,}": Case(problem_with(size), backend) for size in EXAMPLES}
        yield from grown(examples, FLAT)
        problems = [problem_with(hidden=hidden) for hidden in HIDDEN]
        yield from grown({f"{backend}, P {one.facts.parameters:,}": Case(one, backend) for one in problems}, None)
        yield from grown({f"{backend}, runs {runs}": Case(problem_with(), backend, runs) for runs in RUNS}, None)
        tiny = problem_with(hidden=(8,))
        yield from grown({f"{backend}, made {count:,}": Case(tiny, backend, made=count) for count in made}, FLAT)
