"""Moments that were left out of the record and made again, against the same engine when all of them are reported."""

import math

import numpy as np
import pytest

from sim.engine import Engine
from sim.experiment.choices import Clock
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.journal import Fork, RunChange
from sim.protocol.answers import Advanced, Opened, Worked
from sim.protocol.commands import Advance, Open, Remake, Retention, Work
from sim.protocol.results import Remade
from tui.session.history import History
from tui.session.record import close, record
from tui.session.trails import PlaneTrails

CHANGES = (
    RunChange(150, "some", {"batch_size": 8}),
    Fork(250, "some", 20, {"name": "fork", "lr": 0.01}),
)
RUNS = (RunConfig("one", 1, loss_every=7), RunConfig("some", 32, loss_every=7), RunConfig("all", "all", loss_every=7))


class Raced:
    """A race of an engine of its own, recorded as the screen does."""

    def __init__(self, experiment: Experiment, rows: int | None, memory: float, moments: int) -> None:
        self.engine, self.journal = Engine(), experiment.changes
        opened = self.engine.ask(Open(experiment, Retention(rows)))
        assert isinstance(opened, Opened)
        self.history, self.trails = History(opened.rows, memory), PlaneTrails(opened.plane)
        runs = len(opened.rows)
        for _ in range(moments // 50):
            answer = self.engine.ask(Advance(50, math.inf, 60.0))
            assert isinstance(answer, Advanced)
            rows = answer.rows
            self.trails.take(answer.plane, answer.lineages)
            for lineage in answer.lineages[runs:]:
                before = rows["moment"] <= lineage.moment
                record(rows[before], self.history, self.trails, self.journal)
                self.history.fork(lineage)
                rows = rows[~before]
            runs = len(answer.lineages)
            record(rows, self.history, self.trails, self.journal)

    def look_closely(self) -> None:
        """Have what is missing around the cursor made again."""
        if (gap := self.history.gap) is not None:
            answer = self.engine.ask(Work((Remake(gap.spans),), 60.0))
            assert isinstance(answer, Worked)
            ((_, made),) = answer.results
            assert isinstance(made, Remade)
            close(gap, made, self.history, self.trails, self.journal)


@pytest.fixture(scope="module", params=["updates", "examples"])
def raced(request: pytest.FixtureRequest) -> tuple[Raced, Raced]:
    """A race that is recorded in little memory and, of each fifty moments, by a few; and one that is recorded whole."""
    clock: Clock = request.param
    experiment = Experiment(runs=RUNS, clock=clock, changes=CHANGES, device="cpu")
    return Raced(experiment, 20, 100_000.0, 450), Raced(experiment, None, math.inf, 450)


MADE_AT = ("moment", "update", "examples", "epoch", "position", "clock", "status")
MEASURED = ("batch_loss", "grad_norm", "loss", "lr")


@pytest.mark.parametrize("moment", [450, 251, 151, 3])
def test_what_was_left_out_is_made_again_exactly(raced: tuple[Raced, Raced], moment: int) -> None:
    some, every = raced
    some.history.seek_to(moment)
    for steps in (0, -1, -40, +60):
        moment = min(450, max(0, moment + steps))
        some.history.seek(steps)
        some.look_closely()
        every.history.seek_to(moment)
        assert some.history.cursor == every.history.cursor == moment
        for run in range(4 if moment > 250 else 3):
            ours, theirs = some.history.seen(run)[-1], every.history.seen(run)[-1]
            for name in (*MADE_AT, *MEASURED):
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f"{name} of run {run} at {moment}")
            point = some.trails.point_after(run, int(ours["update"]))
            assert point == every.trails.point_after(run, int(ours["update"]))
    seconds = [some.history.recorded(run)["seconds"] for run in range(3)]
    assert all((np.diff(spent) >= 0).all() for spent in seconds)
