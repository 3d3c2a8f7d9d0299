"""What an experiment comes to: numbers only, made once, in the engine. Imports no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sim.experiment.backend import chosen_backend
from sim.experiment.choices import Backend, Clock, Optimizer, PlaneName, Sampling, Schedule
from sim.experiment.config import Experiment, Limit, RunConfig, runs_after
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import Journal
from sim.experiment.memory import require_memory_for_seeds
from sim.experiment.problem import AnyProblem, ModelConfig

MINI_BATCH_SIZE = 32
IDENTITY_PARAMETERS = 2  # which are their own plane


@dataclass(frozen=True, slots=True)
class Facts:
    """What an experiment depends on and only the problem knows.

    Attributes:
        examples: N, for training; 0 where a loop was recorded that did not say.
        parameters: P.
        rates: the learning rate of each optimizer for runs that name none.
        start: where runs begin on a plane of two parameters; None for a model, which begins as it was made.
        one_by_one: whether examples are made one by one, which is dear.
    """

    examples: int
    parameters: int
    rates: Mapping[Optimizer, float]
    start: Point | None = None
    one_by_one: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One descent, with nothing left open. The fields are those of `RunConfig`.

    Attributes:
        full_batch: whether each update uses every example once.
    """

    name: str
    batch_size: int
    full_batch: bool
    lr: float
    optimizer: Optimizer
    momentum: float
    nesterov: bool
    sampling: Sampling
    drop_last: bool
    schedule: Schedule
    schedule_updates: int
    loss_every: int


class Stage(NamedTuple):
    """The settings of a run after one of its updates, and from there on.

    Attributes:
        update: which.
        run: the settings.
        asked: what they were resolved from.
    """

    update: int
    run: Run
    asked: RunConfig


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run comes from, and its settings over time.

    Attributes:
        stages: the first one of update 0; for a fork, those that it has in common with its parent, too.
        parent: the index of the run that it branched off; None if it was there from the start.
        update: the last one that both have in common.
        moment: the last one without it.
    """

    stages: tuple[Stage, ...]
    parent: int | None = None
    update: int = 0
    moment: int = 0

    def after(self, update: int) -> Stage:
        """The settings after an update: those that the next one is made with, under the run's own name."""
        stage, name = next(one for one in reversed(self.stages) if one.update <= update), self.newest.name
        if stage.run.name == name:
            return stage
        return stage._replace(run=replace(stage.run, name=name), asked=replace(stage.asked, name=name))

    @property
    def newest(self) -> Run:
        """The settings as they are now."""
        return self.stages[-1].run


@dataclass(frozen=True, slots=True)
class Resolved:
    """An experiment with nothing left open.

    Attributes:
        problem: what is minimised, as asked for.
        start: where all runs begin; None for a model, which begins as it was made.
        asked: the descents at the start, as asked for.
        runs: what they come to, in their order.
        seed: as asked for.
        seeds: from how many each run is made.
        clock: the one at the start.
        device: where it is computed: "cpu", "cuda:0".
        backend: who makes the updates.
        plane: how the parameters are seen at first.
        facts: what only the problem knows.
        limit: where the runs end; None: nowhere.
        changes: what changes on the way.
    """

    problem: AnyProblem
    start: Point | None
    asked: tuple[RunConfig, ...] = field(compare=False)  # of which the others are made
    runs: tuple[Run, ...]
    seed: int
    seeds: int
    clock: Clock
    device: str
    backend: Backend
    plane: PlaneName
    facts: Facts
    limit: Limit | None
    changes: Journal

    @property
    def examples(self) -> int:
        """N, for training."""
        return self.facts.examples

    @property
    def parameters(self) -> int:
        """P."""
        return self.facts.parameters

    def with_backend(self, backend: Backend) -> "Resolved":
        """The same with its updates made by another backend."""
        runs = tuple(resolve_run(run, self.facts, backend) for run in self.asked)
        return replace(self, backend=backend, runs=runs)

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        """The runs as they begin."""
        return tuple(Lineage((Stage(0, run, asked),)) for run, asked in zip(self.runs, self.asked, strict=True))


def resolve(asked: Experiment, facts: Facts, device: str) -> Resolved:
    """The experiment with what its problem decides filled in.

    Raises:
        ConfigError: if a batch size exceeds the number of examples, at the start or after a change, or if the backend
            cannot do it.
    """
    backend = _backend(asked, facts, device)
    for made in range(1, len(asked.changes) + 1):
        for run in runs_after(asked.runs, asked.changes[:made]):
            resolve_run(run, facts, backend)
    if asked.seeds > 1:
        require_memory_for_seeds(asked.seeds, len(asked.runs), facts.examples)
    return Resolved(
        problem=asked.problem,
        start=facts.start,
        asked=asked.runs,
        runs=tuple(resolve_run(run, facts, backend) for run in asked.runs),
        seed=asked.seed,
        seeds=asked.seeds,
        clock=asked.clock,
        device=device,
        backend=backend,
        plane="identity" if facts.parameters == IDENTITY_PARAMETERS else asked.plane,
        facts=facts,
        limit=asked.limit,
        changes=asked.changes,
    )


def _backend(asked: Experiment, facts: Facts, device: str) -> Backend:
    """Who makes the updates."""
    sizes = [_batch_size(run, facts.examples) for run in asked.runs]
    return chosen_backend(
        asked.backend,
        is_model=isinstance(asked.problem, ModelConfig),
        work=max(sizes) * facts.parameters,
        device=device,
        updates=sum(_updates(asked.limit, size, facts.examples) for size in sizes),
        seeds=asked.seeds,
    )


def resolve_run(run: RunConfig, facts: Facts, backend: Backend = "torch") -> Run:
    """A descent with what its problem, and who makes its updates, decide filled in.

    Raises:
        ConfigError: if its batch size exceeds the number of examples.
    """
    size = _batch_size(run, facts.examples)
    return Run(
        name=run.name,
        batch_size=size,
        full_batch=size == facts.examples and run.sampling != "replacement",
        lr=facts.rates[run.optimizer] if run.lr is None else run.lr,
        optimizer=run.optimizer,
        momentum=run.momentum,
        nesterov=run.nesterov,
        sampling=run.sampling,
        drop_last=run.drop_last,
        schedule=run.schedule,
        schedule_updates=run.schedule_updates,
        loss_every=run.loss_every or _loss_every(size, facts, backend),
    )


def _updates(limit: Limit | None, batch_size: int, examples: int) -> float:
    """How many updates a run is to make; 0 where that is not known beforehand."""
    match limit:
        case Limit("updates", value):
            return value
        case Limit("epochs", value):
            return value * examples / batch_size
        case _:
            return 0.0


def _batch_size(run: RunConfig, examples: int) -> int:
    if run.batch_size is None:
        return MINI_BATCH_SIZE if examples >= MINI_BATCH_SIZE else max(1, examples // 2)
    size = examples if run.batch_size == "all" else run.batch_size
    if 0 < examples < size:
        has = f"{examples} examples, so choose 1 to {examples}, or 'all'" if examples > 1 else "1 example, so choose 1"
        raise ConfigError(f"Run {run.name!r}: batch_size {size} is larger than the data set; it has {has}.")
    return size


_OVERHEADS: dict[Backend, int] = {"torch": 500_000, "compiled": 10_000}
"""Of an update, in multiplications."""


def _loss_every(batch_size: int, facts: Facts, backend: Backend) -> int:
    """How often to evaluate the loss over all examples, so that it costs about as much as the updates between.

    A forward pass over N examples against a forward and backward pass over b of them, and an update's overhead. 1 for
    small problems. Where examples are made one by one, that is what costs: an epoch lies between.
    """
    examples, parameters = facts.examples, facts.parameters
    if facts.one_by_one:
        return math.ceil(examples / batch_size)
    return max(1, round(examples * parameters / (3 * batch_size * parameters + _OVERHEADS[backend])))
