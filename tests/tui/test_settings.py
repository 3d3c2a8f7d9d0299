"""The screen on which all settings of a run are typed; with the real engine in this process."""

from textual.command import CommandPalette
from textual.widgets import Button, Input, Select, Static

from tests.tui.live import Live
from tests.tui.screen import settled, wait_for
from tui.settings import SettingsScreen
from tui.slider import Slider


async def opened(live: Live) -> SettingsScreen:
    await live.pilot.press("enter")
    await wait_for(live.pilot, lambda: isinstance(live.app.screen, SettingsScreen))
    return live.app.screen


async def press(live: Live, label: str) -> None:
    (button,) = [one for one in live.app.screen.query(Button) if str(one.label) == label]
    button.press()
    await live.pilot.pause()


async def test_typed_settings_are_for_one_run_or_for_all(live: Live) -> None:
    await live.go(3)
    screen = await opened(live)
    assert {key: screen.query_one(f"#{key}", Input).value for key in ("batch_size", "lr")} == {
        "batch_size": "32",
        "lr": "0.2",
    }
    screen.query_one("#batch_size", Input).value = "8"
    screen.query_one("#optimizer", Select).value = "adam"
    await press(live, "change it")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 1)
    assert live.session.journal[0].settings == {"batch_size": 8, "optimizer": "adam", "lr": 0.2}
    screen = await opened(live)
    screen.query_one("#lr", Input).value = "0.05"
    await press(live, "change all")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 4)
    assert [lineage.newest.lr for lineage in live.session.lineages] == [0.05] * 3
    await settled(live.pilot)
    await live.go(1)
    assert {float(live.recorded(run)["lr"][-1]) for run in range(3)} == {0.05}


async def test_a_slider_types_and_follows_what_is_typed(live: Live) -> None:
    screen = await opened(live)
    sliders = {str(slider.name): slider for slider in screen.query(Slider)}
    typed = {key: screen.query_one(f"#{key}", Input) for key in sliders}
    assert {key: slider.value for key, slider in sliders.items()} == {"batch_size": 32, "lr": 0.2, "momentum": 0.0}
    for key, text, value in [
        ("batch_size", "all", 442),
        ("batch_size", "many", 442),
        ("lr", "0.03", 0.03),
        ("lr", "fast", 0.03),
    ]:
        typed[key].value = text
        await live.pilot.pause()
        assert sliders[key].value == value
    for key, pressed in {"batch_size": "left", "lr": "right", "momentum": "end"}.items():
        sliders[key].focus()
        await live.pilot.press(pressed)
    assert {key: field.value for key, field in typed.items()} == {"batch_size": "256", "lr": "0.05", "momentum": "0.99"}
    await live.pilot.press("enter")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 1)
    assert live.session.journal[0].settings == {"batch_size": 256, "lr": 0.05, "momentum": 0.99}


async def test_the_arrows_go_from_row_to_row(live: Live) -> None:
    screen = await opened(live)
    await live.pilot.press("down", "down", "0", ".", "5", "tab", "up", "right", "enter")
    await wait_for(live.pilot, lambda: len(live.session.journal) == 1)
    assert live.session.journal[0].settings == {"lr": 0.5, "momentum": 0.5}
    assert not screen.is_current


async def test_settings_that_the_palette_lies_over_ask_for_nothing(live: Live) -> None:
    """What is asked for closes the screen on top, which would be the palette."""
    screen = await opened(live)
    await live.pilot.press("ctrl+p")
    await wait_for(live.pilot, lambda: isinstance(live.app.screen, CommandPalette))
    screen.query_one("#batch_size", Input).value = "8"
    (button,) = [one for one in screen.query(Button) if str(one.label) == "change it"]
    button.press()
    await live.pilot.pause()
    assert isinstance(live.app.screen, CommandPalette)
    assert live.session.journal == ()


async def test_a_run_is_added_from_the_start(live: Live) -> None:
    await live.go(12)
    screen = await opened(live)
    screen.query_one("#batch_size", Input).value = "4"
    screen.query_one("#name", Input).value = "four"
    await press(live, "add from the start")
    await wait_for(live.pilot, lambda: live.names[3:] == ["four"])
    assert live.session.history.updates == (12, 12, 12, 0)


async def test_what_cannot_be_is_said_where_it_was_typed(live: Live) -> None:
    screen = await opened(live)
    for field, text, words in (
        ("batch_size", "500", "choose 1 to 442"),
        ("batch_size", "many", "must be a positive whole number or 'all'"),
        ("lr", "0", "lr must be a positive finite number"),
        ("lr", "fast", "lr must be a number, not 'fast'"),
        ("momentum", "2", "at least 0 and below 1"),
        ("schedule_updates", "1", "at least 3"),
        ("name", "calm", "mini-batch keeps its name; a fork of it has another."),
    ):
        typed = screen.query_one(f"#{field}", Input)
        before, typed.value = typed.value, text
        await press(live, "change it")
        assert words in str(screen.query_one("#refusal", Static).render())
        typed.value = before
    await live.pilot.press("escape")
    assert live.session.journal == ()
