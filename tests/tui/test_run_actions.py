"""Changing a run while the race is on, forking it, and seeing what came of it; with the real engine in this process."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.journal import Fork
from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from sim.protocol.trace import ROW, Rows
from tests.tui.live import Live
from tests.tui.screen import on_screen, ready, settled, text_of, wait_for
from tests.tui.traces import make_experiment
from tui.app import GdsimApp
from tui.headless import descend
from tui.options.command_line import command_line
from tui.panels.lens import Lens
from tui.panels.runs_table import RunsTable
from tui.panels.this_update import ThisUpdate
from tui.panels.timeline import Timeline
from tui.session.link import InlineLink
from tui.session.session import Session
from tui.spool import Spool


def again(session: Session, updates: int) -> dict[int, Rows]:
    """What `gdsim run` does with the experiment that the screen says would go just as this one did."""
    experiment = replace(session.reproduced, limit=Limit("updates", updates))
    with tempfile.TemporaryDirectory() as folder:
        rows = np.concatenate(list(descend(experiment, InlineLink().ask, Spool(Path(folder))).pieces()))[
            list(ROW.names or ())
        ]
    return {run: rows[rows["run"] == run] for run in np.unique(rows["run"]).tolist()}


def assert_equal_but_for_time(one: Rows, other: Rows) -> None:
    for name in one.dtype.names:
        if name not in ("seconds", "clock"):
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def table(live: Live) -> str:
    """What the table says, with one space between its columns."""
    return " ".join(text_of(live.app.query_one(RunsTable)).split())


async def test_a_key_doubles_the_batch_from_the_next_update_on(live: Live) -> None:
    await live.go(10)
    await live.change("right_parenthesis", "less_than_sign")
    await live.go(5)
    assert np.diff(live.recorded(1)["examples"]).tolist() == [32] * 10 + [64] * 5
    assert live.recorded(1)["lr"][1:].tolist() == [0.2] * 10 + [0.1] * 5
    assert live.notified()[:2] == [
        "mini-batch goes on from update 10: batch 32 → 64.",
        "mini-batch goes on from update 10: rate 0.2 → 0.1.",
    ]
    assert "■ mini-batch 64 " in table(live)
    await live.change("less_than_sign")
    assert "■ mini-batch 64 sgd 0.05 " in table(live), "of the update to come"
    await live.go(-8)
    assert "sgd 0.05" not in table(live)
    assert "■ mini-batch 32 " in table(live)
    assert text_of(live.app.query_one(Timeline)).count("┃") == 2


async def test_before_the_first_update_the_possible_steps_are_those_of_the_settings_as_they_are(live: Live) -> None:
    look = live.session.look
    await wait_for(live.pilot, lambda: look.imagined is not None)
    await live.change("right_parenthesis", "greater_than_sign")
    await wait_for(live.pilot, lambda: look.imagined.cloud.batch_size == 64)
    steps = look.imagined.cloud.steps
    await live.change("less_than_sign")
    await wait_for(live.pilot, lambda: look.imagined.cloud.steps is not steps)
    np.testing.assert_allclose(2 * look.imagined.cloud.steps, steps)


async def test_a_short_batch_is_said_to_be_the_last_one_of_its_epoch(live: Live) -> None:
    await live.go(14)
    panel = live.app.query_one(ThisUpdate)
    await wait_for(live.pilot, lambda: "mini-batch update 14" in text_of(panel))
    assert "mini-batch update 14 used the last 26" in text_of(panel)
    await live.go(1)
    await wait_for(live.pilot, lambda: "mini-batch update 15" in text_of(panel))
    assert "mini-batch update 15 used 32" in text_of(panel)


async def test_keys_that_come_faster_than_the_engine_are_taken_one_after_the_other(live: Live) -> None:
    await live.go(10)
    await live.pilot.press("right_parenthesis", "right_parenthesis", "less_than_sign", "less_than_sign")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 4)
    assert (live.session.lineages[1].newest.batch_size, live.session.lineages[1].newest.lr) == (128, 0.05)
    await live.go(-5)
    await live.pilot.press("left_parenthesis", "left_parenthesis")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 6)
    assert live.names == ["batch", "mini-batch", "stochastic", "mini-batch 2"]
    assert [(stage.update, stage.run.batch_size) for stage in live.session.lineages[3].stages] == [(0, 32), (5, 8)]


async def test_what_was_changed_and_forked_on_the_screen_is_reproduced_by_its_command_line(live: Live) -> None:
    await live.go(20)
    await live.change("left_parenthesis")
    await live.go(10)
    await live.go(-15)
    await live.change("left_parenthesis", "F")
    await live.go(40)
    assert live.names == ["batch", "mini-batch", "stochastic", "mini-batch 2", "mini-batch 3"]
    assert [lineage.update for lineage in live.session.lineages] == [0, 0, 0, 15, 15]
    ours = [live.recorded(run) for run in range(5)]
    updates = max(int(rows["update"][-1]) for rows in ours)
    theirs = again(live.session, updates)
    for run, rows in enumerate(ours):
        assert_equal_but_for_time(rows, theirs[run][: len(rows)])
    words = command_line(live.session.reproduced)
    assert "--change=moment=20,run=mini-batch,batch_size=16" in words
    assert "'--change=moment=30,fork=mini-batch,update=15,name=mini-batch 2,batch_size=16'" in words


async def test_a_fork_has_its_parents_past_and_goes_on_at_the_pace_while_the_others_wait(live: Live) -> None:
    await live.go(30)
    parents = live.recorded(1).copy()
    await live.go(-20)
    await live.change("F")
    assert live.session.history.updates == (30, 30, 30, 10)
    assert live.session.look.selected == 3
    assert live.notified() == ["mini-batch 2 goes on from update 10 as mini-batch did."]
    assert_equal_but_for_time(
        live.recorded(3)[["update", "loss", "moment"]], parents[["update", "loss", "moment"]][:11]
    )
    await live.go(20)
    assert live.session.history.updates == (30, 30, 30, 30)
    assert live.recorded(3)["loss"].tolist() == parents["loss"].tolist(), "nothing was changed: the same future"
    await live.go(1)
    assert live.session.history.updates == (31, 31, 31, 31)
    await live.go(-30)
    assert "◆ mini-batch 2 " in text_of(live.app.query_one(RunsTable)), "also of what it has in common"


async def test_reset_begins_again_with_the_settings_as_they_are(live: Live) -> None:
    await live.go(5)
    await live.change("right_parenthesis", "F")
    generation = live.session.generation
    await live.pilot.press("r")
    await wait_for(live.pilot, lambda: live.session.generation > generation)
    assert [(run.name, run.batch_size) for run in live.session.experiment.runs] == [
        ("batch", 442),
        ("mini-batch", 64),
        ("stochastic", 1),
        ("mini-batch 2", 64),
    ]
    assert live.session.journal == ()
    assert live.notified()[-1] == "Begun again with the settings as they are; S begins as the command asked."
    await live.pilot.press("S")
    await wait_for(live.pilot, lambda: live.session.generation > generation + 1)
    sizes = [(run.name, run.batch_size) for run in live.session.experiment.runs]
    assert sizes == [("batch", 442), ("mini-batch", 32), ("stochastic", 1)]
    assert live.session.look.selected == 2, "the fork that was selected is gone"


async def test_a_batch_stays_between_one_example_and_all(live: Live) -> None:
    await live.pilot.press("up")
    await live.pilot.press("right_parenthesis")
    await settled(live.pilot)
    assert live.notified() == ["A batch of batch has 1 to 442 examples."]
    assert live.session.journal == ()


async def test_a_name_with_brackets_is_text() -> None:
    run = RunConfig("[b]all [/] x", "all")
    async with on_screen(experiment=make_experiment(run)) as it:
        await it.press("right_parenthesis")
        await wait_for(it.pilot, it.toasts)
        assert it.toasts() == "▌ A batch of [b]all [/] x has 1 to 61 examples."
        assert "[b]all [/] x" in it.text("#runs")


async def test_a_tenth_run_is_refused_in_a_sentence(live: Live) -> None:
    await live.change(*"FFFFFF")
    await live.pilot.press("F")
    await wait_for(live.pilot, lambda: any("1 to 9 runs, not 10" in words for words in live.notified()))
    assert len(live.names) == 9


async def test_a_run_that_is_removed_is_gone_and_what_is_left_is_reproduced(live: Live) -> None:
    await live.go(20)
    await live.change("D")
    await live.go(10)
    table = text_of(live.app.query_one(RunsTable))
    assert "mini-batch" not in table
    assert "›● batch" in table
    assert [len(live.recorded(run)) for run in range(3)] == [31, 21, 31]
    assert "--change=moment=20,remove=mini-batch" in command_line(live.session.reproduced)
    for run, rows in again(live.session, 30).items():
        assert_equal_but_for_time(live.recorded(run), rows)
    await live.pilot.press("2")
    assert [run.config.name for run in live.app.scene.runs if not run.shown] == ["stochastic"]
    await live.change("D")
    await live.pilot.press("D")
    await wait_for(live.pilot, lambda: "stochastic is the last run; it cannot be removed." in live.notified())


async def test_a_run_that_comes_after_nine_has_the_mark_of_one_that_was_removed(live: Live) -> None:
    await live.go(1)
    await live.change(*["F"] * 6)
    assert text_of(live.app.query_one(RunsTable)).splitlines()[-1].startswith("›◉")
    await live.pilot.press("1", "up", "up", "up", "up")
    await live.change("D", "F")
    lines = text_of(live.app.query_one(RunsTable)).splitlines()
    assert len(lines) == 1 + 9
    assert sorted(line[1] for line in lines[1:]) == sorted("●■▲◆★▼✚✖◉")
    assert lines[-1].startswith("›★")


async def test_a_fork_from_an_update_that_was_never_reached_says_where_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planned = (Fork(5, "batch", 90, {"name": "late"}),)
    heard = list[str]()
    monkeypatch.setattr(GdsimApp, "notify", lambda _app, message, **_: heard.append(message))
    app = GdsimApp(Experiment(device="cpu", changes=planned), card_of(ProblemConfig()), InlineLink(), ticking=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await Live(app, pilot, heard).go(8)
    assert heard == ["late begins after update 5, the last one that batch can go on from, not after 90."]


async def test_of_many_notes_the_newest_are_shown() -> None:
    app = GdsimApp(Experiment(device="cpu"), card_of(ProblemConfig()), InlineLink(), ticking=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await ready(pilot)
        await pilot.press(*["F"] * 4)
        await wait_for(pilot, lambda: len(app.session.lineages) == 7)
        await wait_for(pilot, lambda: len(app.screen.query("Toast")) == 2)
        newest = zip(("mini-batch 4 goes", "mini-batch 5 goes"), app.screen.query("Toast"), strict=True)
        assert all(words in text_of(toast) for words, toast in newest)


async def test_the_table_of_many_forks_takes_the_room_of_the_lens(live: Live) -> None:
    lens = live.app.query_one(Lens)
    await live.change(*"FF")
    assert lens.display
    await live.change("F")
    assert not lens.display
    await live.change("F")
    assert not lens.display
    await live.pilot.press("S")
    await wait_for(live.pilot, lambda: len(live.names) == 3)
    await settled(live.pilot)
    assert lens.display


async def test_a_click_in_the_table_selects_a_run(live: Live) -> None:
    await live.pilot.click(RunsTable, offset=(5, 3))
    assert live.session.look.selected == 2
    assert "›▲ stochastic" in text_of(live.app.query_one(RunsTable))
