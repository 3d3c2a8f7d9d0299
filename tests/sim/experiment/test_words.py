"""What comes from outside can neither steer the terminal nor fill it."""

import pytest

from sim.experiment.config import RunConfig
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.words import first_line, listed, quoted, shown, shown_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("body mass index", "body mass index"),
        ("größe → 体重", "größe → 体重"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\tb\r\nc", r"a\tb\r\nc"),
        ("\x9b1m", r"\x9b1m"),
        ("right\u202eleft", r"right\u202eleft"),
        ("line\u2028break", r"line\u2028break"),
        ("\udcff.csv", r"\udcff.csv"),
    ],
)
def test_what_does_not_print_is_made_visible(name: str, expected: str) -> None:
    assert shown(name) == expected
    assert quoted(name) == f"'{expected}'"


@pytest.mark.parametrize("name", ["x" * 5_000_000 + ".csv", "\x1b" * 100, "\U000e0001" * 59])
def test_names_have_a_bounded_length(name: str) -> None:
    assert len(shown(name)) == 60
    assert shown(name).isprintable()


def test_of_a_long_path_both_ends_are_shown() -> None:
    path = "/home/" + "deep/" * 1000 + "mine.csv"
    assert len(shown_path(path)) == 200
    assert shown_path(path).startswith("/home/deep/")
    assert shown_path(path).endswith("deep/mine.csv")


def test_a_list_of_names_ends_after_ten() -> None:
    assert listed("abc") == "a, b, c"
    assert listed(f"c{number}" for number in range(20_000)) == (
        "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 … and 19,990 more"
    )
    assert listed(map(str, range(12)), most=None).endswith("10, 11")


def test_a_suggestion_is_found_beyond_the_names_that_are_listed() -> None:
    columns = [f"gene {number}" for number in range(20_000)] + ["weight"]
    assert suggest("wieght", columns, most=2) == "did you mean 'weight'? Known: gene 0, gene 1 … and 19,999 more."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no.\nmore"), "no"),
        (EOFError(), "EOFError"),
        (ValueError("\x1b[2J"), r"\x1b[2J"),
        ("said elsewhere.", "said elsewhere"),
    ],
)
def test_of_an_error_the_first_line_is_shown(error: Exception | str, words: str) -> None:
    assert first_line(error) == words


@pytest.mark.parametrize("name", ["\x1b[2J", "a\x07b", "two\nlines", "\u202eba", " a", "a,b", ""])
def test_a_runs_name_is_printable(name: str) -> None:
    with pytest.raises(ConfigError, match="must be some printable text") as caught:
        RunConfig(name, 1)
    assert str(caught.value).isprintable()
