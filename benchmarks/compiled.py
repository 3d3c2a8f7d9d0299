"""What compiling is worth: updates a second of compiled runs against a plain loop of PyTorch.

Each two-parameter problem at batch sizes 1, 32 and all, on one thread of the CPU. The plain loop is DataLoader, the
problem's module and torch.optim.SGD, and logs the loss with `.item()`; ours is a race of one compiled run, which
records every update and reports as much as a screen gets. Neither evaluates the loss over all examples. For linear at
batch size 1 scikit-learn's SGDRegressor is a second peer, of a million updates a turn, since of few of them most is the
call: it records nothing, and shuffles by cheaper random numbers than those of a DataLoader. Last comes the whole of
`gdsim run linear --run name=s,batch_size=1 --updates 1000000` without its start, evaluations included, with and without
an export.
"""

import itertools
import math
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import torch
from sklearn.linear_model import SGDRegressor
from torch.utils.data import DataLoader

from benchmarks.turns import Line, Work, race
from sim.descent.backends import steppers_of
from sim.descent.race import Race
from sim.engine import Engine
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.problem import ProblemConfig
from sim.experiment.resolved import resolve
from sim.models.evaluation import passes
from sim.models.problem import Problem, formula_problem
from sim.problems import build_formula, registry
from sim.problems.formula import Formula
from sim.protocol.commands import Retention
from tui import export
from tui.headless import descend
from tui.spool import Spool

THREADS = (1,)
FAST = ("linear", "logistic", "sine")
NEVER, WHOLE = 10**9, 1_000_000


def goal(name: str, size: int, examples: int) -> float:
    """How many times as many updates as the plain loop."""
    if size == 1:
        return 1000 if name in FAST else 300
    return 50 if size == examples else 100


def plain_loop(problem: Problem, size: int, lr: float, seed: int = 0) -> Iterator[float]:
    """The batch loss of each update, for ever: what anybody would write."""
    model = problem.twin(problem.model)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    loader = DataLoader(problem.source.dataset(), size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    while True:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = problem.loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            yield loss.item()


def compiled_race(problem: Problem, run: RunConfig, seed: int = 0) -> Race:
    """One compiled run at its start."""
    experiment = resolve(Experiment(runs=(run,), seed=seed, backend="compiled"), problem.facts, "cpu")
    _, make, _ = steppers_of(problem, experiment, "compiled")
    return Race(
        experiment, make, passes(problem, problem.model), Retention(rows=4096), keep_all=problem.formula is None
    )


def in_scikit_learn(formula: Formula, lr: float) -> Work:
    """scikit-learn's own descent on squared errors, whose steps are half as long for the same rate."""

    def work(updates: int) -> None:
        epochs = max(1, updates // formula.examples)
        descent = SGDRegressor(penalty=None, max_iter=epochs, tol=None, learning_rate="constant", eta0=2 * lr)
        descent.fit(formula.inputs[:, None], formula.targets)

    return work


def steps_of(descent: Race) -> Work:
    """Updates of a race, whose trails are taken away as a screen does."""

    def work(updates: int) -> None:
        descent.advance(updates, math.inf, math.inf)
        descent.forget_snapshots()

    return work


def of_loop(loop: Iterator[float]) -> Work:
    """Updates of a plain loop."""
    return lambda updates: deque(itertools.islice(loop, updates), maxlen=0)


def of_problem(name: str) -> Iterator[Line]:
    """The lines of a problem."""
    formula = build_formula(ProblemConfig(name))
    problem = formula_problem(formula, formula.start, torch.device("cpu"))
    lr = formula.lr / 10  # no run may diverge, however long it is
    for size in (1, 32, formula.examples):
        label = f"{name}, {'all' if size == formula.examples else size}"
        ours = steps_of(compiled_race(problem, RunConfig("run", size, lr=lr, loss_every=NEVER)))
        yield race(label, ours, of_loop(plain_loop(problem, size, lr)), goal(name, size, formula.examples))
        if name == "linear" and size == 1:
            yield race(f"{label}, SGDRegressor", ours, in_scikit_learn(formula, lr), 1, (WHOLE, WHOLE))


def of_whole_runs() -> Iterator[Line]:
    """The lines of a whole run, from the opened experiment to the last row, and to the last byte of its export."""
    run, ask = RunConfig("s", 1), Engine().ask
    formula = build_formula(ProblemConfig())
    problem = formula_problem(formula, formula.start, torch.device("cpu"))

    def work(updates: int, path: Path | None = None) -> None:
        spool = None if path is None else Spool(path.parent)
        outcome = descend(Experiment(runs=(run,), limit=Limit("updates", updates), backend="compiled"), ask, spool)
        if path is not None:
            export.write_pieces(outcome.pieces, outcome.columns, ["s"], path)

    plain = of_loop(plain_loop(problem, 1, formula.lr))
    yield race("gdsim run linear", work, plain, 300, (WHOLE, 0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        yield race("gdsim run linear --export", lambda updates: work(updates, path), plain, 100, (WHOLE, 0))


def lines() -> Iterator[Line]:
    """Each problem, and whole runs."""
    for name in registry():
        yield from of_problem(name)
    yield from of_whole_runs()
