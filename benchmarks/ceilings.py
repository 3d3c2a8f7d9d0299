"""What keeping runs equal costs: updates a second of a race whose updates cost nothing.

Three runs of batch sizes 1, 8 and 64 on 4,096 examples of two parameters, whose stepper only fills in columns. What is
left is the race's own work: whose turn it is, at which moments, what is reported (some 4,096 rows a run and answer) and
what is kept. The updates of all runs together are counted, over a second for each clock.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.turns import Line, line
from sim.descent.course import Course
from sim.descent.race import Race
from sim.descent.state import RunState
from sim.descent.stepper import Block
from sim.experiment.choices import CLOCKS, OPTIMIZERS, Clock
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.resolved import Facts, resolve
from sim.measures import measures
from sim.measures.measure import Figures, Gradients, Passes
from sim.models.random_state import RandomState
from sim.protocol.commands import Retention
from sim.protocol.trace import Status

THREADS = (1,)
EXAMPLES, COST = 4096, 1e-7
MOMENTS, SECONDS, TURNS = 1_000_000, 1.0, 5
GOALS: dict[Clock, float] = {"updates": 5e6, "examples": 5e6, "seconds": 1e6}
NOTHING = Passes(Figures(1.0, math.nan), Figures(math.nan, math.nan))


class FreeStepper:
    """See `sim.descent.stepper.Stepper`: updates that take a ten-millionth of a second, by their own account."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._names = [one.name for one in measures("step", "pass")]
        self._waves = np.sin(np.arange(1 << 18) / 1000.0)
        self._snapshots = torch.from_numpy(np.stack([self._waves, self._waves[::-1]], axis=1))

    def start(self, passes: Passes) -> RunState:
        """See `Stepper`."""
        return RunState(
            vector=torch.zeros(2, dtype=torch.float64),
            buffers={},
            optimizer={},
            group={},
            schedule={},
            order=self._course.sampler.state(0),
            random=RandomState.now(torch.device("cpu")),
            update=0,
            seconds=0.0,
            status=Status.RUNNING,
            loss_bound=passes.training.loss * 1e6,
        )

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        count = min(updates, len(self._waves))
        if until < math.inf:
            count = min(count, max(0, math.ceil((until - state.seconds) / COST)))
        made: NDArray[np.float64] = np.arange(1.0, count + 1)
        wave = self._waves[:count]
        seconds = state.seconds + made * COST
        block = Block(
            first=state.update + 1,
            status=np.zeros(count, np.uint8),
            seconds=seconds,
            measures=dict.fromkeys(self._names, wave),
            keep_every=keep_every,
            snapshots=self._snapshots[: (state.update + count) // keep_every - state.update // keep_every],
        )
        after = float(seconds[-1]) if count else state.seconds
        return replace(state, update=state.update + count, seconds=after), block

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        self._course = course

    def gradients(self, state: RunState) -> Gradients:
        """See `Stepper`."""
        return Gradients(state.vector, state.vector)


def race_on(clock: Clock) -> Race:
    """Three runs at their start."""
    runs = tuple(RunConfig(str(size), size, lr=0.1) for size in (1, 8, 64))
    facts = Facts(EXAMPLES, 2, dict.fromkeys(OPTIMIZERS, 0.1))
    experiment = resolve(Experiment(runs=runs, clock=clock), facts, "cpu")
    return Race(experiment, FreeStepper, NOTHING, Retention(rows=4096), keep_all=False)


def made_in(race: Race, seconds: float) -> float:
    """Updates a second, of all runs together."""
    begin, before = time.perf_counter(), sum(race.updates)
    while time.perf_counter() - begin < seconds:
        race.advance(MOMENTS, math.inf, seconds)
        race.forget_snapshots()
    return (sum(race.updates) - before) / (time.perf_counter() - begin)


def measure(clock: Clock) -> Line:
    """The line of a clock."""
    race = race_on(clock)
    made_in(race, 0.2)  # until chunks are as long as they get
    return line(f"clock {clock}", [made_in(race, SECONDS) for _ in range(TURNS)], goal=GOALS[clock])


def lines() -> Iterator[Line]:
    """Each clock."""
    return map(measure, CLOCKS)
