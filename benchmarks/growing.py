"""A race under way in a process of its own, whose memory is therefore its own: one point of `growth`.

    python -m benchmarks.growing QUANTITY SIZE BACKEND

It answers each line that it reads with the microseconds of an update (of one run, by one seed), and their end with the
most memory that it had, in megabytes.
"""

import math
import sys
from typing import cast

import torch

from benchmarks.resident import peak
from benchmarks.turns import seconds
from sim.descent.backends import steppers_of
from sim.descent.race import Race
from sim.experiment.choices import Backend
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.experiment.resolved import resolve
from sim.models.build import model_problem
from sim.models.evaluation import passes
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula
from sim.protocol.commands import Retention

NEVER, LEAST = 10**9, 3  # updates: between two evaluations; and of a turn
TURN, WARM_UPS = 0.1, 5  # seconds that a turn of more updates than that takes; and turns before the first
CPU = torch.device("cpu")


def network(examples: int = 1000, width: int = 64) -> Problem:
    """A dense network of two hidden layers on synthetic data of 64 features and 10 classes."""
    config = ModelConfig(dataset="synthetic", examples=examples, hidden=(width, width), test_fraction=0.0)
    return model_problem(config, 0, CPU)


def width_of(parameters: int) -> int:
    """How wide the layers of such a network are, for about so many parameters."""
    return max(1, round((math.sqrt(76**2 + 4 * parameters) - 76) / 2))


def line() -> Problem:
    """The problem `linear`, which has two parameters."""
    formula = build_formula(ProblemConfig())
    return formula_problem(formula, formula.start, CPU)


def problem_of(quantity: str, size: int) -> Problem:
    """What is minimised where a quantity has that size."""
    match quantity:
        case "examples":
            return network(examples=size)
        case "parameters" if size > 2:
            return network(width=width_of(size))
        case "runs":
            return network()
        case _:
            return line()


class Case:
    """A race of stochastic descents that have made some updates."""

    def __init__(self, quantity: str, size: int, backend: Backend) -> None:
        problem, self._seeds = problem_of(quantity, size), size if quantity == "seeds" else 1
        asked = tuple(
            RunConfig(str(run), 1, lr=1e-4, loss_every=NEVER) for run in range(size if quantity == "runs" else 1)
        )
        experiment = resolve(Experiment(runs=asked, seeds=self._seeds, backend=backend), problem.facts, "cpu")
        experiment, make, _ = steppers_of(problem, experiment, backend)
        self._keep_all, self._runs, self._updates = problem.formula is None, len(asked), LEAST
        self._race = Race(
            experiment, make, passes(problem, problem.model), Retention(rows=4096), keep_all=self._keep_all
        )
        self._advance(size if quantity == "updates" else LEAST)
        while (spent := seconds(lambda: self._advance(self._updates))) < TURN / 2:
            self._updates = math.ceil(self._updates * min(10.0, TURN / max(spent, TURN / 100)))
        for _ in range(WARM_UPS):  # at first much is kept of a run, and thinned out
            self.turn()

    def _advance(self, updates: int) -> None:
        self._race.advance(updates, math.inf, math.inf)
        if not self._keep_all:
            self._race.forget_snapshots()

    def turn(self) -> float:
        """The microseconds of an update, of one run, by one seed."""
        return 1e6 * seconds(lambda: self._advance(self._updates)) / self._updates / self._runs / self._seeds


def main() -> None:
    """Answer until nothing more is asked."""
    quantity, size, backend = sys.argv[1:]
    case = Case(quantity, int(size), cast(Backend, backend))
    for _ in sys.stdin:
        print(case.turn(), flush=True)
    print(peak())


if __name__ == "__main__":
    main()
