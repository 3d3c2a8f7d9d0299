"""The writer of the README's picture: what each picture adds to the one before, and when."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

from rich.segment import Segment
from rich.style import Style

WRITER = runpy.run_path(str(Path(__file__).parents[1] / "scripts/moving_svg.py"))
SVG = "{http://www.w3.org/2000/svg}"


def svg_of(*screens: list[list[Segment]]) -> ElementTree.Element:
    """A moving picture of some screens, a second each."""
    pictures = [WRITER["picture"](rows, "#ffffff", "#000000") for rows in screens]
    return ElementTree.fromstring(WRITER["moving_svg"](pictures, [1.0] * len(pictures), "#000000"))


def test_only_cells_that_changed_and_their_neighbours_are_painted_again() -> None:
    first = [[Segment("update 10")], [Segment("<&>      ", Style.parse("bold red on blue"))]]
    second = [[Segment("update 11")], first[1]]
    svg = svg_of(first, second)
    begin, then = (svg.find(f".//{SVG}g[@id='p{number}']") for number in (0, 1))
    assert begin is not None
    assert then is not None
    assert [text.text for text in begin.iter(f"{SVG}text")] == ["update", "10", "<&>"]
    assert [(text.text, text.get("x"), text.get("y")) for text in then.iter(f"{SVG}text")] == [("11", "70", "15")]
    assert [path.get("d") for path in then.iter(f"{SVG}path")] == ["M70 0h20v20h-20z"]


def test_each_picture_stays_from_its_time_on() -> None:
    svg = svg_of([[Segment("a")]], [[Segment("b")]], [[Segment("c")]], [[Segment("d")]])
    style = svg.findtext(f"{SVG}style") or ""
    shown = re.findall(r"@keyframes p(\d)\{0%\{visibility:hidden\}([\d.]+)%,to\{visibility:visible\}\}", style)
    assert [(int(number), float(share)) for number, share in shown] == [(1, 25.0), (2, 50.0), (3, 75.0)]


def test_braille_is_drawn_dot_by_dot() -> None:
    """Dots 1 and 8 of U+2881 are the upper left and the lower right one."""
    svg = svg_of([[Segment("\u2881")]])
    _, dots = (path.get("d") for path in svg.iter(f"{SVG}path"))
    assert dots == "M1 1h3v3h-3zM6 16h3v3h-3z"
    assert not list(svg.iter(f"{SVG}text"))


def test_blocks_are_drawn_from_the_edge_of_their_cell() -> None:
    svg = svg_of([[Segment("▀▂█")]])
    _, blocks = (path.get("d") for path in svg.iter(f"{SVG}path"))
    assert blocks == "M0 0h10v10h-10zM10 15h10v5h-10zM20 0h10v20h-10z"
