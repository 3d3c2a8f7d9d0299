"""Text of which only what changes is painted."""

import pytest
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Segment, Strip

from tui.panels.words import Words, changed_cells


def strip(*parts: tuple[str, str]) -> Strip:
    return Strip([Segment(text, Style.parse(style)) for text, style in parts])


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ([("update 10", "")], [("update 11", "")], [(8, 9)]),
        ([("abcdef", "")], [("aXcdeX", "")], [(1, 2), (5, 6)]),
        ([("abc", ""), ("def", "")], [("abcdef", "")], []),
        ([("abc", "bold")], [("abc", "")], [(0, 3)]),
        ([("abc", "")], [("abcd", "")], [(3, 4)]),
        ([], [("ab", "")], [(0, 2)]),
        ([("データ1", "")], [("デxx1x", "")], [(2, 7)]),
        ([("ab日c", "")], [("ab月c", "")], [(2, 4)]),
    ],
)
def test_changed_cells(old: list[tuple[str, str]], new: list[tuple[str, str]], changed: list[tuple[int, int]]) -> None:
    assert list(changed_cells(strip(*old), strip(*new))) == changed


class Page(App[None]):
    """A panel of words."""

    CSS = "Words { width: 20; height: 3; padding: 0 1; }"

    def compose(self) -> ComposeResult:
        yield Words()


def shown(words: Words) -> list[str]:
    """The lines of a panel."""
    return [line.text.strip() for line in words.render_lines(Region(0, 0, *words.size))]


async def test_words_are_wrapped_shortened_and_grow_again() -> None:
    app = Page()
    async with app.run_test(size=(40, 10)) as pilot:
        words = app.query_one(Words)
        for text, lines in (
            ("one line", ["one line", "", ""]),
            ("a sentence that needs some lines", ["a sentence that", "needs some lines", ""]),
            ("one line", ["one line", "", ""]),
            ("", ["", "", ""]),
        ):
            words.say(Text(text))
            await pilot.pause()
            assert shown(words) == lines


async def test_the_same_words_again_paint_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Page()
    async with app.run_test(size=(40, 10)) as pilot:
        words, painted = app.query_one(Words), list[Region]()
        words.say(Text("update 10"))
        await pilot.pause()
        monkeypatch.setattr(words, "refresh", lambda *regions, **_: painted.extend(regions))
        words.say(Text("update 10"))
        assert painted == []
        words.say(Text("update 19"))
        assert painted == [Region(8, 0, 1, 1)]
