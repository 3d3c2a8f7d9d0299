"""What the status line says of a scene."""

import math
import re
from dataclasses import replace
from itertools import product

import pytest

from sim.experiment.choices import CLOCKS, Clock
from tests.tui.panels.moments import EXPERIMENT, grown, scene_at
from tests.tui.traces import make_race, make_scene
from tui.panels.status_line import status_text


def test_the_status_line_in_full() -> None:
    line = status_text(scene_at(), 150).plain
    assert line.startswith(" linear  points made by hand: x → y · 61 examples ")
    assert line.endswith("‖ paused  40 updates each · 40–2,440 examples read · 4.04–6.44 ms computing  seed 0  cpu ")
    assert len(line) == 150
    alone = replace(scene_at(), runs=scene_at().runs[:1])
    assert "40 updates · 2,440 examples read" in status_text(alone, 150).plain, "of one run nothing is each's"


def test_the_name_of_a_recording_is_there_however_short_it_is() -> None:
    assert " ● k.gdsim " in status_text(replace(scene_at(), recording="k.gdsim"), 150).plain


def test_the_status_line_says_that_updates_are_compiled() -> None:
    plain = scene_at()
    scene = replace(plain, experiment=replace(plain.experiment, backend="compiled"))
    assert status_text(scene, 150).plain.endswith("  compiled on cpu ")


def test_where_time_counts_the_status_line_says_whose_time() -> None:
    assert "torch" not in status_text(scene_at(), 150).plain
    assert status_text(replace(scene_at(), clock="seconds"), 150).plain.endswith("  torch on cpu ")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("width", [80, 66])
def test_a_tight_status_line_cuts_no_number_and_keeps_the_clocks_own(width: int, clock: Clock) -> None:
    plain = scene_at()
    runs = tuple(replace(run, seen=grown(run)) for run in plain.runs)
    line = status_text(replace(plain, runs=runs, clock=clock, playing=True, speed=math.inf), width)
    assert line.cell_len <= width
    kept = {
        "updates": "1,234,567 updates",
        "examples": "1,234,567–75,308,587 examples",
        "seconds": "20 min 35 s–34 min 18 s",
    }
    assert kept[clock] in line.plain
    for part in line.plain.split(" · ")[1:]:
        assert re.search(r"(updates|examples| s| seed 0)$", part), line.plain


@pytest.mark.parametrize("recording", ["", "race.gdsim"])
def test_the_status_line_fits_and_keeps_what_matters(recording: str) -> None:
    for playing, width in product((False, True), range(80, 131)):
        line = status_text(replace(scene_at(cursor=13, playing=playing), recording=recording), width).plain
        assert len(line) <= width
        assert " linear " in line
        assert "27 back" in line
        assert ("●" in line) is bool(recording)
        assert "13 updates" in line


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"playing": True}, "▶ 10 updates/s"),
        ({"playing": True, "speed": 4.0}, "▶ 40 updates/s"),
        ({"playing": True, "rate": 9.0}, "▶ 10 updates/s"),
        ({"playing": True, "rate": 2.5}, "▶ 2.5 of 10 updates/s"),
        ({"playing": True, "speed": math.inf}, "▶ as fast as possible"),
        ({"speed": 2.0}, "‖ paused, 20 updates/s"),
        ({"busy_for": 5.2}, "… update running, 5 s"),
    ],
)
def test_the_status_line_says_what_time_does(fields: dict[str, object], words: str) -> None:
    assert words in status_text(scene_at(**fields), 120).plain


def test_before_the_first_update_a_busy_engine_warms_up() -> None:
    scene = make_scene(EXPERIMENT, make_race(EXPERIMENT, 0), busy_for=2.0)
    assert "… warming up, 2 s" in status_text(scene, 120).plain


COUNTERS: dict[Clock, str] = {
    "updates": "40 updates each",
    "examples": "40–2,440 examples read",
    "seconds": "4.04–6.44 ms computing",
}


def test_the_clock_is_the_counter_that_stands_out() -> None:
    for clock, words in COUNTERS.items():
        line = status_text(replace(scene_at(), clock=clock), 120)
        bold = {line.plain[span.start : span.end] for span in line.spans if "underline" in str(span.style)}
        assert bold == {words}
