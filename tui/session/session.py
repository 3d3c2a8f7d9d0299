"""One experiment on the screen: its engine, what was recorded, and the player. The state that changes, in one place."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from sim.data.arrays import Card, ModelCard
from sim.experiment.choices import Clock, PlaneKind
from sim.experiment.config import Experiment, ModelConfig, ProblemConfig
from sim.experiment.geometry import Point
from sim.protocol.answers import (
    Advanced,
    Answer,
    Failed,
    Inspected,
    Opened,
    PlaneNews,
    Predicted,
    Surveyed,
    Trouble,
    UpdateReport,
)
from sim.protocol.commands import Advance, Command, Inspect, Open, Predict, SetClock, SetPlane, Survey
from tui.session.banner import Banner, with_hint
from tui.session.history import History
from tui.session.inflow import Inflow
from tui.session.link import EngineGoneError, Link, StaleError
from tui.session.player import Meter, Player
from tui.session.trails import PlaneTrails

_BUDGET = 0.033  # seconds of computing for a frame: 30 a second
_FRAMES_AT_ONCE = 3  # computed with one command while it plays as fast as possible
_STEP_BUDGET = 0.1
_MEASURED_UNITS = 10  # of the clock, over which its real pace is measured
_SHOWN_EXAMPLES = 24
_DEAR_PASS = 0.05  # seconds


_MISSING: dict[type[Command], str] = {Survey: "No landscape", Predict: "No answers", Inspect: "No look at updates"}


class Session:
    """An experiment under way.

    Attributes:
        experiment: what is running, with its clock as it is now.
        card: what is known of the problem beforehand.
        opened: what the engine said of it; None until it stands.
        history: what was recorded; None until it stands.
        trails: where a model's runs went on its plane; None for two parameters.
        player: playing or paused, and how fast.
        meter: how fast really.
        generation: how many times the experiment was begun.
        banner: trouble, or None.
        reports: what `inspect` last found, for each run.
        predictions: what `predict` last found, and at which moment.
        troubles: why runs failed, by their index.
        finished: no run has anything left to do.
    """

    def __init__(self, experiment: Experiment, card: Card, link: Link, notify: Callable[[str], None]) -> None:
        self.experiment = experiment
        self.card = card
        self.opened: Opened | None = None
        self.history: History | None = None
        self.trails: PlaneTrails | None = None
        self.player = Player()
        self.meter = Meter()
        self.generation = 0
        self.banner: Banner | None = None
        self.reports: tuple[UpdateReport | None, ...] = ()
        self.predictions: tuple[int, Predicted | None] = (-1, None)
        self.troubles: dict[int, Trouble] = {}
        self.finished = False
        self._link = link
        self._notify = notify
        self._inflow = Inflow()
        self._pulls = 0
        self._opening = 0
        self._restarting = False
        self._refused: set[type[Command]] = set()
        self._killed = False
        self._inspecting = False
        self._predicting = False
        self._target: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- commands -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin the experiment from its start, dropping what was recorded once the engine stands."""
        self._target, self.finished, self._killed = None, False, False
        self.player.owed = 0.0
        answer = await self._ask(Open(self.experiment))
        if isinstance(answer, Opened):
            self.opened, self.history, self._inflow = answer, History(answer.rows), Inflow()
            self.generation += 1
            self.trails = PlaneTrails(answer.plane) if answer.plane else None
            self._fill_in(answer)
            self.reports, self.predictions, self.troubles = (), (-1, None), {}
            self.banner = None
            self._refused.clear()

    def _fill_in(self, opened: Opened) -> None:
        """Fill in what only the engine knew of a model's problem."""
        if isinstance(self.card, ModelCard):
            self.card = replace(self.card, examples=opened.examples, lr=opened.lr)
            self.experiment = self.experiment.resolved(opened.lr, None, opened.examples)

    def reset(self, start: Point | None = None, seed: int | None = None) -> None:
        """Begin again, from another start or with another seed if given; a dead engine is started again."""
        problem = self.experiment.problem
        if start is not None and isinstance(problem, ProblemConfig):
            problem = replace(problem, start=start)
        seed = self.experiment.seed if seed is None else seed
        self.experiment = replace(self.experiment, problem=problem, seed=seed)
        self._restarting, self.banner = self._restarting or self.banner is not None, None
        self._opening += 1
        self._spawn(self._reopen())

    async def _reopen(self) -> None:
        try:
            await self.open()
        finally:
            self._opening -= 1
            self._restarting = self._restarting and self._opening > 0

    @property
    def starting(self) -> bool:
        """Whether there is nothing yet, or nothing any more, and the engine is being started."""
        return self.banner is None and (self.opened is None or self._restarting)

    def toggle_play(self) -> None:
        """Play or pause; what cannot go on stays as it is."""
        if self.banner is None:
            self.player.toggle()
        else:
            self._notify("Nothing can play as things are; press r to begin again.")

    def set_clock(self, clock: Clock) -> None:
        """Keep the runs equal in something else from here on."""
        self.experiment = replace(self.experiment, clock=clock)
        self.player.owed = 0.0
        self._spawn(self._ask(SetClock(clock)))

    def step(self, moments: int) -> None:
        """Pause and go by so many moments, through what was recorded and then on; or back."""
        self.player.pause()
        history = self.history
        if history is not None:
            history.append(self._inflow.rest())
            missing = history.seek(moments)
            self._target = max(self._target or 0, history.end) + missing if missing else None
            self.frame(0.0)

    def kill(self) -> None:
        """End the engine at once."""
        self._killed = True
        self._link.kill()

    def set_plane(self, kind: PlaneKind) -> None:
        """See a model's parameters on another plane."""
        problem = self.experiment.problem
        if isinstance(problem, ModelConfig):
            self.experiment = replace(self.experiment, problem=replace(problem, plane=kind))
        self._spawn(self._set_plane(kind))

    async def _set_plane(self, kind: PlaneKind) -> None:
        answer = await self._ask(SetPlane(kind))
        if isinstance(answer, PlaneNews) and self.trails is not None:
            self.trails.take(answer)
            self.reports = ()

    async def survey(self, command: Survey) -> Surveyed | None:
        """The landscape, or as much of it as the budget allows; None if there is none to be had."""
        opened = self.opened
        answer = await self._ask(command) if Survey not in self._refused and self.banner is None else None
        return answer if isinstance(answer, Surveyed) and opened is self.opened else None

    def predict(self) -> None:
        """Have the runs' present answers to some examples told; `predictions` will hold them."""
        if self._predicting or self._opening or self.banner is not None or Predict in self._refused:
            return
        if self.history is not None and self.predictions[0] != self.history.end:
            self._predicting = True
            self._spawn(self._predict(self.history.end))

    async def _predict(self, moment: int) -> None:
        try:
            answer = await self._ask(Predict(_SHOWN_EXAMPLES))
        finally:
            self._predicting = False
        if isinstance(answer, Predicted):
            self.predictions = moment, answer

    # -- time ---------------------------------------------------------------------------------------------------------

    def frame(self, seconds: float) -> None:
        """So much wall time went by: replay what was recorded, or have more computed."""
        history, player = self.history, self.player
        if history is None or self.banner is not None or self._opening:
            return
        if self._link.gone is not None:
            self._lose_engine(self._link.gone)
            return
        history.append(self._inflow.part() if self.hurried else self._inflow.rest())
        player.elapse(seconds)
        if player.playing and not history.live:
            player.owed = history.replay(player.owed, self.card.pace)
        elif player.playing:
            whole = self.experiment.clock != "seconds"  # updates, and examples, are counted whole
            window = max(1.0, _MEASURED_UNITS / (self._pace * player.speed)) if whole else 1.0
            self.meter.elapse(seconds, (self.experiment.clock, player.speed, self.generation), window)
        self._go_on(history)

    def _go_on(self, history: History) -> None:
        """Have computed what is due, if the engine has nothing to do."""
        player = self.player
        if self._pulls >= (2 if self.hurried else 1):
            return
        if player.playing:
            self._target = None
        if self._target is not None:
            self._pull(self._target - history.end, math.inf, _STEP_BUDGET)
        elif player.playing and history.live and self._due() and self._has_room():
            budget = _FRAMES_AT_ONCE * _BUDGET if self.hurried else _BUDGET
            self._pull(1_000_000, player.owed * self._pace, budget)

    @property
    def caught_up(self) -> bool:
        """Whether the cursor is where the engine is, as far as is known."""
        return self.history is not None and self.history.live and self._inflow.empty

    @property
    def hurried(self) -> bool:
        """Whether it plays as fast as possible: the engine then always has a next command waiting."""
        return self.player.playing and math.isinf(self.player.speed)

    @property
    def _pace(self) -> float:
        return self.card.pace[self.experiment.clock]

    @property
    def output(self) -> str:
        """What the engine, and a model in it, printed last."""
        return self._link.output

    @property
    def busy_for(self) -> float:
        """Seconds that the engine has been working on a command."""
        return self._link.busy_for

    def _due(self) -> bool:
        """Whether anything could complete in the time owed: whole updates and examples only."""
        return self.player.owed * self._pace >= (0.0 if self.experiment.clock == "seconds" else 1.0)

    def _has_room(self) -> bool:
        assert self.history is not None
        if self.finished:
            self.player.pause()
            self._notify("Every run has stopped; press r to begin again.")
            return False
        if self.history.full:
            self.player.pause()
            self._notify("The recording is full (4 million updates); press e to export it, r to begin again.")
            return False
        return True

    def _pull(self, moments: int, span: float, budget: float) -> None:
        self._pulls += 1  # from now on, not from when the task begins: another frame may come before it does
        self._spawn(self._advance(moments, span, budget))

    async def _advance(self, moments: int, span: float, budget: float) -> None:
        clock, speed = self.experiment.clock, self.player.speed
        try:
            answer = await self._ask(Advance(moments, span, budget))
        finally:
            self._pulls -= 1
        if not isinstance(answer, Advanced) or self.history is None:
            self._target = None
            return
        self.history.append(self._inflow.rest())
        if self.hurried and not answer.finished:
            self._inflow.put(answer.rows, _FRAMES_AT_ONCE)
        else:
            self.history.append(answer.rows)
        self.finished = answer.finished
        self.meter.cover(answer.covered)
        if (self.experiment.clock, self.player.speed) == (clock, speed):  # else nothing is owed in that currency
            self.player.owed -= answer.covered / self._pace
        stepped = self._target is not None and self.history.end >= self._target
        if stepped or (span == math.inf and not len(answer.rows)):
            self._target = None
        if answer.plane is not None and self.trails is not None:
            self.trails.take(answer.plane)
        for trouble in answer.troubles:
            self.troubles[trouble.run] = trouble
            self._notify(with_hint(trouble.sentence, trouble.details))
        if self.hurried:
            self._go_on(self.history)

    # -- looking closer -----------------------------------------------------------------------------------------------

    def inspect(self) -> None:
        """Have this update's batches and gradients told; `reports` will hold them."""
        history = self.history
        if history is None or self.opened is None or self.banner is not None or self._opening:
            return
        if self._inspecting or Inspect in self._refused:
            return
        seen = [history.seen(run) for run in range(len(self.experiment.runs))]
        updates = tuple(int(rows[-1]["update"]) for rows in seen)
        if updates == tuple(report.update if report else 0 for report in self.reports or [None] * len(seen)):
            return
        before: tuple[Point, ...] | None = None
        if self.trails is None:
            before = tuple(Point(*rows[-2][["x", "y"]]) if len(rows) > 1 else Point(0.0, 0.0) for rows in seen)
        elif self.player.playing and self.opened.pass_seconds > _DEAR_PASS:
            return  # passes through all of a model's data wait until there is time
        self._inspecting = True
        newest = self.trails is not None and history.live
        self._spawn(self._inspect(Inspect(None if newest else updates, before)))

    async def _inspect(self, command: Inspect) -> None:
        try:
            answer = await self._ask(command)
        finally:
            self._inspecting = False
        if isinstance(answer, Inspected):
            self.reports = answer.reports

    # -- the engine ---------------------------------------------------------------------------------------------------

    async def _ask(self, command: Command) -> Answer | None:
        """Send a command; trouble becomes the banner, what is stale nothing."""
        try:
            answer = await self._link.request(command)
        except StaleError:
            return None
        except EngineGoneError as gone:
            self._lose_engine(gone)
            return None
        if isinstance(answer, Failed) and isinstance(command, (Survey, Predict, Inspect)):
            self._refused.add(type(command))  # training goes on without it
            if not any(answer.sentence in trouble.sentence for trouble in self.troubles.values()):
                self._notify(f"{_MISSING[type(command)]}: {answer.sentence}")
        elif isinstance(answer, Failed) and self.banner is None:
            self.player.pause()
            self.banner = Banner(answer.sentence, answer.details, config=answer.config)
        return answer

    def _lose_engine(self, gone: EngineGoneError) -> None:
        self.player.pause()
        sentence = "You stopped the engine." if self._killed else str(gone)
        self.banner = Banner(f"{sentence} Press r to start it again.", gone.output, dead=True)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
