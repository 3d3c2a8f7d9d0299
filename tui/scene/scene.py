"""Everything the panels draw, as it is at the cursor: built anew for each frame, frozen."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.data.arrays import Card
from sim.experiment.choices import Clock
from sim.experiment.config import Experiment, ModelConfig, RunConfig
from sim.experiment.geometry import Point
from sim.protocol.answers import PlaneNews, Predicted, UpdateReport
from sim.protocol.trace import Rows, Status
from tui.draw.palette import GLYPHS, Palette
from tui.session.history import History
from tui.session.session import Session

_ZERO_GRADIENT = 1e-10  # shorter ones are what summation leaves at a minimum


@dataclass(frozen=True, slots=True)
class RunScene:
    """One run at the cursor.

    Attributes:
        index: its place in the experiment.
        config: its row of configuration.
        glyph, color: how it is told from the others (color as 0xRRGGBB).
        shown: whether its trail and curve are drawn.
        seen: its rows up to the cursor, update 0 included.
        recorded: all of its rows, whatever the cursor.
        evaluations: the places among them where the losses over all examples were evaluated; thinned if they are many.
        places: where it went on the plane, shape (K, 2); the last one is its head.
        off_plane: how far its head is from the plane; 0 where the two parameters are the plane.
        loss: the last evaluated loss over all examples.
        loss_update: the update after which it was evaluated.
        test_loss, test_accuracy: the last evaluated ones over the test examples; NaN without any.
        distance: to the nearest known minimum; NaN where none is known.
        updates_per_second, examples_per_second: of its own computing time; NaN before there is any.
        report: what an update used and did: the last one's while time stands still, a recent one's while it goes
            on; None while unknown.
        loss_every: how often the loss over all examples is evaluated.
        failed: whether it could not go on.
    """

    index: int
    config: RunConfig
    glyph: str
    color: int
    shown: bool
    seen: Rows
    recorded: Rows
    evaluations: NDArray[np.int64]
    places: NDArray[np.float64]
    off_plane: float
    loss: float
    loss_update: int
    test_loss: float
    test_accuracy: float
    distance: float
    updates_per_second: float
    examples_per_second: float
    report: UpdateReport | None
    loss_every: int
    failed: bool

    @property
    def update(self) -> int:
        """How many updates it has made."""
        return int(self.seen[-1]["update"])

    @property
    def examples(self) -> int:
        """How many examples it has read."""
        return int(self.seen[-1]["examples"])

    @property
    def seconds(self) -> float:
        """How long it has computed."""
        return float(self.seen[-1]["seconds"])

    @property
    def reported(self) -> bool:
        """Whether the report is about its last update."""
        return self.report is not None and self.report.update == self.update

    @property
    def head(self) -> Point:
        """Where it stands on the plane."""
        return Point(*self.places[-1].tolist())

    @property
    def status(self) -> Status:
        """How it stands."""
        return Status.FAILED if self.failed else Status(self.seen[-1]["status"])

    @property
    def status_words(self) -> str:
        """How it stands, in words."""
        words = self.status.name.lower()
        return f"{words} at update {self.update}" if self.status.stopped else words


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows.

    Attributes:
        experiment, card: what is running.
        examples: N, for training.
        tests: how many examples are for testing.
        device: where, in words.
        runs: all of them, in order.
        cursor: the moment that is looked at.
        end: the last moment recorded.
        playing: whether time goes on.
        speed: see `Player.speed`.
        rate: see `Meter.rate`.
        busy_for: seconds that the engine has been at one command.
        tolerance: see `Opened.tolerance`.
        generation: see `Session.generation`.
        palette: the colours to draw it in.
        plane: of a model; None where the two parameters are the plane.
        predictions: what the runs say of some examples; None while unknown.
    """

    experiment: Experiment
    card: Card
    examples: int
    tests: int
    device: str
    runs: tuple[RunScene, ...]
    cursor: int
    end: int
    playing: bool
    speed: float
    rate: float
    busy_for: float
    tolerance: float
    generation: int
    palette: Palette
    plane: PlaneNews | None
    predictions: Predicted | None

    @property
    def name(self) -> str:
        """What the problem is called."""
        problem = self.experiment.problem
        return Path(problem.model).name if isinstance(problem, ModelConfig) else problem.name

    @property
    def live(self) -> bool:
        """Whether the cursor is at the end of what was recorded."""
        return self.cursor >= self.end

    @property
    def key(self) -> tuple[object, ...]:
        """Two scenes with equal keys look alike."""
        shown = tuple(run.shown for run in self.runs)
        reports = tuple(id(run.report) for run in self.runs)
        plane = None if self.plane is None else self.plane.number
        moving = self.cursor, self.end, self.playing, self.speed, int(self.busy_for)
        return self.experiment, moving, shown, reports, plane, id(self.predictions)

    @property
    def clock(self) -> Clock:
        """What the runs are kept equal in."""
        return self.experiment.clock

    @property
    def pace(self) -> float:
        """Units of the clock for each second of playing; infinite: as fast as possible."""
        return self.card.pace[self.clock] * self.speed

    @property
    def layers(self) -> tuple[RunScene, ...]:
        """The runs that are shown, in the order of drawing: the noisiest first, so that it hides no other."""
        shown = [run for run in reversed(self.runs) if run.shown]
        return tuple(sorted(shown, key=lambda run: run.config.size(self.examples)))

    def span(self, counter: Clock) -> tuple[float, float]:
        """The least and the most that any run counts."""
        values = [
            {"updates": run.update, "examples": run.examples, "seconds": run.seconds}[counter] for run in self.runs
        ]
        return min(values), max(values)


def vanishes(report: UpdateReport) -> bool:
    """Whether both gradients of an update are zero but for rounding, so that they have no direction."""
    return math.hypot(*report.gradient, *report.full_gradient) < _ZERO_GRADIENT


def build_scene(session: Session, hidden: frozenset[int], palette: Palette) -> Scene | None:
    """The scene of a session at its cursor; None while its experiment does not stand yet."""
    history, opened = session.history, session.opened
    if history is None or opened is None:
        return None
    return Scene(
        experiment=session.experiment,
        card=session.card,
        examples=opened.examples,
        tests=opened.tests,
        device=opened.device,
        runs=tuple(
            _run_scene(session, history, index, palette.runs[index], index not in hidden)
            for index in range(len(session.experiment.runs))
        ),
        cursor=history.cursor,
        end=history.end,
        playing=session.player.playing,
        speed=session.player.speed,
        rate=session.meter.rate,
        busy_for=session.busy_for,
        tolerance=opened.tolerance,
        generation=session.generation,
        palette=palette,
        plane=session.trails.plane if session.trails else None,
        predictions=session.predictions[1],
    )


def _run_scene(session: Session, history: History, index: int, color: int, shown: bool) -> RunScene:
    assert session.opened is not None
    reports = session.reports
    seen = history.seen(index)
    updates_per_second, examples_per_second = history.rates(index)
    if session.trails is None:
        places, off_plane = history.path(index), 0.0
    else:
        places, off_plane = session.trails.until(index, int(seen[-1]["update"]), live=session.caught_up)
    evaluated = history.evaluated(index)
    return RunScene(
        index=index,
        config=session.experiment.runs[index],
        glyph=GLYPHS[index],
        color=color,
        shown=shown,
        seen=seen,
        recorded=history.recorded(index),
        evaluations=history.evaluations(index),
        places=places,
        off_plane=off_plane,
        loss=float(evaluated["loss"]),
        loss_update=int(evaluated["update"]),
        test_loss=float(evaluated["test_loss"]),
        test_accuracy=float(evaluated["test_accuracy"]),
        distance=min((math.dist(places[-1], minimum) for minimum in session.card.minima), default=math.nan),
        updates_per_second=updates_per_second,
        examples_per_second=examples_per_second,
        report=reports[index] if reports else None,
        loss_every=session.opened.loss_every[index],
        failed=index in session.troubles and history.live,
    )
