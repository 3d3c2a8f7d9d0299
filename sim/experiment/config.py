"""What is asked for: a frozen configuration, and what makes it valid. Imports no torch."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from sim.experiment.choices import (
    BACKENDS,
    OPTIMIZERS,
    BackendChoice,
    Clock,
    Optimizer,
    PlaneKind,
    Sampling,
    Schedule,
)
from sim.experiment.errors import ConfigError, choose, suggest
from sim.experiment.geometry import Point
from sim.experiment.journal import Change, ClockChange, Fork, Journal, Removal
from sim.experiment.problem import AnyProblem, ProblemConfig
from sim.experiment.words import quoted

MAX_RUNS = 9


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One descent: a row of configuration. Batch, mini-batch and stochastic descent differ in `batch_size` alone.

    Attributes:
        name: shown on the screen and in exports.
        batch_size: examples an update; "all" for the full batch; None: 32, or half of fewer examples.
        lr: the learning rate (the highest one, for schedules); None: the problem's own.
        optimizer, momentum, nesterov: as in torch.optim (momentum for sgd and rmsprop only). The optimizer of a
            recorded loop may be any other.
        sampling, drop_last: which examples, in which order; drop_last skips an epoch's partial last batch.
        schedule, schedule_updates: the rate's course, and its length; the final rate is held afterwards.
        loss_every: evaluate the loss over all examples at every so many updates; None: as seldom as costs little.
    """

    name: str
    batch_size: int | Literal["all"] | None
    lr: float | None = None
    optimizer: Optimizer = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    sampling: Sampling = "shuffle"
    drop_last: bool = False
    schedule: Schedule = "constant"
    schedule_updates: int = 1000
    loss_every: int | None = None

    def __post_init__(self) -> None:
        where = f"Run {self.name!r}: "
        if not re.fullmatch(r"[^\s,=][^,=]*", self.name) or not self.name.isprintable():
            raise ConfigError(f"A run's name must be some printable text without ',' and '='; got {quoted(self.name)}.")
        size = self.batch_size
        if size is not None and size != "all" and (not isinstance(size, int) or size < 1):
            raise ConfigError(f"{where}batch_size must be a positive whole number or 'all', not {size!r}.")
        if self.lr is not None and not (math.isfinite(self.lr) and self.lr > 0):
            raise ConfigError(f"{where}lr must be a positive finite number, not {self.lr!r}.")
        choose(self.sampling, get_args(Sampling), "sampling")
        choose(self.schedule, get_args(Schedule), "schedule")
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"{where}momentum must be at least 0 and below 1, not {self.momentum!r}.")
        able = [name for name, kind in OPTIMIZERS.items() if kind.momentum]
        if self.momentum and self.optimizer not in able:
            raise ConfigError(f"{where}momentum belongs to {' and '.join(able)}; {self.optimizer} has none to set.")
        if self.nesterov and not (self.optimizer == "sgd" and self.momentum > 0):
            raise ConfigError(f"{where}nesterov needs optimizer=sgd and a momentum above 0.")
        if self.schedule_updates < 3:
            raise ConfigError(f"{where}schedule_updates must be at least 3, not {self.schedule_updates!r}.")
        if self.loss_every is not None and self.loss_every < 1:
            raise ConfigError(f"{where}loss_every must be a positive whole number, not {self.loss_every!r}.")


def default_runs(mini_batch_size: int | None = None) -> tuple[RunConfig, ...]:
    """The three descents, from the steadiest to the noisiest."""
    return (RunConfig("batch", "all"), RunConfig("mini-batch", mini_batch_size), RunConfig("stochastic", 1))


LimitUnit = Literal["updates", "epochs", "seconds"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a run without a screen ends: each run leaves the clock when it has come this far."""

    unit: LimitUnit
    value: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise ConfigError(f"--{self.unit} must be a positive finite number, not {self.value!r}.")

    @classmethod
    def among(cls, given: Mapping[LimitUnit, float | None]) -> "Limit | None":
        """The one that was given; None if none was.

        Raises:
            ConfigError: for several.
        """
        limits = [cls(unit, value) for unit, value in given.items() if value is not None]
        if len(limits) > 1:
            raise ConfigError("The runs end in one way only: after --updates, --epochs or --seconds.")
        return limits[0] if limits else None

    @property
    def column(self) -> str:
        """The column of the trace that counts its unit."""
        return {"updates": "update", "epochs": "epoch", "seconds": "seconds"}[self.unit]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A problem, its runs, a seed, a clock and a device, as asked for; `sim.experiment.resolved` says what it comes to.

    Attributes:
        problem: what is minimised.
        start: where all runs begin, for two parameters; None: the problem's own start.
        runs: 1 to 9 descents on it, all from the same start.
        seed: of the order of the examples, for every run alike, and of a model's parameters.
        seeds: how many descents each run is made of: of this seed, and of as many that follow it.
        clock: what the runs are kept equal in.
        device: "cpu", "cuda", "cuda:1", "mps"; or "auto": of models a CUDA device where there is one, else the CPU.
        backend: who makes the updates.
        plane: how more than two parameters are seen in two dimensions.
        limit: where the runs end; None: nowhere.
        changes: what changes on the way, in the order of its moments.
    """

    problem: AnyProblem = field(default_factory=ProblemConfig)
    runs: tuple[RunConfig, ...] = field(default_factory=default_runs)
    seed: int = 0
    seeds: int = 1
    clock: Clock = "updates"
    device: str = "auto"
    backend: BackendChoice = "auto"
    plane: PlaneKind = "pca"
    limit: Limit | None = None
    changes: Journal = ()
    start: Point | None = None

    def __post_init__(self) -> None:
        if self.start is not None and not all(map(math.isfinite, self.start)):
            x, y = self.start
            raise ConfigError(f"The start must be two finite numbers, such as --start -1,2; got {x:g},{y:g}.")
        _check_runs(self.runs, any_optimizer=self.problem.any_optimizer)
        choose(self.clock, get_args(Clock), "clock")
        choose(self.backend, BACKENDS, "backend")
        choose(self.plane, get_args(PlaneKind), "plane")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"The seed must be a whole number from 0 to 2^63 - 1, not {self.seed}.")
        self._check_seeds()
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", self.device):
            raise ConfigError(f"Unknown device {self.device!r}; known: auto, cpu, cuda, cuda:N, mps.")
        moments = [change.moment for change in self.changes]
        clocks = [change.moment for change in self.changes if isinstance(change, ClockChange)]
        if moments != sorted(moments) or len(clocks) > len(set(clocks)):
            raise ConfigError("Changes come in the order of their moments, those of the clock one at a moment at most.")
        runs_after(self.runs, self.changes)

    def _check_seeds(self) -> None:
        if not 1 <= self.seeds <= 2**63 - self.seed:
            raise ConfigError(f"--seeds must be at least 1, and the last seed below 2^63; got {self.seeds}.")
        if self.seeds == 1:
            return
        if self.problem.one_seed:
            raise ConfigError(self.problem.one_seed)
        if self.backend == "torch":
            raise ConfigError("Many seeds are compiled; leave out --backend torch, or --seeds.")


def runs_after(
    runs: tuple[RunConfig, ...], changes: Iterable[Change], removed: frozenset[str] = frozenset()
) -> tuple[RunConfig, ...]:
    """The runs as they are after some changes, forks among them, those that were removed not.

    Args:
        runs: as they were before.
        changes: in their order.
        removed: the names of runs that were removed before.

    Raises:
        ConfigError: for a change of a run that there is none of, or to what no run can be.
    """
    for change in changes:
        if isinstance(change, ClockChange):
            continue
        names = [run.name for run in runs]
        if change.run not in names:
            raise ConfigError(f"There is no run {change.run!r} to change; {suggest(change.run, names)}")
        index = names.index(change.run)
        if isinstance(change, Removal):
            runs, removed = (*runs[:index], *runs[index + 1 :]), removed | {change.run}
            if not runs:
                raise ConfigError(f"{change.run} is the last run; it cannot be removed.")
            continue
        changed = replace(runs[index], **change.settings)
        if changed.name in removed:
            raise ConfigError(f"A run named {changed.name} was removed; give the new one another name.")
        runs = (*runs, changed) if isinstance(change, Fork) else (*runs[:index], changed, *runs[index + 1 :])
        _check_runs(runs)
    return runs


def _check_runs(runs: tuple[RunConfig, ...], *, any_optimizer: bool = False) -> None:
    if not 1 <= len(runs) <= MAX_RUNS:
        raise ConfigError(f"An experiment has 1 to {MAX_RUNS} runs, not {len(runs)}.")
    names = [run.name for run in runs]
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Two runs are named {doubles[0]!r}; give each its own name.")
    for run in () if any_optimizer else runs:
        choose(run.optimizer, get_args(Optimizer), "optimizer")
