"""Everything the panels draw, as it is at the cursor: frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.geometry import Point
from sim.experiment.journal import Journal
from sim.experiment.resolved import Resolved, Run
from sim.problems.card import Card
from sim.problems.curvature import Kind
from sim.protocol.answers import Members, PlaneNews
from sim.protocol.results import Imagined, Predicted, UpdateReport
from sim.protocol.trace import Rows, Status
from tui.draw.numbers import short
from tui.draw.palette import Palette
from tui.scene.members import statuses_in_words
from tui.scene.settings_changes import SettingsChange
from tui.session.thinning import extremes

_STRETCHES = 2048  # more than a panel has dots across
_STANDING: dict[Kind | None, str] = {
    "minimum": "converged",
    "local minimum": "in a local minimum",
    "saddle": "at a saddle",
    "plateau": "on a plateau",
}
"""What a run with next to no gradient is said to do, by where it stands; elsewhere it is "standing still"."""


@dataclass(frozen=True)
class RunScene:
    """One run at the cursor.

    Attributes:
        index: its position among the runs of the experiment.
        config: its row of configuration, with nothing left open.
        glyph: its mark.
        color, faded, swath: of its trail, the old part of that, and the band behind its curve, as 0xRRGGBB.
        shown: whether its trail and curve are drawn.
        seen: its rows up to the cursor, update 0 included.
        recorded: all of its rows, whatever the cursor.
        evaluations: the indices of those with the losses over all examples, in `recorded`; thinned if they are many.
        updates: those of its updates whose points on the plane are known, shape (K,).
        points: where it was after them, shape (K, 2); the last one is its head.
        loss_update: the update after which its losses over all examples were last evaluated.
        values: of the measures that have one, by name, as last taken; NaN without any.
        report: what an update used and did: the last one's while time stands still, a recent one's while it goes
            on; None while unknown.
        angles: the last few updates that were looked at, and how many degrees off each was.
        failed: whether it could not go on.
        changes: what was changed of it up to the cursor.
        kind: of the point where it stands with next to no gradient; None while it moves, or where there is no formula.
        members: where those of a run are that is made from several seeds, at the cursor or when it was last reported
            before; None of one seed, and while unknown.
    """

    index: int
    config: Run
    glyph: str
    color: int
    faded: int
    swath: int
    shown: bool
    seen: Rows
    recorded: Rows
    evaluations: NDArray[np.int64]
    updates: NDArray[np.int64]
    points: NDArray[np.float64]
    loss_update: int
    values: Mapping[str, float]
    report: UpdateReport | None
    angles: tuple[tuple[int, float], ...]
    failed: bool
    changes: tuple[SettingsChange, ...]
    kind: Kind | None
    members: Members | None = None

    @cached_property
    def extremes(self) -> NDArray[np.int64]:
        """The updates with the least and the largest batch losses of their stretch: indices in `recorded`, increasing.

        All updates where they are few. It is found once for all charts of a scene.
        """
        losses = np.ascontiguousarray(self.recorded["batch_loss"][1:])
        if len(losses) <= _STRETCHES:
            return np.arange(1, len(self.recorded))
        stretches = np.unique(np.linspace(0, len(losses), _STRETCHES, endpoint=False, dtype=np.int64))
        return 1 + np.sort(extremes(losses, stretches))

    @property
    def name(self) -> str:
        """What it is called."""
        return self.config.name

    @property
    def loss(self) -> float:
        """The last evaluated loss over all examples."""
        return self.values["loss"]

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
    def changed(self) -> bool:
        """Whether its settings are others than those of its last update."""
        return any(change.update == self.update for change in self.changes)

    @property
    def head(self) -> Point:
        """Where it stands on the plane."""
        return Point(*self.points[-1].tolist())

    @property
    def status(self) -> Status:
        """How it stands."""
        return Status.FAILED if self.failed else Status(self.seen[-1]["status"])

    @property
    def status_words(self) -> str:
        """How it stands, in words: with next to no gradient it has converged at a minimum only.

        One that stopped says after which update.
        """
        if self.members is not None:
            return statuses_in_words(self.members)
        if self.status is Status.CONVERGED:
            return _STANDING.get(self.kind, "standing still")
        words = self.status.name.lower()
        return f"{words} at {short(self.update)}" if self.status.stopped else words


@dataclass(frozen=True, slots=True)
class Scene:
    """All that there is to see at the cursor.

    Attributes:
        experiment, card: what is running.
        clock: what the runs are kept equal in.
        tests: how many examples are for testing.
        device: where, in words.
        runs: all that were not removed, in order.
        cursor: the moment that is looked at.
        end: the last moment recorded.
        playing: whether time goes on.
        speed: see `Player.speed`.
        rate: see `Meter.rate`.
        busy_for: seconds that the engine has been at one command.
        tolerance: see `Opened.tolerance`.
        generation: see `Session.generation`.
        palette: the colours to draw it in.
        paces: for each clock, its units for each second of playing at speed 1.
        plane: on which the runs are seen.
        predictions: what the runs say of some examples; None while unknown.
        changes: what was changed on the way, or will be.
        selected: the run that is looked at closely.
        imagined: the steps that were possible for it at the cursor, or lately while it plays; None while unknown.
        unknowable: whether possible steps that are unknown stay so: the engine is gone, or cannot find them out.
        source: see `Session.source`.
        recording: the name of the file that it is recorded in, or "".
        filled: see `Session.filled`.
    """

    experiment: Resolved
    card: Card
    clock: Clock
    tests: int
    device: str
    runs: tuple[RunScene, ...]
    cursor: int
    end: int
    playing: bool
    speed: float
    paces: Mapping[Clock, float]
    rate: float
    busy_for: float
    tolerance: float
    generation: int
    palette: Palette
    plane: PlaneNews
    predictions: Predicted | None
    changes: Journal
    selected: int
    imagined: Imagined | None
    unknowable: bool = False
    source: str = ""
    recording: str = ""
    filled: int = 0

    @property
    def examples(self) -> int:
        """N, for training; 0 where it is not known."""
        return self.experiment.examples

    def run(self, index: int) -> RunScene:
        """The run of an index; those that were removed have one, too, but are not there."""
        return next(run for run in self.runs if run.index == index)

    @property
    def flat(self) -> bool:
        """Whether the two parameters are the plane, so that there is nothing beside it."""
        return self.plane.flat

    @property
    def live(self) -> bool:
        """Whether the cursor is at the end of what was recorded."""
        return self.cursor >= self.end

    @property
    def chosen(self) -> tuple[object, ...]:
        """What the user, or a plan, chose: it stays as it is while the race goes on by itself."""
        shown = tuple(run.shown for run in self.runs)
        said = self.playing, self.speed, self.source, self.recording
        return id(self.experiment), self.clock, self.changes, said, shown, self.selected

    @property
    def course(self) -> tuple[object, ...]:
        """Two scenes with equal ones have the same curves."""
        return self.chosen, self.cursor, self.end, self.filled

    @property
    def key(self) -> tuple[object, ...]:
        """Two scenes with equal keys look alike."""
        reports = tuple(id(run.report) for run in self.runs)
        possible = id(self.imagined), self.unknowable
        return self.course, int(self.busy_for), self.plane.number, reports, possible, id(self.predictions)

    @property
    def pace(self) -> float:
        """Units of the clock for each second of playing; infinite: as fast as possible."""
        return self.paces[self.clock] * self.speed

    @property
    def layers(self) -> tuple[RunScene, ...]:
        """The runs that are shown, in the order of drawing: the noisiest first, so that it hides no other."""
        shown = [run for run in reversed(self.runs) if run.shown]
        return tuple(sorted(shown, key=lambda run: run.config.batch_size))

    def span(self, counter: Clock) -> tuple[float, float]:
        """The least and the most that any run counts."""
        values = [float(run.seen[-1][CLOCKS[counter].column]) for run in self.runs]
        return min(values), max(values)
