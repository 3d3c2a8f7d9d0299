"""Frames as strips, and where they differ."""

import numpy as np

from tui.draw.canvas import Canvas
from tui.draw.frame import Frame

BLUE, RED, GREEN = 0x0000FF, 0xFF0000, 0x00FF00


def test_strips_say_the_same_as_the_frame() -> None:
    canvas = Canvas(6, 2, BLUE)
    canvas.polyline([(0, 0), (11, 7)], RED)
    canvas.text(2, 0, "▲", GREEN, bold=True)
    frame = canvas.frame()
    for row in range(2):
        strip = frame.strip(row)
        assert strip.text == frame.lines()[row]
        assert strip.cell_length == 6
        cells = [style for text, style, _ in strip for _ in text]
        fronts = [int(style.color.get_truecolor().hex[1:], 16) for style in cells]
        backs = [int(style.bgcolor.get_truecolor().hex[1:], 16) for style in cells]
        assert fronts == frame.fg[row].tolist()
        assert backs == frame.bg[row].tolist()
        assert [bool(style.bold) for style in cells] == frame.bold[row].tolist()


def test_equal_neighbours_are_one_segment() -> None:
    assert len(list(Canvas(80, 1).frame().strip(0))) == 1


def test_only_cells_that_differ_count_as_changed() -> None:
    canvas = Canvas(9, 3)
    before = canvas.frame()
    canvas.points([(0, 5), (2, 5), (10, 5)], RED)
    canvas.text(8, 2, "x", GREEN)
    after = canvas.frame()
    assert after.changes(before) == [(1, 0, 2), (1, 5, 6), (2, 8, 9)]
    assert after.changes(after) == []
    assert after.changes(None) == after.changes(Canvas(9, 2).frame()) == [(0, 0, 9), (1, 0, 9), (2, 0, 9)]


def test_a_change_of_any_kind_counts() -> None:
    plain = Frame.of_text(["abc"], RED, BLUE)
    assert Frame.of_text(["aXc"], RED, BLUE).changes(plain) == [(0, 1, 2)]
    assert Frame.of_text(["abc"], GREEN, BLUE).changes(plain) == [(0, 0, 3)]
    assert Frame.of_text(["abc"], RED, GREEN).changes(plain) == [(0, 0, 3)]
    bold = plain.with_inset(plain, 0, 0)
    bold.bold[0, 2] = True
    assert bold.changes(plain) == [(0, 2, 3)]


def test_a_frame_within_another() -> None:
    outer, inner = Frame.of_text(["┌──┐", "│  │"], RED, BLUE), Frame.of_text(["ab"], GREEN, RED)
    both = outer.with_inset(inner, 1, 1)
    assert both.lines() == ["┌──┐", "│ab│"]
    assert both.fg.tolist() == [[RED] * 4, [RED, GREEN, GREEN, RED]]
    assert outer.lines() == ["┌──┐", "│  │"]
    assert np.array_equal(both.bg == RED, both.fg == GREEN)
