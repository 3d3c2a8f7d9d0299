"""Traces made by hand, without torch: descents on a line through points, written out in numpy, and their replay."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, OPTIMIZERS, Clock
from sim.experiment.config import Experiment, RunConfig, default_runs
from sim.experiment.geometry import Point, Window
from sim.experiment.journal import ClockChange
from sim.experiment.problem import ProblemConfig
from sim.experiment.resolved import Facts, Resolved, Run, resolve
from sim.problems.card import Card
from sim.problems.formula import DataView, Formula
from sim.protocol.answers import Advanced, Answer, Changed, Opened, PlaneNews, Refused, Trail, Worked
from sim.protocol.cloud import Cloud, covariance_of
from sim.protocol.commands import (
    Advance,
    ChangeRun,
    Command,
    ForkRun,
    Imagine,
    Inspect,
    Job,
    Open,
    RemoveRun,
    Save,
    SetClock,
    Survey,
    Work,
)
from sim.protocol.results import Imagined, Inspected, Result, Surveyed, UpdateReport
from sim.protocol.trace import ROW, Rows, Status
from tui.draw.palette import DARK
from tui.scene.building import build_scene
from tui.scene.scene import Scene
from tui.session.history import History
from tui.session.link import EngineGoneError
from tui.session.session import Session
from tui.session.trails import PlaneTrails

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


CARD = Card(
    name="linear",
    title=FORMULA.title,
    note=FORMULA.note,
    sentence="A line through points.",
    axes=FORMULA.parameters,
    window=FORMULA.window,
    pace=FORMULA.pace,
    minima=FORMULA.minima,
    movable=True,
    comparable_axes=False,
    formula=FORMULA,
)
FACTS = Facts(EXAMPLES, 2, dict.fromkeys(OPTIMIZERS, FORMULA.lr), FORMULA.start)


def make_experiment(*runs: RunConfig, clock: Clock = "updates", seed: int = 0) -> Experiment:
    """An experiment on the line: the default three runs unless others are given."""
    return Experiment(problem=ProblemConfig(), runs=runs or default_runs(16), clock=clock, seed=seed)


def resolved(experiment: Experiment) -> Resolved:
    """What it comes to, each loss evaluated at every update."""
    found = resolve(experiment, FACTS, "cpu")
    return replace(
        found,
        runs=tuple(replace(run, loss_every=1) for run in found.runs),
        start=experiment.start or found.start,
    )


def loss_at(slope: float | Floats, intercept: float | Floats, examples: Some = slice(None)) -> Floats:
    """The mean squared error over some examples; the parameters may be arrays of any one shape."""
    outputs = np.multiply.outer(slope, FORMULA.inputs[examples]) + np.expand_dims(intercept, -1)
    errors = outputs - FORMULA.targets[examples]
    return np.asarray(np.mean(errors**2, axis=-1))


def gradient_at(point: Floats, examples: Some = slice(None)) -> Floats:
    """Its gradient, shape (2,)."""
    x = FORMULA.inputs[examples]
    errors = point[0] * x + point[1] - FORMULA.targets[examples]
    return np.array([2 * np.mean(errors * x), 2 * np.mean(errors)])


def batch(update: int, size: int) -> NDArray[np.int64]:
    """The examples of an update: a stride through all of them, the next ones each time."""
    return ((update - 1) * size + np.arange(size)) * 23 % EXAMPLES


def _descend(index: int, run: Run, start: Point, updates: int) -> tuple[Rows, Floats]:
    """Update 0 to `updates` of plain gradient descent, fewer if it diverges, and where it then was, shape (n, 2).

    The moments are still missing.
    """
    size, point = run.batch_size, np.array(start, dtype=np.float64)
    points = [point]
    rows = np.zeros(updates + 1, dtype=ROW)
    rows["run"], rows["update"] = index, np.arange(updates + 1)
    rows["batch_loss"][0] = rows["grad_norm"][0] = rows["lr"][0] = np.nan
    rows["test_loss"] = rows["test_accuracy"] = np.nan
    rows["loss"][0] = loss_at(*start)
    for row in rows[1:]:
        used = batch(int(row["update"]), size)
        gradient = gradient_at(point, used)
        row["batch_loss"], row["grad_norm"], row["lr"] = loss_at(point[0], point[1], used), np.hypot(*gradient), run.lr
        point = point - run.lr * gradient
        points.append(point)
        row["loss"] = loss_at(*point)
        if row["loss"] > 1e6 * rows["loss"][0]:
            row["status"], row["loss"] = Status.DIVERGED, np.inf
            rows = rows[: row["update"] + 1]
            break
    rows["examples"] = rows["update"] * size
    rows["epoch"] = rows["examples"] / EXAMPLES
    rows["seconds"] = SECONDS * (rows["update"] + rows["examples"] / 100)
    return rows, np.array(points)


@dataclass(frozen=True)
class Race:
    """What every run did.

    Attributes:
        experiment: which runs.
        rows: of all runs, in the order of their moments.
        points: for each run where it was after each update, shape (updates, 2).
    """

    experiment: Resolved
    rows: Rows
    points: tuple[Floats, ...]

    def news(self, rows: Rows, updates: Sequence[int]) -> PlaneNews:
        """What is new on the plane with some rows, after which the runs have made so many updates."""
        trails = []
        for run, points in enumerate(self.points):
            new = rows["update"][rows["run"] == run]
            x, y = points[updates[run]]
            trails.append(Trail(new, points[new], np.zeros(len(new)), (float(x), float(y)), 0.0))
        return PlaneNews(0, "identity", "the two parameters", 1.0, False, tuple(trails))

    @property
    def start(self) -> Rows:
        """Update 0 of each run."""
        return self.rows[: len(self.points)]

    @property
    def opened(self) -> Opened:
        """What an engine says of it at the start."""
        news = self.news(self.start, [0] * len(self.points))
        return Opened(self.experiment, self.start, "cpu", TOLERANCE, news)


def make_race(experiment: Experiment, until: float) -> Race:
    """Everything that every run does up to a position on the experiment's clock."""
    costs: dict[Clock, Callable[[int], float]] = {
        "updates": lambda _size: 1.0,
        "examples": lambda size: float(size),
        "seconds": lambda size: SECONDS * (1 + size / 100),
    }
    found = resolved(experiment)
    assert found.start is not None
    blocks, points = [], []
    for index, run in enumerate(found.runs):
        cost = costs[experiment.clock](run.batch_size)
        block, been = _descend(index, run, found.start, int(until / cost + 1e-9))
        block["position"] = block["update"] * cost
        blocks.append(block)
        points.append(been)
    rows = np.concatenate(blocks)
    _, rows["moment"] = np.unique(rows["position"], return_inverse=True)
    rows["clock"] = list(CLOCKS).index(experiment.clock)
    return Race(found, rows[np.argsort(rows["moment"], kind="stable")], tuple(points))


def report_of(update: int, size: int, before: Point, rate: float = 0.15) -> UpdateReport:
    """What an update used and did, from the formulas."""
    used, point = batch(update, size), np.array(before)
    own, full = gradient_at(point, used), gradient_at(point)
    length = np.hypot(*full)
    cosine = np.nan if length < 1e-12 else float(np.clip(own @ full / np.hypot(*own) / length, -1, 1))
    return UpdateReport(
        update=update,
        indices=tuple(used.tolist()),
        batch_size=size,
        gradient=(float(own[0]), float(own[1])),
        full_gradient=(float(full[0]), float(full[1])),
        origin=before,
        full_step=(float(-rate * full[0]), float(-rate * full[1])),
        measures={
            "angle": math.degrees(math.acos(cosine)),
            "cosine": cosine,
            "relative_error": np.nan if math.isnan(cosine) else float(np.hypot(*(own - full)) / length),
        },
    )


def cloud_of(update: int, run: Run, point: Point) -> Cloud:
    """The steps that were possible, from the formulas."""
    used = batch(update, run.batch_size)
    steps = -run.lr * np.array([gradient_at(np.array(point), np.array([example])) for example in range(EXAMPLES)])
    own, full = steps[used].mean(axis=0), steps.mean(axis=0)
    return Cloud(
        steps=steps,
        examples=np.arange(EXAMPLES),
        used=np.isin(np.arange(EXAMPLES), used),
        sampled=EXAMPLES,
        total=EXAMPLES,
        full=(float(full[0]), float(full[1])),
        own=(float(own[0]), float(own[1])),
        batch_size=run.batch_size,
        replacement=False,
        covariance=covariance_of(steps, EXAMPLES),
        plain=True,
    )


class ReplayLink:
    """Answers from a trace, and as badly as it is asked to.

    Attributes:
        commands: what was asked, in order.
        instead: the next answers, instead of the right ones; exceptions are raised.
        gate: cleared, it keeps everything waiting.
        at: the moment up to which it has answered.
        dead: it was killed and not started again.
    """

    process_id = None
    recording = None
    past = None
    busy_for = 0.0
    output = ""

    def __init__(self, race: Race) -> None:
        self.commands: list[Command] = []
        self.instead: list[Exception | Answer] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.race = race
        self.at = 0
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

    def asked(self, kind: type[Any]) -> list[Any]:
        """The commands, or the jobs, of one kind so far."""
        jobs = [job for command in self.commands if isinstance(command, Work) for job in command.jobs]
        return [one for one in (*self.commands, *jobs) if isinstance(one, kind)]

    def _answer(self, command: Command) -> Answer:
        match command:
            case Open():
                self.dead, self.at = False, 0
                self.race = replace(self.race, experiment=resolved(command.experiment))
                return self.race.opened
            case Advance(moments, span, _):
                return self._advance(moments, span)
            case Work(jobs):
                return Worked(tuple((job, self._result(job)) for job in jobs), ())
            case SetClock(clock):
                return Changed((ClockChange(self.at, clock),), self.race.experiment.lineages)
            case ChangeRun() | ForkRun() | RemoveRun() | Save():
                return Refused("What was recorded stays as it is.")
            case _:
                raise AssertionError(command)

    def _result(self, job: Job) -> Result:
        match job:
            case Inspect(updates):
                asked = updates or self._updates()
                runs = zip(self.race.experiment.runs, self.race.points, asked, strict=True)
                reports = tuple(
                    report_of(at, run.batch_size, Point(*been[at - 1]), run.lr) if at else None
                    for run, been, at in runs
                )
                return Inspected(tuple(asked), reports)
            case Survey(window, columns, rows, run):
                return Surveyed(window, survey(window, columns, rows), run=run)
            case Imagine(run, update):
                point = Point(*self.race.points[run][update - 1])
                return Imagined(run, update, point, cloud_of(update, self.race.experiment.runs[run], point))
            case _:
                raise AssertionError(job)

    def _updates(self) -> list[int]:
        """How many updates each run has made."""
        rows = self.race.rows[self.race.rows["moment"] <= self.at]
        return [int(rows["update"][rows["run"] == run].max()) for run in range(len(self.race.points))]

    def _advance(self, moments: int, span: float) -> Advanced:
        every = self.race.rows
        at = every["moment"] == self.at
        began = float(every["position"][at].max())
        ahead = (every["moment"] > self.at) & (every["moment"] <= self.at + moments)
        rows = every[ahead & (every["position"] <= began + span)]
        covered = float(rows["position"][-1]) - began if len(rows) else 0.0
        self.at = int(rows["moment"][-1]) if len(rows) else self.at
        news = self.race.news(rows, self._updates())
        return Advanced(rows, covered, self.at == int(every["moment"][-1]), news, self.race.experiment.lineages)


def survey(window: Window, columns: int, rows: int) -> Floats:
    """The loss at the centres of a window's cells, shape (rows, columns), top row first."""
    xs = window.left + (np.arange(columns) + 0.5) / columns * (window.right - window.left)
    ys = window.top - (np.arange(rows) + 0.5) / rows * (window.top - window.bottom)
    return loss_at(*np.meshgrid(xs, ys))


def make_scene(
    experiment: Experiment, race: Race, *, cursor: int | None = None, card: Card = CARD, **fields: object
) -> Scene:
    """The scene at a moment of a race, at its end if none is named; `fields` replace some of its own."""
    session = Session(experiment, card, ReplayLink(race), lambda _: None)
    session.opened, session.history = race.opened, History(race.start)
    session.trails = PlaneTrails(race.opened.plane)
    session.lineages = race.experiment.lineages
    rest = race.rows[len(race.start) :]
    session.history.append(rest)
    last = [int(race.rows["update"][race.rows["run"] == run].max()) for run in range(len(race.points))]
    session.trails.take(race.news(rest, last))
    if cursor is not None:
        session.history.seek(cursor - session.history.cursor)
    scene = build_scene(session, frozenset(), DARK)
    assert scene is not None
    return replace(scene, **fields)  # type: ignore[arg-type]
