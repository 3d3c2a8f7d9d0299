"""One run by itself, as tests want it: a stepper, its state, and what it did by column."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.descent.course import Course
from sim.descent.state import module_at
from sim.descent.stepper import Block
from sim.descent.torch_stepper import TorchStepper
from sim.engine import Engine
from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.resolved import Resolved, resolve
from sim.models.evaluation import passes
from sim.models.problem import Problem
from sim.protocol.answers import Failed, Result, Worked
from sim.protocol.commands import Job, Work
from sim.protocol.trace import Status


def resolved(problem: Problem, *runs: RunConfig, rate: float | None = None, **fields: Any) -> Resolved:
    """An experiment of these runs on a problem; all optimizers take the rate, if there is one."""
    facts = problem.facts
    if rate is not None:
        facts = replace(facts, rates=dict.fromkeys(OPTIMIZERS, rate))
    return resolve(Experiment(runs=runs, **fields), facts, str(problem.device))


class OneRun:
    """A run that goes on whenever it is told to."""

    def __init__(
        self, problem: Problem, run: RunConfig, *, rate: float | None = 0.1, seed: int = 0, limit: Limit | None = None
    ) -> None:
        self.problem = problem
        self.course = Course(resolved(problem, run, rate=rate, seed=seed, limit=limit), 0)
        self.stepper = TorchStepper(problem, self.course)
        self.passes = passes(problem, problem.model)
        self.state = self.stepper.start(self.passes)

    def advance(self, updates: int) -> "Made":
        """Make updates; fewer where it ends."""
        self.state, block = self.stepper.advance(self.state, updates)
        return Made(block, self.course)

    @property
    def vector(self) -> Tensor:
        """Its parameters, shape (P,)."""
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
            "x": block.places[:, 0].numpy(),
            "y": block.places[:, 1].numpy(),
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.block)


def work(engine: Engine, job: Job) -> Result | Failed:
    """What comes of a job in the end."""
    while True:
        answer = engine.ask(Work((job,), 60.0))
        assert isinstance(answer, Worked), answer
        if not answer.pending:
            ((_, result),) = answer.results
            return result


def module_of(engine: Engine, run: int) -> nn.Module:
    """A run's model as it stands."""
    state = engine._open
    assert state is not None
    return module_at(state.problem, state.race.run_state(run))


def flat(module: nn.Module) -> Tensor:
    """Its parameters as one vector."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])
