"""`gdsim replay`: the screen over a recording, also while it is being written."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ProblemConfig
from sim.protocol.commands import Advance, Open
from sim.recording.reader import Recording
from sim.recording.writer import Writer
from tests.tui.recorded import Writing, make_replay, replayed
from tests.tui.screen import VERY_WIDE, ready, settled, wait_for
from tests.tui.test_run_actions import again
from tests.tui.traces import ReplayLink, make_experiment, make_race
from tui.panels.lens import Lens
from tui.panels.surface import Surface
from tui.replaying import run_replay
from tui.session.link import InlineLink
from tui.session.playback import NEEDS_ENGINE, STILL_WRITTEN, UNRECORDED, Playback
from tui.session.recorded_link import RecordedLink

ROOT = Path(__file__).parents[2]
VERSION_1 = ROOT / "tests/sim/recording/version-1.gdsim"
VERSION_2 = ROOT / "tests/sim/recording/version-2.gdsim"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A complete recording of 40 moments."""
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(40)
    writing.end()
    return writing.path


async def test_it_plays_from_the_start_to_the_end(path: Path) -> None:
    async with replayed(path, playing=True) as screen:
        assert (screen.history.cursor, screen.history.end) == (0, 40)
        pace = screen.session.pace["updates"]
        await screen.pass_time(10.5 / pace)
        assert screen.history.cursor == 10
        assert "▶ replay" in screen.text("#status")
        await screen.pass_time(40 / pace)
        await screen.pass_time(0.1)
        assert screen.history.cursor == 40
        assert not screen.session.player.playing
        assert "The recording ends here; home goes to its start." in screen.toasts()


async def test_it_steps_and_seeks(path: Path) -> None:
    race = make_race(make_experiment(), 60)
    async with replayed(path) as screen:
        await screen.pilot.press("right", "right", "full_stop", "comma", "comma")
        assert screen.history.cursor == 19
        scene = screen.app.scene
        assert scene is not None
        for run, points in zip(scene.runs, race.points, strict=True):
            np.testing.assert_array_equal(run.points, points[:20])
            np.testing.assert_array_equal(run.seen["loss"], race.rows["loss"][race.rows["run"] == run.index][:20])
        await screen.pilot.press("end")
        assert screen.history.cursor == 40
        await screen.pilot.press("full_stop")
        assert screen.history.cursor == 40
        await screen.pilot.press("home")
        assert screen.history.cursor == 0


async def test_its_landscape_follows_the_window(path: Path) -> None:
    async with replayed(path) as screen:
        surface = screen.app.query_one(Surface)
        await screen.pilot.press("plus", "l")
        await settled(screen.pilot)
        landscape, view = screen.session.look.landscape, surface.view
        assert landscape is not None
        assert view is not None
        assert landscape.window == view.window
        formula = screen.session.card.formula
        assert formula is not None
        left, right, _, top = landscape.window
        rows, columns = landscape.values.shape
        x, y = left + 2.5 * (right - left) / columns, top - 1.5 * (top - landscape.window.bottom) / rows
        expected = np.mean((formula.output(np, x, y, formula.inputs) - formula.targets) ** 2)
        assert landscape.values[1, 2] == pytest.approx(expected, rel=1e-12)


async def test_keys_that_need_an_engine_say_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ("r", "R", "c", "m", "M", "P", "S", "K", "u", "W")
    async with replayed(path) as screen:
        heard = list[str]()
        monkeypatch.setattr(screen.app, "notify", lambda message, **_: heard.append(message))
        await screen.pilot.press("right", *keys)
        assert heard.count(NEEDS_ENGINE) == len(keys)
        assert len(screen.app.screen_stack) == 1
        assert (screen.history.cursor, screen.session.generation) == (10, 1)


async def test_a_fork_starts_an_engine_where_the_recording_ends() -> None:
    async with replayed(VERSION_2, new_link=InlineLink) as screen:
        assert not screen.session.link.computes
        await screen.pilot.press("right", "right", "F")
        await wait_for(screen.pilot, lambda: len(screen.session.lineages) == 5)
        assert screen.session.link.computes
        await screen.pilot.press("right", "less_than_sign")
        await wait_for(screen.pilot, lambda: len(screen.session.journal) == 5)
        session, updates = screen.session, list(screen.history.updates)
        expected = again(session, max(updates))
        for run, update in enumerate(updates):
            for name in ("update", "examples", "lr", "batch_loss", "loss"):  # its moments are those of its end
                np.testing.assert_array_equal(screen.history.recorded(run)[name], expected[run][name][: update + 1])
    assert not list(VERSION_2.parent.glob("*-wal"))


async def test_with_an_engine_there_is_a_lens() -> None:
    async with replayed(VERSION_2, new_link=InlineLink) as screen:
        lens = screen.app.query_one(Lens)
        assert not lens.display
        await screen.pilot.press("end", "less_than_sign")
        await wait_for(screen.pilot, lambda: screen.session.link.computes)
        await screen.pass_time(0)
        await wait_for(screen.pilot, lambda: lens.display)
        await screen.pilot.press("u")
        assert not lens.display
        await screen.pilot.press("W")
        assert UNRECORDED in screen.toasts()


@pytest.mark.parametrize("key", ["F", "less_than_sign"])
async def test_what_cannot_start_an_engine_says_why(tmp_path: Path, key: str) -> None:
    async with replayed(VERSION_1, new_link=InlineLink) as screen:
        await screen.pilot.press("right", key)
        await wait_for(screen.pilot, lambda: "written by an older gdsim, and can only be replayed" in screen.toasts())
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(10)
    async with replayed(writing.path) as screen:
        await screen.pilot.press("left", key)
        assert STILL_WRITTEN in screen.toasts()
    writing.end()


async def test_two_recordings_are_seen_side_by_side(path: Path, tmp_path: Path) -> None:
    longer = Writing(tmp_path / "longer.gdsim")
    longer.go_on(50)
    longer.end()
    app = make_replay(path)
    app.show_beside(Playback(Recording(longer.path)))
    async with app.run_test(size=VERY_WIDE) as pilot:
        await ready(pilot)
        await wait_for(pilot, lambda: len(app.races) == 2 and all(session.history for session in app.races))
        await pilot.press("right", "right")
        first, second = (session.history for session in app.races)
        assert (first.cursor, second.cursor, first.end, second.end) == (20, 20, 40, 50)
        await pilot.press("m")
        assert app.session.history is second
        await pilot.press("r")
        assert (second.cursor, second.end) == (20, 50)


def test_two_recordings_of_different_problems(path: Path) -> None:
    with pytest.raises(ConfigError, match="have different problems; replay one of them"):
        run_replay(path, VERSION_2)


async def test_a_click_on_the_surface_says_so_too(path: Path) -> None:
    async with replayed(path) as screen:
        await screen.pilot.click("#surface", offset=(20, 10))
        await screen.pilot.pause()
        assert screen.toasts().count(NEEDS_ENGINE) == 1
        assert screen.session.generation == 1


async def test_what_another_process_writes_is_followed(tmp_path: Path) -> None:
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(10)
    async with replayed(writing.path, playing=True) as screen:
        assert screen.history.cursor == 10
        assert "following live" in screen.text("#status")
        writing.go_on(5)
        await screen.pass_time(0.3)
        assert screen.history.cursor == screen.history.end == 15
        screen.session.player.pause()
        writing.go_on(5)
        await screen.pass_time(0.3)
        assert (screen.history.cursor, screen.history.end) == (15, 20)
        assert "‖ live replay, 5 back" in screen.text("#status")
        writing.end()
        await screen.pass_time(0.3)
        screen.session.player.playing = True
        await screen.pass_time(10.0)
        await screen.pass_time(0.1)
        assert "The recording ends here" in screen.toasts()


async def test_a_recording_whose_program_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(10)
    monkeypatch.setattr("sim.recording.reader._SILENCE", -1.0)
    async with replayed(writing.path, playing=True) as screen:
        await screen.pilot.press("end")
        await screen.pass_time(0.1)
        assert "The recording breaks off here: the program that wrote it was ended." in screen.toasts()
    writing.end()


async def test_one_that_is_damaged_meanwhile_says_so(tmp_path: Path) -> None:
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(10)
    async with replayed(writing.path) as screen:
        writing.end()
        with closing(sqlite3.connect(writing.path)) as other, other:
            other.execute("UPDATE recording SET ended = 0")
            other.execute("DROP TABLE troubles")
        await screen.pass_time(0.3)
        await settled(screen.pilot)
        assert "race.gdsim cannot be read: no such table: troubles" in " ".join(screen.text("#banner").split())
        assert screen.history.end == 10


def test_without_its_data_there_is_less_to_see_but_nothing_missing(tmp_path: Path) -> None:
    data = tmp_path / "points.csv"
    data.write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(9)))
    problem = ProblemConfig("linear", data=str(data), features=("x",), target="y")
    asked = Experiment(problem, make_experiment().runs)
    writing = Writing(tmp_path / "race.gdsim", asked)
    writing.go_on(3)
    writing.end()
    assert Playback(Recording(writing.path)).card.formula is not None
    data.unlink()
    card = Playback(Recording(writing.path)).card
    assert (card.name, card.title, card.formula) == ("linear", "linear on points.csv (not at hand)", None)


def test_it_never_loads_torch() -> None:
    code = f"""if True:
        import sys
        from pathlib import Path
        from sim.recording.reader import Recording
        from tui import recordings, replaying
        from tui.session.playback import Playback
        Playback(Recording(Path({str(VERSION_1)!r})))
        print('torch' in sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "False\n"


async def test_a_link_beside_which_all_is_recorded(tmp_path: Path) -> None:
    path, said = tmp_path / "race.gdsim", list[str]()
    asked, writer = make_experiment(), Writer(tmp_path / "race.gdsim")
    inner = ReplayLink(make_race(asked, 60))
    link = RecordedLink(inner, said.append, writer)
    opened = await link.request(Open(asked))
    await link.request(Advance(7, np.inf, 60.0))
    await link.request(Open(asked))
    writer.close()
    await link.request(Advance(7, np.inf, 60.0))
    assert said == [f"This experiment is recorded in {tmp_path / 'race-2.gdsim'}."]
    recording = Recording(path)
    assert recording.opened.experiment == opened.experiment  # type: ignore[union-attr]
    assert recording.news().rows["moment"].max() == 7
    link.kill()
    assert inner.dead
    assert link.gone is not None
