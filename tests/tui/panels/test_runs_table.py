"""What the table of runs says of a scene."""

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.cells import set_cell_size

from sim.experiment.choices import Clock
from sim.experiment.config import RunConfig
from sim.problems.curvature import Kind
from sim.protocol.trace import Status
from tests.tui.panels.moments import EXPERIMENT, RACE, grown, point_of, row_of, scene_at
from tests.tui.traces import FORMULA, SECONDS, loss_at, make_experiment, make_race, make_scene
from tui.draw.numbers import decimal
from tui.draw.sparkline import BLOCKS
from tui.panels.runs_table import table_text
from tui.scene.scene import Scene


def cells_of(scene: Scene, width: int) -> list[dict[str, str]]:
    """The table read back: between two columns there are two spaces at least, and left of them the runs' marks."""
    rows = [re.split(" {2,}", line[3:].strip()) for line in table_text(scene, width).plain.split("\n")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_long_or_a_wide_name_leaves_room_for_what_the_run_has_come_to(width: int) -> None:
    experiment = make_experiment(RunConfig("a name without an end " * 5, "all"), RunConfig("\u6c17\u6e29" * 9, 8))
    scene = make_scene(experiment, make_race(experiment, 5))
    heading, *lines = table_text(scene, width).split("\n")
    begin = heading.plain.index("loss")
    for run, line in zip(scene.runs, lines, strict=True):
        assert line.cell_len <= heading.cell_len == width
        assert set_cell_size(line.plain, begin) + f"{decimal(run.loss)} " == set_cell_size(
            line.plain, begin + len(decimal(run.loss)) + 1
        )


def test_the_table_says_what_the_trace_says() -> None:
    for run, cells in enumerate(cells_of(scene_at(23), 150)):
        row, point = row_of(run, 23), point_of(run, 23)
        size = RACE.experiment.runs[run].batch_size
        assert cells["run"] == EXPERIMENT.runs[run].name
        assert cells["batch"] == ("all 61" if run == 0 else str(size))
        assert cells["optimizer"] == "sgd 0.15"
        assert cells["updates"] == "23"
        assert cells["examples"] == f"{23 * size:,}"
        assert float(cells["epoch"]) == pytest.approx(23 * size / 61, abs=0.005)
        assert float(cells["loss"]) == pytest.approx(loss_at(*point), rel=1e-3)
        assert float(cells["‖grad‖"]) == pytest.approx(row["grad_norm"], rel=1e-3)
        best = FORMULA.minima[0]
        assert float(cells["to min"]) == pytest.approx(math.dist(point, best), rel=1e-3)
        assert cells["status"] == "running"


@pytest.mark.parametrize(
    ("clock", "order"),
    [
        ("updates", ["loss so far", "examples/s", "updates/s", "epoch", "‖grad‖", "to min", "optimizer", "examples"]),
        ("seconds", ["loss so far", "epoch", "‖grad‖", "to min", "optimizer", "updates/s", "examples/s", "examples"]),
    ],
)
def test_a_narrow_table_leaves_out_the_least_important_columns(clock: Clock, order: list[str]) -> None:
    widths = range(160, 75, -1)
    experiment = make_experiment(clock=clock)
    scene = make_scene(experiment, make_race(experiment, 40 if clock == "updates" else 40 * SECONDS))
    kept = [frozenset(cells_of(scene, width)[0]) for width in widths]
    assert all(later <= earlier for earlier, later in pairwise(kept))
    gone: list[str] = []
    for columns in kept:
        gone += sorted(kept[0] - columns - set(gone))
    assert gone == order[: len(gone)]
    assert len(gone) >= 6
    assert {"run", "batch", "updates", "loss", "status"} <= kept[-1]
    for width in widths:
        assert max(map(len, table_text(scene, width).plain.split("\n"))) <= width


def test_no_column_comes_or_goes_or_moves_as_numbers_grow() -> None:
    plain = scene_at()
    values = {"loss": 0.00012345, "grad_norm": 123_456.7, "updates_per_second": 1.23e-5, "examples_per_second": 2e6}
    later = replace(
        plain,
        runs=tuple(
            replace(run, seen=grown(run), loss_update=1_234_567, values={**run.values, **values}) for run in plain.runs
        ),
    )
    infinite = [replace(run, values={**run.values, "loss": math.inf}) for run in plain.runs]
    diverged = replace(plain, runs=tuple(infinite))
    for width in (80, 100, 120, 160, 200):
        headings = {table_text(scene, width).plain.split("\n")[0] for scene in (scene_at(0), later, diverged)}
        assert len(headings) == 1


def test_whole_numbers_end_below_each_other() -> None:
    heading, *lines = table_text(scene_at(23), 150).plain.split("\n")
    for title in ("batch", "updates", "epoch", "examples"):
        end = heading.index(title) + len(title)
        assert all(line[end - 1].isdigit() and line[end : end + 2] == "  " for line in lines), title


def test_a_loss_that_is_not_of_the_last_update_says_of_which_it_is() -> None:
    scene = scene_at(23)
    (known,) = {run.loss_update for run in scene.runs}
    seldom = [replace(run, config=replace(run.config, loss_every=10)) for run in scene.runs]
    old = replace(scene, runs=tuple(replace(run, loss_update=20) for run in seldom))
    new = replace(scene, runs=tuple(seldom))
    assert known == 23
    assert [row["loss"] for row in cells_of(new, 150)] == [row["loss"] for row in cells_of(scene, 150)]
    assert [row["loss"] for row in cells_of(old, 150)] == [f"{row['loss']} at 20" for row in cells_of(new, 150)]
    assert table_text(old, 150).plain.split("\n")[0] == table_text(new, 150).plain.split("\n")[0]


def test_where_there_is_room_each_run_has_the_course_of_its_loss_in_its_colour() -> None:
    text = table_text(scene_at(), 200)
    assert "loss so far" in text.plain
    for run, line in zip(scene_at().runs, text.split("\n")[1:], strict=True):
        course = cells_of(scene_at(), 200)[run.index]["loss so far"]
        begin = line.plain.index(course)
        assert [span.style for span in line.spans if span.start <= begin < span.end] == [f"#{run.color:06x}"]
        losses = [row_of(run.index, update)["loss"] for update in (0, 40)]
        assert (BLOCKS.index(course[0]) > BLOCKS.index(course[-1])) == (losses[0] > 2 * losses[1])
        assert len(course) == 41


def test_a_run_that_is_ahead_on_another_clock_waits() -> None:
    """After 40 updates each, batch has read 2,440 examples; on the clock of examples it is stochastic's turn."""
    rows = cells_of(scene_at(clock="examples"), 120)
    assert [cells["status"] for cells in rows] == ["waits", "waits", "running"]
    for clock, until in (("updates", 40), ("examples", 500), ("seconds", 400 * SECONDS)):
        experiment = make_experiment(clock=clock)
        race = make_race(experiment, until)
        for moment in range(1, int(race.rows["moment"].max()), 7):
            rows = cells_of(live(make_scene(experiment, race, cursor=moment)), 120)
            assert [cells["status"] for cells in rows] == ["running"] * 3, (clock, moment)


def live(scene: Scene) -> Scene:
    """The same moment, as if it were the last one recorded."""
    return replace(scene, end=scene.cursor)


@pytest.mark.parametrize(
    ("kind", "words", "good"),
    [
        ("minimum", "converged", True),
        ("local minimum", "in a local minimum", False),
        ("saddle", "at a saddle", False),
        ("plateau", "on a plateau", False),
        ("slope", "standing still", False),
        (None, "standing still", False),
    ],
)
def test_only_at_a_minimum_is_a_run_converged_and_green(kind: Kind | None, words: str, good: bool) -> None:
    scene = scene_at()
    seen = scene.runs[0].seen.copy()
    seen["status"][-1] = Status.CONVERGED
    run = replace(scene.runs[0], seen=seen, kind=kind)
    text = table_text(replace(scene, runs=(run, *scene.runs[1:])), 120)
    row = text.split("\n")[1]
    begin = row.plain.index(words)
    colors = [str(span.style) for span in row.spans if span.start <= begin < span.end]
    assert (f"#{scene.palette.good:06x}" in colors) == good


def test_stopped_runs_say_when() -> None:
    experiment = make_experiment(RunConfig("calm", "all"), RunConfig("hasty", 1, lr=1.4))
    race = make_race(experiment, 40)
    last = race.rows[race.rows["run"] == 1][-1]["update"]
    calm, hasty = cells_of(make_scene(experiment, race), 120)
    assert calm["status"] == "running"
    assert hasty["status"] == f"diverged at {last}"
    assert hasty["loss"] == "∞"
