"""The three clocks side by side, and seeking on curves of any axis."""

import re

import numpy as np
import pytest
from textual import events
from textual.geometry import Offset
from textual.widget import Widget

from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.config import RunConfig
from tests.tui.screen import COMPACT, VERY_WIDE, WIDE, Screen, go, on_screen, ready, settled, text_of
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race, make_scene
from tui.app import GdsimApp
from tui.draw.palette import DARK
from tui.panels.chart_panel import AXES, ChartPanel
from tui.panels.clocks import ClockChart, caption
from tui.panels.curve_style import CurveStyle
from tui.panels.curves import Curves
from tui.scene.comparison import leaders

LARGE = (200, 60)
EXPERIMENT = make_experiment()
RACE = make_race(EXPERIMENT, 40)
SCENE = make_scene(EXPERIMENT, RACE)


def charts(it: Screen) -> dict[Clock, ClockChart]:
    """The chart of each clock."""
    return {chart.clock: chart for chart in it.app.query(ClockChart)}


def said(scene: object, clock: Clock, width: int = 80) -> str:
    """What is written beneath a chart."""
    return "".join(words for words, _ in caption(scene, clock, width))  # type: ignore[arg-type]


async def test_from_170_columns_on_they_stand_side_by_side_and_the_one_kept_equal_is_marked() -> None:
    async with on_screen(LARGE) as it:
        await it.go(30)
        for clock in ("updates", "examples", "seconds"):
            found = charts(it)
            assert list(found) == list(CLOCKS)
            assert {chart.region.y for chart in found.values()} == {found[clock].region.y}
            assert [name for name, chart in found.items() if "kept equal" in text_of(chart)] == [clock]
            assert [name for name, chart in found.items() if chart.has_class("-equal")] == [clock]
            assert not it.app.query_one(Curves).display
            await it.press("c")


async def test_the_leader_stands_under_each_with_its_glyph_and_colour() -> None:
    async with on_screen(LARGE) as it:
        await it.go(30)
        assert it.app.scene is not None
        for clock, chart in charts(it).items():
            (first,) = leaders(it.app.scene.runs, clock)
            lines = text_of(chart).split("\n")
            words = f"{first.glyph} {first.config.name} leads after "
            assert words in lines[-2]
            frame = chart._frame
            assert frame is not None
            assert frame.fg[-1, lines[-2].index(first.glyph) - 1] == first.color


def test_what_is_said_beneath_names_where_all_have_come() -> None:
    assert re.fullmatch(r". \S+ leads after 40 updates", said(SCENE, "updates"))
    assert re.fullmatch(r". \S+ leads after 40 examples", said(SCENE, "examples"))
    assert re.fullmatch(r". \S+ leads after 4.04 ms", said(SCENE, "seconds"))
    first = make_scene(EXPERIMENT, RACE, cursor=1)
    assert said(first, "examples") == "● batch and ■ mini-batch have not moved after 1 example"
    assert said(make_scene(EXPERIMENT, RACE, cursor=16), "examples").endswith(" leads after 16 examples")


def test_what_is_said_beneath_gives_way_where_there_is_no_room() -> None:
    full = said(SCENE, "updates")
    for width in range(1, len(full) + 1):
        words = said(SCENE, "updates", width)
        assert len(words) <= max(width, len("● leads"))
        assert full.startswith(words) or words == f"{full[0]} leads"


def test_runs_at_a_tie_are_all_named() -> None:
    experiment = make_experiment(*(RunConfig(name, 16) for name in ("one", "twin", "third")), RunConfig("far", 1))
    words = said(make_scene(experiment, make_race(experiment, 20)), "updates")
    assert words == "● one, ■ twin and ▲ third are level after 20 updates"


async def test_their_key_shows_them_where_there_is_room_and_else_on_the_whole_screen() -> None:
    async with on_screen(WIDE) as it:
        clocks, surface = it.app.query_one("#clocks"), it.surface
        assert (clocks.display, it.app.query_one(Curves).display) == (False, True)
        await it.press("C")
        assert (clocks.display, surface.display, it.app.query_one(Curves).display) == (True, True, False)
        await it.press("C")
        assert not clocks.display
        await it.pilot.resize_terminal(*COMPACT)
        await it.press("C")
        assert (clocks.display, surface.display) == (True, False)
        assert clocks.size.width == COMPACT[0]
        assert all("per " in text_of(chart) for chart in charts(it).values())
        await it.press("C")
        assert (clocks.display, surface.display) == (False, True)


async def test_a_chart_can_be_enlarged_with_its_fellows_and_the_lens_be_put_away() -> None:
    async with on_screen(LARGE) as it:
        charts(it)["examples"].focus()
        await it.press("f")
        assert [panel.id for panel in it.app.query("#body > *") if panel.display] == ["clocks"]
        assert charts(it)["examples"].size.height > 40
        await it.press("f")
        assert it.surface.display


async def test_resizing_goes_by_the_room_there_is() -> None:
    async with on_screen(VERY_WIDE) as it:
        clocks = it.app.query_one("#clocks")
        await it.press("C")
        assert not clocks.display
        for size, shown in (((175, 50), 0), (WIDE, 0), (VERY_WIDE, 1), ((200, 24), 0), ((170, 40), 1)):
            await it.pilot.resize_terminal(*size)
            await settled(it.pilot)
            assert clocks.display == bool(shown)


def test_an_x_axis_is_logarithmic_where_a_run_would_not_be_seen_on_a_linear_one() -> None:
    style = CurveStyle()
    assert [clock for clock in CLOCKS if style.log_across(SCENE, AXES[clock])] == ["examples"]
    style.next_across()
    assert all(style.log_across(SCENE, column) for column in AXES.values())
    style.next_across()
    assert not any(style.log_across(SCENE, column) for column in AXES.values())


async def test_the_tags_are_the_numbers_of_the_table_however_many_values_are_drawn() -> None:
    experiment = make_experiment(RunConfig("noisy", 1))
    race = make_race(experiment, 9000)
    rng = np.random.default_rng(0)
    race.rows["loss"][1:] = rng.lognormal(0, 2, 9000)
    app = GdsimApp(experiment, CARD, ReplayLink(race), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 8999)
        loss = f"{race.rows['loss'][8999]:.3g}"
        assert f"● {loss}" in text_of(app.query_one(Curves))
        assert loss in text_of(app.query_one("#runs"))


async def test_a_mark_stands_where_its_loss_was_evaluated() -> None:
    experiment = make_experiment(RunConfig("rarely", 1))
    race = make_race(experiment, 60)
    race.rows["loss"][1:] = np.where(np.arange(1, 61) % 30, np.nan, race.rows["loss"][1:])
    app = GdsimApp(experiment, CARD, ReplayLink(race), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 60)
        app.session.history.seek(-11)  # to update 49
        await settled(pilot)
        chart = app.query_one(Curves)
        ((line, tag),) = [(line, found) for line in text_of(chart).split("\n") if (found := line.find("●")) >= 0]
        assert number_at(chart, tag - 1, log=False) == pytest.approx(30, abs=2)
        assert f"{race.rows['loss'][30]:.3g}" in line


# -- seeking ----------------------------------------------------------------------------------------------------------


def cells(chart: ChartPanel, color: int) -> list[tuple[int, int]]:
    """The cells of a chart in which a run's line is, from the left."""
    frame = chart._frame
    assert frame is not None
    rows, columns = np.nonzero((frame.fg == color) & (frame.characters > 0x2800))
    return sorted(zip(columns.tolist(), rows.tolist(), strict=True))


def ticks(chart: ChartPanel) -> list[tuple[int, float]]:
    """The columns of the ticks on the x axis, and the numbers under them."""
    lines = [line[1:-1] for line in text_of(chart).split("\n")[1:-1]]
    row = next(row for row, line in enumerate(lines) if "└" in line)
    columns = [match.start() for match in re.finditer("┬", lines[row])]
    labels = re.findall(r"([\d.]+)( k)?", lines[row + 1])
    return [
        (column, float(number) * (1000 if unit else 1)) for column, (number, unit) in zip(columns, labels, strict=True)
    ]


def number_at(chart: ChartPanel, column: int, log: bool) -> float:
    """What the ticks say that a column stands for."""
    columns, numbers = zip(*[tick for tick in ticks(chart) if tick[1] > 0 or not log], strict=True)
    slope, begin = np.polyfit(columns, np.log10(numbers) if log else numbers, 1)
    number = slope * column + begin
    return float(10**number if log else number)


async def check_clicks(it: Screen, chart: ChartPanel, log: bool = False) -> None:
    """A click on a run's line goes to the update that is drawn there."""
    column = AXES[chart.axis]
    rows = [it.link.race.rows[it.link.race.rows["run"] == run] for run in range(3)]
    for color in DARK.runs[:3]:
        for cell in cells(chart, color)[2::5]:
            moment = chart.moment_at(Offset(*cell))
            clicked = number_at(chart, cell[0], log)
            there = abs(number_at(chart, cell[0] + 1, log) - clicked) + 0.5 * np.array(
                [np.ptp(own[column][:2]) for own in rows]
            )
            off = [np.abs(own[column][own["moment"] == moment] - clicked).min(initial=np.inf) for own in rows]
            assert (off <= there).any()
    x, y = cells(chart, DARK.runs[2])[3]
    moment = chart.moment_at(Offset(x, y))
    assert moment is not None
    assert 0 < moment < 40
    await it.pilot.click(chart, offset=(x + 1, y + 1))
    await it.until(moment)


async def test_a_click_on_a_chart_of_a_clock_goes_to_the_update_that_is_drawn_there() -> None:
    async with on_screen(LARGE) as it:
        await it.go(40)
        for clock, chart in charts(it).items():
            await check_clicks(it, chart, log=clock == "examples")


async def test_a_click_on_the_curves_goes_to_the_update_that_is_drawn_there() -> None:
    async with on_screen(WIDE) as it:
        await it.go(40)
        for axis in ("updates", "epochs", "examples", "seconds"):
            assert f"over {axis}" in it.text("#curves")
            await check_clicks(it, it.app.query_one(Curves), log=axis in ("epochs", "examples"))
            await it.press("end", "x")


async def test_where_lines_lie_apart_the_one_that_was_clicked_on_counts() -> None:
    """After 16 examples stochastic descent has made 16 updates, where the mini-batch run has made one."""
    async with on_screen(LARGE) as it:
        await it.go(40)
        chart = charts(it)["examples"]
        for run, update in ((2, 16), (1, 20), (0, 20)):
            examples = update * it.link.race.experiment.runs[run].batch_size
            near = [cell for cell in cells(chart, DARK.runs[run]) if number_at(chart, cell[0], True) >= examples]
            moment = chart.moment_at(Offset(*near[0]))
            assert moment == pytest.approx(update, abs=4)  # a column is a sixth further than the one before


async def test_the_wheel_goes_ten_moments_on_or_back() -> None:
    async with on_screen(LARGE) as it:
        await it.go(40)
        panels: list[Widget] = [*charts(it).values(), it.app.query_one("#timeline")]
        for panel in panels:
            for kind, moment in ((events.MouseScrollDown, 30), (events.MouseScrollUp, 40)):
                panel.post_message(kind(panel, 5, 0, 0, 0, 0, False, False, False, 5, 5))
                await it.until(moment)
                assert it.history.updates == (moment,) * 3
