"""Characters that are two cells wide, or none, on a canvas: each row stays as wide as it is."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.draw.canvas import Canvas
from tui.draw.frame import Frame
from tui.draw.wide import padded

COLUMNS = 7
WRITTEN = st.lists(
    st.tuples(st.integers(-3, COLUMNS + 1), st.text("ab\N{COMBINING ACUTE ACCENT}\u6c17\N{PARTY POPPER}", max_size=5)),
    max_size=4,
)


def frame_of(written: list[tuple[int, str]]) -> Frame:
    canvas = Canvas(COLUMNS, 1)
    for column, text in written:
        canvas.text(column, 0, text, 0xFFFFFF)
    return canvas.frame()


def test_wide_characters_take_two_cells_and_others_none() -> None:
    frame = frame_of([(1, "\u6c17\u0301b"), (5, "\u6c17\u6e29")])
    assert frame.strip(0).text == " \u6c17b \u6c17"
    assert frame.strip(0, 0, 2).text == "  ", "half of one is nothing"
    assert frame_of([(1, "\u6c17"), (2, "b")]).strip(0).text.rstrip() == "  b"
    assert frame_of([(1, "\u6c17"), (1, "b")]).strip(0).text.rstrip() == " b"


@given(WRITTEN, st.integers(0, COLUMNS), st.integers(0, COLUMNS))
def test_any_cells_are_as_wide_as_they_are_many(written: list[tuple[int, str]], begin: int, end: int) -> None:
    frame = frame_of(written)
    assert frame.strip(0).cell_length == cell_len(frame.strip(0).text) == COLUMNS
    begin, end = sorted((begin, end))
    assert frame.strip(0, begin, end).cell_length == cell_len(frame.strip(0, begin, end).text) == end - begin


@given(WRITTEN, WRITTEN)
def test_what_changes_is_painted_as_a_whole(before: list[tuple[int, str]], after: list[tuple[int, str]]) -> None:
    old, new = frame_of(before), frame_of(after)
    terminal = cells(old.strip(0).text)
    for _, begin, end in new.changes(old):
        terminal[begin:end] = cells(new.strip(0, begin, end).text)
    assert terminal == cells(new.strip(0).text)


def cells(text: str) -> list[str]:
    """Which character is in each cell of a terminal, and which half of it."""
    return [f"{sign}{part}" for sign in text for part in range(cell_len(sign))]


def test_padding_counts_cells() -> None:
    assert padded("\u6c17a", 5) == "\u6c17a  "
    assert padded("\u6c17\u6e29", 3) == "\u6c17\u6e29"
