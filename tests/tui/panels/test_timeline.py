"""The timeline: where the cursor stands, what is marked, and going there."""

import pytest
from textual import events

from sim.experiment.config import RunConfig
from sim.experiment.journal import ClockChange
from tests.tui.screen import on_screen
from tests.tui.traces import make_experiment, make_race, make_scene
from tui.panels.timeline import Timeline, timeline_text

EXPERIMENT = make_experiment()
RACE = make_race(EXPERIMENT, 40)


@pytest.mark.parametrize("cursor", [0, 10, 23, 40])
def test_the_cursor_stands_at_its_share_of_the_line(cursor: int) -> None:
    line = timeline_text(make_scene(EXPERIMENT, RACE, cursor=cursor), 81).plain
    assert len(line) == 81
    assert line.index("◉") == 2 * cursor


def test_changes_of_the_clock_and_ends_of_runs_are_marked() -> None:
    experiment = make_experiment(RunConfig("calm", "all"), RunConfig("hasty", 1, lr=1.4))
    race = make_race(experiment, 40)
    last = race.rows[race.rows["run"] == 1][-1]["moment"]
    changes = (ClockChange(10, "examples"), ClockChange(90, "seconds"))
    line = timeline_text(make_scene(experiment, race, changes=changes), 41).plain
    assert line.index("┃") == 10
    assert line.count("┃") == 1
    assert line.index("■") == last


async def test_a_click_goes_there_and_the_wheel_by_ten() -> None:
    async with on_screen() as it:
        await it.go(40)
        width = it.text("#timeline").index(" 40 of 40 moments") - 1
        await it.pilot.click(Timeline, offset=(1 + round(0.25 * (width - 1)), 0))
        await it.until(10)
        assert " 10 of 40 moments" in it.text("#timeline")
        timeline = it.app.query_one(Timeline)
        timeline.post_message(events.MouseScrollUp(timeline, 5, 0, 0, 0, 0, False, False, False, 5, 38))
        await it.until(20)
