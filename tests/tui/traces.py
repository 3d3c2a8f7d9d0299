"""Traces made by hand, without torch: descents on a line through points, written out in numpy, and their replay."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import Experiment, ProblemConfig, RunConfig, default_runs
from sim.experiment.geometry import Point, Window
from sim.problems.formula import DataView, Formula
from sim.protocol.answers import Advanced, Answer, Done, Inspected, Opened, Surveyed, UpdateReport
from sim.protocol.commands import Advance, Command, Inspect, Open, SetClock, Survey
from sim.protocol.trace import NO_ROWS, ROW, Rows, Status
from tui.draw.palette import DARK
from tui.scene.scene import Scene, build_scene
from tui.session.history import History
from tui.session.link import EngineGoneError
from tui.session.session import Session

EXAMPLES = 61  # a prime: every stride visits all of them
SECONDS = 1e-4  # of an update, and a hundredth of it for every example
TOLERANCE = 1e-6

Floats = NDArray[np.float64]
Some = NDArray[np.int64] | slice


def _formula() -> Formula:
    x = np.linspace(0, 1, EXAMPLES)
    y = 1.8 * x - 0.9 + 0.5 * np.sin(37.0 * np.arange(EXAMPLES))
    best = np.linalg.lstsq(np.stack([x, np.ones_like(x)], axis=1), y, rcond=None)[0]
    return Formula(
        title="points made by hand: x → y",
        note="nothing was scaled",
        parameters=("slope", "intercept"),
        inputs=x,
        targets=y,
        output=lambda _xp, slope, intercept, x: slope * x + intercept,
        loss="mean_squared_error",
        start=Point(-1.5, 1.5),
        window=Window(-2.5, 4.5, -3.0, 2.5),
        lr=0.15,
        pace={"updates": 10.0, "examples": 61.0, "seconds": 0.01},
        minima=(Point(*best.tolist()),),
        view=DataView("curve", "x", "y"),
    )


FORMULA = _formula()


def make_experiment(*runs: RunConfig, clock: Clock = "updates", seed: int = 0) -> Experiment:
    """An experiment on the line: the default three runs unless others are given."""
    plain = Experiment(problem=ProblemConfig(), runs=runs or default_runs(16), clock=clock, seed=seed)
    return plain.resolved(FORMULA.lr, FORMULA.start, EXAMPLES)


def loss_at(slope: float | Floats, intercept: float | Floats, examples: Some = slice(None)) -> Floats:
    """The mean squared error over some examples; the parameters may be arrays of any one shape."""
    outputs = np.multiply.outer(slope, FORMULA.inputs[examples]) + np.expand_dims(intercept, -1)
    errors = outputs - FORMULA.targets[examples]
    return np.asarray(np.mean(errors**2, axis=-1))


def gradient_at(place: Floats, examples: Some = slice(None)) -> Floats:
    """Its gradient, shape (2,)."""
    x = FORMULA.inputs[examples]
    errors = place[0] * x + place[1] - FORMULA.targets[examples]
    return np.array([2 * np.mean(errors * x), 2 * np.mean(errors)])


def batch(update: int, size: int) -> NDArray[np.int64]:
    """The examples of an update: a stride through all of them, the next ones each time."""
    return ((update - 1) * size + np.arange(size)) * 23 % EXAMPLES


def _descend(index: int, run: RunConfig, start: Point, updates: int) -> Rows:
    """Update 0 to `updates` of plain gradient descent, fewer if it diverges; the moments are still missing."""
    size, place = run.size(EXAMPLES), np.array(start, dtype=np.float64)
    rows = np.zeros(updates + 1, dtype=ROW)
    rows["run"], rows["update"] = index, np.arange(updates + 1)
    rows["batch_loss"][0] = rows["grad_norm"][0] = rows["lr"][0] = np.nan
    rows["test_loss"] = rows["test_accuracy"] = np.nan
    rows["x"][0], rows["y"][0], rows["loss"][0] = *start, loss_at(*start)
    for row in rows[1:]:
        used = batch(int(row["update"]), size)
        gradient = gradient_at(place, used)
        row["batch_loss"], row["grad_norm"], row["lr"] = loss_at(place[0], place[1], used), np.hypot(*gradient), run.lr
        place = place - (run.lr or 0.0) * gradient
        row["x"], row["y"], row["loss"] = *place, loss_at(*place)
        if row["loss"] > 1e6 * rows["loss"][0]:
            row["status"], row["loss"] = Status.DIVERGED, np.inf
            rows = rows[: row["update"] + 1]
            break
    rows["examples"] = rows["update"] * size
    rows["epoch"] = rows["examples"] / EXAMPLES
    rows["seconds"] = SECONDS * (rows["update"] + rows["examples"] / 100)
    return rows


def make_race(experiment: Experiment, until: float) -> Rows:
    """Every row of every run up to a place on the experiment's clock, in the order of their moments."""
    costs: dict[Clock, Callable[[int], float]] = {
        "updates": lambda _size: 1.0,
        "examples": lambda size: float(size),
        "seconds": lambda size: SECONDS * (1 + size / 100),
    }
    blocks = []
    for index, run in enumerate(experiment.runs):
        cost = costs[experiment.clock](run.size(EXAMPLES))
        block = _descend(index, run, experiment.problem.start or FORMULA.start, int(until / cost + 1e-9))
        block["position"] = block["update"] * cost
        blocks.append(block)
    rows = np.concatenate(blocks)
    _, rows["moment"] = np.unique(rows["position"], return_inverse=True)
    rows["clock"] = list(CLOCKS).index(experiment.clock)
    return rows[np.argsort(rows["moment"], kind="stable")]


def make_opened(rows: Rows, runs: int) -> Opened:
    """What an engine says of a trace's experiment."""
    return Opened(rows[:runs], EXAMPLES, FORMULA.lr, 2, "cpu", (1,) * runs, TOLERANCE)


def report_of(update: int, size: int, before: Point) -> UpdateReport:
    """What an update used and did, from the formulas."""
    used, place = batch(update, size), np.array(before)
    own, full = gradient_at(place, used), gradient_at(place)
    length = np.hypot(*full)
    nothing = length < 1e-12
    return UpdateReport(
        update=update,
        indices=tuple(used.tolist()),
        batch_size=size,
        gradient=(float(own[0]), float(own[1])),
        full_gradient=(float(full[0]), float(full[1])),
        cosine=np.nan if nothing else float(np.clip(own @ full / np.hypot(*own) / length, -1, 1)),
        relative_error=np.nan if nothing else float(np.hypot(*(own - full)) / length),
    )


class ReplayLink:
    """Answers from a trace, and as badly as it is told to.

    Attributes:
        commands: what was asked, in order.
        instead: the next answers, in place of the right ones; exceptions are raised.
        gate: cleared, it keeps everything waiting.
        dead: it was killed and not started again.
    """

    process_id = None
    busy_for = 0.0

    def __init__(self, experiment: Experiment, rows: Rows) -> None:
        self.commands: list[Command] = []
        self.instead: list[Exception | Answer] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._experiment = experiment
        self._rows = rows
        self._at = 0
        self.dead = False

    @property
    def gone(self) -> EngineGoneError | None:
        """See `Link`."""
        return EngineGoneError("The engine was ended by SIGKILL.", "its last words") if self.dead else None

    async def request(self, command: Command) -> Answer:
        """See `Link`."""
        self.commands.append(command)
        await self.gate.wait()
        if self.instead:
            answer = self.instead.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if self.gone is not None and not isinstance(command, Open):
            raise self.gone
        return self._answer(command)

    def kill(self) -> None:
        """See `Link`."""
        self.dead = True

    def asked(self, kind: type[Command]) -> list[Command]:
        """The commands of one kind so far."""
        return [command for command in self.commands if isinstance(command, kind)]

    def _answer(self, command: Command) -> Answer:
        runs = self._experiment.runs
        match command:
            case Open():
                self.dead, self._at = False, 0
                return make_opened(self._rows, len(runs))
            case Advance(moments, span, _):
                return self._advance(moments, span)
            case Inspect(updates, before):
                asked = zip(runs, updates, before, strict=True)
                return Inspected(tuple(report_of(u, run.size(EXAMPLES), b) if u else None for run, u, b in asked))
            case Survey(window, columns, rows, run):
                return Surveyed(window, survey(window, columns, rows), run=run)
            case SetClock():
                return Done()

    def _advance(self, moments: int, span: float) -> Advanced:
        at = self._rows["moment"] == self._at
        began = float(self._rows["position"][at].max())
        ahead = (self._rows["moment"] > self._at) & (self._rows["moment"] <= self._at + moments)
        rows = self._rows[ahead & (self._rows["position"] <= began + span)]
        covered = float(rows["position"][-1]) - began if len(rows) else 0.0
        self._at = int(rows["moment"][-1]) if len(rows) else self._at
        return Advanced(rows if len(rows) else NO_ROWS, covered, finished=self._at == int(self._rows["moment"][-1]))


def survey(window: Window, columns: int, rows: int) -> Floats:
    """The loss at the centres of a window's cells, shape (rows, columns), top row first."""
    xs = window.left + (np.arange(columns) + 0.5) / columns * (window.right - window.left)
    ys = window.top - (np.arange(rows) + 0.5) / rows * (window.top - window.bottom)
    return loss_at(*np.meshgrid(xs, ys))


def make_scene(experiment: Experiment, rows: Rows, *, cursor: int | None = None, **fields: object) -> Scene:
    """The scene at a moment of a trace, at its end if none is named; `fields` replace some of its own."""
    session = Session(experiment, FORMULA, ReplayLink(experiment, rows), lambda _: None)
    runs = len(experiment.runs)
    session.opened, session.history = make_opened(rows, runs), History(rows[:runs])
    session.history.append(rows[runs:])
    if cursor is not None:
        session.history.seek(cursor - session.history.cursor)
    scene = build_scene(session, frozenset(), DARK)
    assert scene is not None
    return replace(scene, **fields)  # type: ignore[arg-type]
