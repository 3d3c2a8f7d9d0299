"""What making many seeds at once is worth: run-updates a second of an ensemble, bands included.

`linear` by 256 seeds at batch sizes 1, 32 and all, each update reported as to a screen, the loss over all examples
evaluated as by default. The first peer is what anybody would write: a plain loop over seeds of DataLoader, the
problem's module and torch.optim.SGD, without bands and without that loss. The second one makes our own compiled runs
one after the other, without bands. Then come more and more seeds, and two threads against one.
"""

import itertools
import math
from collections.abc import Iterator

import torch

from benchmarks.compiled import compiled_race, of_loop, plain_loop, steps_of
from benchmarks.turns import TURNS, Line, Work, line, pace
from sim.descent.ensemble_stepper import EnsembleStepper
from sim.descent.race import Race
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ProblemConfig
from sim.experiment.resolved import resolve
from sim.kernels.formula import kernels_of
from sim.models.evaluation import passes
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula
from sim.protocol.commands import Retention

THREADS = (2,)
SEEDS, GOAL, SPEED_UP = 256, 1_000_000, 1.6
_GROWTH, _FEW = (2, 16, 256, 4096), 200  # seeds, and updates of each
_PLAIN = 200  # updates of a plain loop in a turn


def ensemble(problem: Problem, size: int, seeds: int, threads: int = 1) -> Work:
    """So many updates of all seeds together."""
    experiment = resolve(Experiment(runs=(RunConfig("run", size),), seeds=seeds), problem.facts, "cpu")
    assert problem.formula is not None
    kernels = kernels_of(problem.formula)
    descent = Race(
        experiment,
        lambda course: EnsembleStepper(problem, kernels, course, threads=threads),
        passes(problem, problem.model),
        Retention(rows=4096),
        keep_all=False,
    )

    work = steps_of(descent)
    return lambda run_updates: work(max(1, run_updates // seeds))


def one_by_one(problem: Problem, size: int) -> Work:
    """The updates of compiled runs, each seed's after those of another."""
    seeds, run = itertools.count(), RunConfig("run", size)
    return lambda updates: compiled_race(problem, run, next(seeds)).advance(updates, math.inf, math.inf)


def plain_loops(problem: Problem, size: int, lr: float) -> Work:
    """The updates of plain loops, each seed's after those of another."""
    seeds = itertools.count()
    return lambda updates: of_loop(plain_loop(problem, size, lr, next(seeds)))(updates)


def lines() -> Iterator[Line]:
    """The lines of the table."""
    formula = build_formula(ProblemConfig())
    problem = formula_problem(formula, formula.start, torch.device("cpu"))
    for size in (1, 32, formula.examples):
        case = f"linear, {'all' if size == formula.examples else size}, {SEEDS} seeds"
        count = SEEDS * {1: 4000, 32: 1000}.get(size, 100)
        ours, loops = ensemble(problem, size, SEEDS), plain_loops(problem, size, formula.lr)
        alone = one_by_one(problem, size)
        yield line(f"{case}, against plain loops", *_turns(ours, loops, count, _PLAIN))
        yield line(f"{case}, against one by one", *_turns(ours, alone, count, count // SEEDS))
    for seeds in _GROWTH:
        some = ensemble(problem, 1, seeds)
        some(_FEW * seeds)
        yield line(f"linear, 1, {seeds:,} seeds", [pace(some, _FEW * seeds) for _ in range(TURNS)])
    one, two = (ensemble(problem, 1, SEEDS, threads) for threads in (1, 2))
    faster, paces = _turns(two, one, 2 * GOAL, 2 * GOAL)
    yield line(f"linear, 1, {SEEDS} seeds, one thread", paces, goal=GOAL)
    yield line(f"linear, 1, {SEEDS} seeds, two threads against one", faster, paces, goal=SPEED_UP)


def _turns(ours: Work, peer: Work, our_count: int, peer_count: int) -> tuple[list[float], list[float]]:
    """Updates a second of the two, which take turns, after a warm-up."""
    pace(ours, our_count), pace(peer, peer_count)
    turns = [(pace(ours, our_count), pace(peer, peer_count)) for _ in range(TURNS)]
    return [one for one, _ in turns], [other for _, other in turns]
