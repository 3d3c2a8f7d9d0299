"""Runs as tests want them: one by itself with what it did by column, and a race without an engine around it."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.descent.backends import steppers_of
from sim.descent.course import Course
from sim.descent.ensemble_stepper import EnsembleStepper
from sim.descent.race import Race
from sim.descent.state import module_at
from sim.descent.stepper import Block, Stepper
from sim.descent.torch_stepper import TorchStepper
from sim.engine import Engine
from sim.experiment.choices import OPTIMIZERS, Backend
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.resolved import Resolved, resolve
from sim.kernels.formula import kernels_of
from sim.models.evaluation import passes
from sim.models.problem import Problem
from sim.protocol.answers import Failed, Worked
from sim.protocol.commands import Job, Retention, Work
from sim.protocol.results import Result
from sim.protocol.trace import Rows, Status


def resolved(problem: Problem, *runs: RunConfig, rate: float | None = None, **fields: Any) -> Resolved:
    """An experiment of these runs on a problem; all optimizers take the rate, if there is one."""
    facts = problem.facts
    if rate is not None:
        facts = replace(facts, rates=dict.fromkeys(OPTIMIZERS, rate))
    return resolve(Experiment(runs=runs, **fields), facts, str(problem.device))


class OneRun:
    """A run that goes on whenever it is asked to."""

    def __init__(
        self,
        problem: Problem,
        run: RunConfig,
        *,
        rate: float | None = 0.1,
        seed: int = 0,
        limit: Limit | None = None,
        backend: Backend | Literal["ensemble"] = "torch",
    ) -> None:
        """An ensemble is one of a single member here."""
        self.problem = problem
        asked: Backend = "compiled" if backend == "ensemble" else backend
        experiment = resolved(problem, run, rate=rate, seed=seed, limit=limit, backend=asked)
        self.course = Course(experiment.runs[0], 0, experiment)
        if backend == "ensemble":
            assert problem.formula is not None
            self.stepper: Stepper = EnsembleStepper(problem, kernels_of(problem.formula), self.course)
        else:
            _, make, _ = steppers_of(problem, experiment, asked)
            self.stepper = make(self.course)
        self.passes = passes(problem, problem.model)
        self.state = self.stepper.start(self.passes)

    def advance(self, updates: int) -> "Made":
        """Make updates; fewer where it ends."""
        self.state, block = self.stepper.advance(self.state, updates)
        return Made(block, self.course)

    @property
    def vector(self) -> Tensor:
        """Its parameters, shape (L,)."""
        return self.state.vector

    @property
    def module(self) -> nn.Module:
        """The model as it stands."""
        return module_at(self.problem, self.state)

    @property
    def status(self) -> Status:
        return self.state.status


class Made:
    """A block by column, with x and y for the first two parameters."""

    def __init__(self, block: Block, course: Course) -> None:
        updates = block.first + np.arange(len(block))
        assert block.kept.tolist() == updates.tolist()
        self.block = block
        self.columns: dict[str, NDArray[Any]] = {
            **course.counters(updates),
            **block.measures,
            "status": block.status,
            "seconds": block.seconds,
            "x": block.snapshots[:, 0].numpy(),
            "y": block.snapshots[:, 1].numpy(),
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.block)


def joined(parts: Iterable[Made]) -> dict[str, NDArray[Any]]:
    """Blocks that follow on one another, by column."""
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}


def race_of(
    problem: Problem,
    *runs: RunConfig,
    rate: float | None = None,
    costs: tuple[float, ...] = (),
    retention: Retention | None = None,
    **fields: Any,
) -> Race:
    """A race at its start.

    Args:
        problem: what is minimised.
        runs: its runs.
        rate: see `resolved`.
        costs: what an update of each run takes, in seconds, forks by turns; none: what it really takes.
        retention: how much to keep.
        fields: the experiment's others.
    """

    experiment = resolved(problem, *runs, rate=rate, **fields)
    _, usual, _ = steppers_of(problem, experiment, experiment.backend)

    def make(course: Course) -> Stepper:
        if not costs:
            return usual(course)
        return TorchStepper(problem, course, steady(costs[course.index % len(costs)]))

    found = passes(problem, problem.model)
    return Race(experiment, make, found, retention or Retention(), keep_all=experiment.plane != "identity")


def steady(cost: float) -> Callable[[], float]:
    """A timer that goes on by so many seconds whenever it is asked; by exactly as many, if that is a power of two."""
    return itertools.count(0.0, cost).__next__


def rows_of(race: Race, moments: int, span: float = math.inf) -> Rows:
    """What a race did in so many moments."""
    return race.advance(moments, span, math.inf).rows


def bits(value: Any) -> Any:
    """A state, or whatever is in one, as something that equals another one only where each bit does."""
    if isinstance(value, Tensor):
        return str(value.dtype), tuple(value.shape), value.cpu().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if is_dataclass(value):
        return {one.name: bits(getattr(value, one.name)) for one in dataclass_fields(value)}
    if isinstance(value, Mapping):
        return {name: bits(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits(part) for part in value]
    return value


def work(engine: Engine, job: Job) -> Result | Failed:
    """What comes of a job in the end."""
    while True:
        answer = worked(engine, job, 60.0)
        if not answer.pending:
            ((_, result),) = answer.results
            return result


def worked(engine: Engine, job: Job, budget: float) -> Worked:
    """How far a job gets in so many seconds."""
    answer = engine.ask(Work((job,), budget))
    assert isinstance(answer, Worked), answer
    return answer


def module_of(engine: Engine, run: int) -> nn.Module:
    """A run's model as it stands."""
    state = engine._open
    assert state is not None
    return module_at(state.problem, state.race.run_state(run))
