"""Everything the panels draw, as it is at the cursor: built anew for each frame, frozen."""

import math
from dataclasses import dataclass

from sim.commands import UpdateReport
from sim.experiment import Clock, Experiment, Point, RunConfig
from sim.problems.formula import Formula
from sim.trace import Rows, Status
from tui.history import History
from tui.palette import GLYPHS, Palette
from tui.session import Session


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
        loss: the last evaluated loss over all examples.
        distance: to the nearest known minimum; NaN where none is known.
        updates_per_second, examples_per_second: of its own computing time; NaN before there is any.
        report: what an update used and did: the last one's while time stands still, a recent one's while it goes
            on; None while unknown.
        loss_every: how often the loss over all examples is evaluated.
    """

    index: int
    config: RunConfig
    glyph: str
    color: int
    shown: bool
    seen: Rows
    recorded: Rows
    loss: float
    distance: float
    updates_per_second: float
    examples_per_second: float
    report: UpdateReport | None
    loss_every: int

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
        return Point(float(self.seen[-1]["x"]), float(self.seen[-1]["y"]))

    @property
    def status(self) -> Status:
        """How it stands."""
        return Status(self.seen[-1]["status"])

    @property
    def status_words(self) -> str:
        """How it stands, in words."""
        words = self.status.name.lower()
        return f"{words} at update {self.update}" if self.status.stopped else words


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows.

    Attributes:
        experiment, formula: what is running.
        examples: N.
        device: where, in words.
        runs: all of them, in order.
        cursor: the moment that is looked at.
        end: the last moment recorded.
        playing: whether time goes on.
        speed: see `Player.speed`.
        busy_for: seconds that the engine has been at one command.
        tolerance: see `Opened.tolerance`.
        palette: the colours to draw it in.
    """

    experiment: Experiment
    formula: Formula
    examples: int
    device: str
    runs: tuple[RunScene, ...]
    cursor: int
    end: int
    playing: bool
    speed: float
    busy_for: float
    tolerance: float
    palette: Palette

    @property
    def live(self) -> bool:
        """Whether the cursor is at the end of what was recorded."""
        return self.cursor >= self.end

    @property
    def key(self) -> tuple[object, ...]:
        """Two scenes with equal keys look alike."""
        shown = tuple(run.shown for run in self.runs)
        reports = tuple(id(run.report) for run in self.runs)
        return self.experiment, self.cursor, self.end, self.playing, self.speed, int(self.busy_for), shown, reports

    @property
    def clock(self) -> Clock:
        """What the runs are kept equal in."""
        return self.experiment.clock

    @property
    def pace(self) -> float:
        """Units of the clock for each second of playing; infinite: as fast as possible."""
        return self.formula.pace[self.clock] * self.speed

    def span(self, counter: Clock) -> tuple[float, float]:
        """The least and the most that any run counts."""
        values = [
            {"updates": run.update, "examples": run.examples, "seconds": run.seconds}[counter] for run in self.runs
        ]
        return min(values), max(values)


def build_scene(session: Session, hidden: frozenset[int], palette: Palette) -> Scene | None:
    """The scene of a session at its cursor; None while its experiment does not stand yet."""
    history, opened = session.history, session.opened
    if history is None or opened is None:
        return None
    return Scene(
        experiment=session.experiment,
        formula=session.formula,
        examples=opened.examples,
        device=opened.device,
        runs=tuple(
            _run_scene(session, history, index, palette.runs[index], index not in hidden)
            for index in range(len(session.experiment.runs))
        ),
        cursor=history.cursor,
        end=history.end,
        playing=session.player.playing,
        speed=session.player.speed,
        busy_for=session.busy_for,
        tolerance=opened.tolerance,
        palette=palette,
    )


def _run_scene(session: Session, history: History, index: int, color: int, shown: bool) -> RunScene:
    assert session.opened is not None
    reports = session.reports
    seen = history.seen(index)
    updates_per_second, examples_per_second = history.rates(index)
    head = (float(seen[-1]["x"]), float(seen[-1]["y"]))
    return RunScene(
        index=index,
        config=session.experiment.runs[index],
        glyph=GLYPHS[index],
        color=color,
        shown=shown,
        seen=seen,
        recorded=history.recorded(index),
        loss=history.loss(index),
        distance=min((math.dist(head, minimum) for minimum in session.formula.minima), default=math.nan),
        updates_per_second=updates_per_second,
        examples_per_second=examples_per_second,
        report=reports[index] if reports else None,
        loss_every=session.opened.loss_every[index],
    )
