"""Pictures of the whole screen, from hand-made traces: no torch, no clock on the wall."""

from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from sim.experiment.config import RunConfig
from tests.tui.recorded import Writing, make_replay
from tests.tui.screen import app_of, go, make_app, ready, settled, wait_for
from tests.tui.traces import make_experiment
from tui.settings import SettingsScreen

Compare = Callable[..., bool]


async def race(pilot: Pilot[None]) -> None:
    """Forty updates on, paused, looked into."""
    await ready(pilot)
    await go(pilot, 40)
    await wait_for(pilot, lambda: app_of(pilot).session.look.possible)
    await settled(pilot)


def test_start(snap_compare: Compare) -> None:
    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=ready)


def test_playing(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        app_of(pilot).session.player.playing = True
        await settled(pilot)

    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=steps)


def test_paused_in_the_past_with_arrows(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        await go(pilot, -34)

    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=steps)


def test_compact(snap_compare: Compare) -> None:
    assert snap_compare(make_app()[0], terminal_size=(80, 24), run_before=race)


def test_light(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        await pilot.press("t")
        await settled(pilot)

    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=steps)


def test_data_instead_of_the_curves(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        await pilot.press("v")
        await settled(pilot)

    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=steps)


def test_very_wide_with_the_data_beside(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        await pilot.press("v")
        await settled(pilot)

    assert snap_compare(make_app()[0], terminal_size=(180, 50), run_before=steps)


def test_the_three_clocks(snap_compare: Compare) -> None:
    assert snap_compare(make_app()[0], terminal_size=(200, 60), run_before=race)


def test_the_settings_of_a_run(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app_of(pilot).screen, SettingsScreen))
        for field in app_of(pilot).screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    assert snap_compare(make_app()[0], terminal_size=(80, 24), run_before=steps)


def test_nine_runs(snap_compare: Compare) -> None:
    sizes = (61, 48, 32, 24, 16, 8, 4, 2, 1)
    runs = [RunConfig(f"batch of {size}", size, lr=0.05 + 0.01 * i) for i, size in enumerate(sizes)]
    assert snap_compare(make_app(make_experiment(*runs))[0], terminal_size=(120, 40), run_before=race)


def test_a_diverged_run(snap_compare: Compare) -> None:
    runs = (RunConfig("calm", "all"), RunConfig("mini-batch", 16), RunConfig("hasty", 1, lr=1.4))
    assert snap_compare(make_app(make_experiment(*runs))[0], terminal_size=(120, 40), run_before=race)


def test_too_small(snap_compare: Compare) -> None:
    assert snap_compare(make_app()[0], terminal_size=(70, 20), run_before=ready)


def test_the_engine_is_gone(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await race(pilot)
        app = app_of(pilot)
        app.session.link.kill()
        app.session.step(1)
        await wait_for(pilot, lambda: app.session.banner is not None)
        await settled(pilot)

    assert snap_compare(make_app()[0], terminal_size=(120, 40), run_before=steps)


def test_a_fork_beside_what_did_happen(snap_compare: Compare) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await ready(pilot)
        await pilot.press("end", "up")
        await settled(pilot)

    recording = Path(__file__).parents[1] / "sim/recording/version-1.gdsim"
    assert snap_compare(make_replay(recording), terminal_size=(120, 40), run_before=steps)


def test_a_recording_that_is_followed(snap_compare: Compare, tmp_path: Path) -> None:
    writing = Writing(tmp_path / "race.gdsim")
    writing.go_on(40)
    assert snap_compare(make_replay(writing.path, playing=True), terminal_size=(120, 40), run_before=ready)
    writing.end()
