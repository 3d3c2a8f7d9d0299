"""The key that begins and ends a recording on the screen, and the screen of one that goes on; with the real engine."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.config import Experiment
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.problems.card import card_of
from sim.recording.reader import Recording
from sim.recording.writer import Writer
from tests.tui.live import Live
from tests.tui.screen import ready, text_of, wait_for
from tests.tui.test_run_actions import assert_equal_but_for_time
from tui.app import GdsimApp
from tui.record_actions import dated
from tui.session.link import InlineLink
from tui.session.recorded_link import RecordedLink
from tui.session.resuming import Resumption, take_up

PROBLEMS = {"problem": ProblemConfig(), "model": ModelConfig("mlp", dataset="iris", hidden=(4,))}


@asynccontextmanager
async def shown(
    experiment: Experiment, writer: Writer | None = None, resumption: Resumption | None = None
) -> AsyncIterator[Live]:
    heard = list[str]()
    link = RecordedLink(InlineLink(), heard.append, writer, resumption)
    app = GdsimApp(experiment, card_of(experiment.problem), link, ticking=False)
    app.notify = lambda message, **_: heard.append(message)  # type: ignore[method-assign]
    app.session.notify = heard.append
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        yield Live(app, pilot, heard)
    link.close()


def test_a_file_is_named_after_the_problem_and_the_time() -> None:
    assert re.fullmatch(r"gdsim-100%d-\d{8}-\d{6}\.csv", str(dated("100%d.py:small", ".csv")))


async def press_record(live: Live, *, records: bool) -> None:
    await live.pilot.press("W")
    await wait_for(live.pilot, lambda: (live.session.link.recording is not None) == records)
    await wait_for(live.pilot, lambda: not live.session.changing.locked())
    live.app.redraw()


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
async def test_what_was_before_is_in_the_file_and_what_comes_after_goes_on(
    problem: ProblemConfig | ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shown(Experiment(problem, device="cpu")) as live:
        await live.go(6)
        await live.change("left_parenthesis")
        await live.go(6)
        await live.pilot.press("left")
        await live.change("F")
        await live.go(3)
        await press_record(live, records=True)
        file = live.session.link.recording
        assert "●" in text_of(live.app.query_one("#status"))
        assert file.name[:12] in text_of(live.app.query_one("#status"))
        await live.go(5)
        await live.change("greater_than_sign")
        await live.go(5)
        await press_record(live, records=False)
        assert "●" not in text_of(live.app.query_one("#status"))
        assert live.heard[-1] == f"Recorded in {file.name}; gdsim replay shows it, gdsim resume goes on."
        seen = Recording(file)
        news = seen.news()
        assert (seen.state, seen.journal, news.lineages) == ("complete", live.session.journal, live.session.lineages)
        for run, lineage in enumerate(news.lineages):
            own = live.recorded(run)
            recorded = news.rows[news.rows["run"] == run]
            for name in own.dtype.names:
                np.testing.assert_array_equal(recorded[name], own[own["update"] > lineage.update][name])
            points = live.session.trails.until(run, int(own["update"][-1]), live=True)[1]
            np.testing.assert_array_equal(news.plane.trails[run].xy[-1], points[-1])
        assert seen.landscapes == 1
        seen.close()
        await live.go(20)
        unbroken = [live.recorded(run) for run in range(len(live.names))]
        end = live.session.history.end

    resumption, writer = take_up(file, None, limited=False)
    async with shown(resumption.asked, writer, resumption) as live:
        assert live.session.history.live
        assert file.name[:12] in text_of(live.app.query_one("#status"))
        await live.go(end - live.session.history.end)
        for run, rows in enumerate(unbroken):
            assert_equal_but_for_time(live.recorded(run), rows)
    assert Recording(file).news().rows["moment"].max() == end
