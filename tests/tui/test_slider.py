"""The slider: stops along a row, by keys and by mouse."""

import math

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from tui.slider import Slider

STOPS = (1, 2, 4, 8, 10)
WIDTH = 41  # ten cells from stop to stop


class Host(App[None]):
    """A slider alone, and what it says of its moves."""

    CSS = f"Slider {{ width: {WIDTH}; height: 1; }}"

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[float] = []

    def compose(self) -> ComposeResult:
        yield Slider(STOPS, 4, name="size")

    def on_slider_moved(self, event: Slider.Moved) -> None:
        assert event.control.name == "size"
        self.moves.append(event.value)


def handle(slider: Slider) -> int:
    """The column of the handle in a row that is as wide as the slider."""
    shown = slider.render()
    assert isinstance(shown, Text)
    assert len(shown) == WIDTH
    return shown.plain.index("●")


async def test_keys_go_from_stop_to_stop() -> None:
    async with Host().run_test() as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        slider = host.query_one(Slider)
        slider.focus()
        await pilot.press("right", "right", "right", "left", "home", "left", "end")
        assert host.moves == [8, 10, 8, 1, 10], "the ends are not moves"
        assert handle(slider) == WIDTH - 1
        for start, key, stop in [(3, "right", 4), (3, "left", 2), (100, "left", 10), (0.1, "right", 1)]:
            slider.value = start
            await pilot.press(key)
            assert slider.value == stop, f"{key} from {start}"


async def test_the_mouse_takes_it_to_the_nearest_stop() -> None:
    async with Host().run_test() as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        slider = host.query_one(Slider)
        await pilot.mouse_down(slider, offset=(11, 0))
        await pilot.hover(slider, offset=(29, 0))
        await pilot.hover(slider, offset=(31, 0))
        await pilot.mouse_up(slider, offset=(31, 0))
        await pilot.hover(slider, offset=(0, 0))
        assert host.moves == [2, 8], "dragged there, and let go"


@pytest.mark.parametrize(
    ("value", "column"), [(1, 0), (2, 10), (3, 15), (4, 20), (-7, 0), (math.inf, 20), (math.nan, 20)]
)
async def test_where_the_handle_is(value: float, column: int) -> None:
    """Between two stops in proportion; what is no number moves nothing."""
    async with Host().run_test() as pilot:
        slider = pilot.app.query_one(Slider)
        slider.value = value
        assert handle(slider) == column
