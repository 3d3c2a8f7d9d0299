"""Tables in a pipe and on a terminal, and words that may hold anything."""

import sys

import pytest

from tui.plain_text import complaint, table, visible

SENTENCE = "a sentence that is too long for a terminal of forty columns"
ROWS = [("run", "size", "words"), ("a [b]日本[/b]", "1", SENTENCE), ("mini-batch", "1,000", ":smile: 1")]


def terminal_of_40_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stdout is."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")


@pytest.mark.parametrize("columns", ["20", "80"])
def test_in_a_pipe_every_row_is_one_line_however_long(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert table(ROWS, numbers=[1]) == [
        "run             size  words",
        f"a [b]日本[/b]      1  {SENTENCE}",
        "mini-batch     1,000  :smile: 1",
    ]
    assert table([("x" * 500, "y " * 500, "z")])[0].endswith("y   z")


def test_on_a_terminal_the_last_column_is_wrapped_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of_40_columns(monkeypatch)
    assert table(ROWS, numbers=[1]) == [
        "run             size  words",
        "a [b]日本[/b]      1  a sentence that is",
        "                      too long for a",
        "                      terminal of forty",
        "                      columns",
        "mini-batch     1,000  :smile: 1",
    ]


def test_what_cannot_fit_is_not_wrapped_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of_40_columns(monkeypatch)
    assert len(table([("name " * 10, "1"), ("b", "a b")])) == 2


def test_no_colours_even_where_they_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in "".join(table(ROWS))


def test_signs_that_a_terminal_obeys_are_shown() -> None:
    signs = "a\x1b[2J\x00\r\n\t\x9b\u202eé日\udcff"
    assert visible(signs) == r"a\x1b[2J\x00\r\n\t\x9b\u202eé日\udcff"
    assert table([(signs, "b")]) == [visible(signs) + "  b"]


def test_a_complaint_is_one_line_unless_it_has_a_traceback() -> None:
    assert complaint("No file a\nb.") == r"No file a\nb."
    traceback = 'Traceback (most recent call last):\n  File "a\x07.py", line 1\n\tx\nNo file.'
    assert complaint(traceback) == traceback.replace("\x07", r"\x07")


def test_a_complaint_cuts_endless_words() -> None:
    said = complaint(f"The seed must be smaller, not {'9' * 5000}; {'ab ' * 1000}")
    assert len(said) < 3400
    assert said.startswith("The seed must be smaller, not 999")
    assert said.endswith("9; " + "ab " * 1000)
