"""The whole screen's help and themes, and what is kept of it: exports, pictures, the command."""

import csv
import re
from pathlib import Path

import pytest
from textual.css.stylesheet import Stylesheet

from tests.tui.screen import on_screen, wait_for
from tui.help import HelpScreen
from tui.panels.curves import Curves
from tui.panels.words import Words
from tui.themes import THEMES


async def test_help_opens_and_closes() -> None:
    async with on_screen() as it:
        for close in ("question_mark", "q"):
            await it.pilot.press("question_mark")
            await wait_for(it.pilot, lambda: it.app.screen.query("#help MarkdownH1"))
            assert isinstance(it.app.screen, HelpScreen)
            await it.pilot.press(close)
            await wait_for(it.pilot, lambda: len(it.app.screen_stack) == 1)
            assert not isinstance(it.app.screen, HelpScreen)


async def test_themes_are_dark_and_light() -> None:
    async with on_screen() as it:
        backgrounds = []
        for _ in range(3):
            backgrounds.append(it.app.query_one(Curves).rich_style.bgcolor)
            await it.press("t")
        assert backgrounds[0] == backgrounds[2] != backgrounds[1]
        light = backgrounds[1]
        assert light is not None
        assert min(light.get_truecolor()) > 200


async def test_the_style_sheet_is_parsed_anew_for_other_colours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    reparse = Stylesheet.reparse
    monkeypatch.setattr(Stylesheet, "reparse", lambda sheet: (parsed.append(sheet), reparse(sheet)))
    async with on_screen() as it:
        assert not parsed
        it.app.theme = THEMES[1].name
        await wait_for(it.pilot, lambda: parsed)
    assert len(parsed) == 1


async def test_words_that_stay_the_same_take_on_a_new_theme() -> None:
    async with on_screen() as it:
        await it.go(5)
        dark = it.app.query_one("#sentence").rich_style
        it.app.theme = THEMES[1].name
        it.app.redraw()  # as a frame does that comes before the styles do
        await wait_for(it.pilot, lambda: it.app.query_one("#sentence").rich_style != dark)
        await it.pilot.pause()
        for name in ("#status", "#sentence", "#this-update", "#runs", "#timeline"):
            panel = it.app.query_one(name, Words)
            colors = [style.bgcolor for _, style, _ in panel.render_line(panel.size.height - 1) if style]
            assert all(color is None or min(color.get_truecolor()) > 200 for color in colors)


async def test_the_export_holds_every_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        await it.go(12)
        await it.go(-7)
        await it.pilot.press("e")
        await wait_for(it.pilot, it.toasts)
        (path,) = tmp_path.glob("gdsim-linear-*.csv")
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["run"], int(row["update"])) for row in rows].count(("stochastic", 12)) == 1
        assert len(rows) == 3 * 13
        assert path.name in it.toasts().replace(" ", "")


async def test_an_export_that_cannot_be_written_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    async with on_screen() as it:
        gone.rmdir()
        await it.pilot.press("e")
        await wait_for(it.pilot, it.toasts)
        assert ".csv" in it.toasts()
        assert it.app.is_running


async def test_a_picture_of_the_screen_is_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        await it.pilot.press("s")
        await wait_for(it.pilot, it.toasts)
        (path,) = tmp_path.glob("gdsim-*.svg")
        assert "this&#160;update" in path.read_text()


async def test_a_saved_picture_has_no_notes_over_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    async with on_screen() as it:
        it.app.notify("something to read")
        await wait_for(it.pilot, it.toasts)
        await it.pilot.press("s")
        await wait_for(it.pilot, lambda: "Saved" in it.toasts())
        (path,) = tmp_path.glob("gdsim-*.svg")
        text = re.sub(r"<[^>]+>", "", path.read_text())
        assert "something" not in text
        assert "stochastic" in text


async def test_the_command_that_reproduces_the_screen_is_copied_and_shown() -> None:
    async with on_screen() as it:
        await it.press("R", "c", "w")
        command = it.app.clipboard
        assert command.startswith("gdsim linear ")
        assert "--seed=1" in command
        assert "--clock=examples" in command
        await wait_for(it.pilot, it.toasts)
        assert "--seed=1" in it.toasts()
