"""Pictures of a terminal as one SVG that moves: of each picture only what changed, painted over the last.

It needs no script and no font of its own: dots of braille and blocks are drawn, other characters are set one run of
a style at a time, as wide as their cells. A reader who wants no motion sees the last picture.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from rich.segment import Segment
from rich.style import Style

_WIDTH, _HEIGHT = 10, 20  # of a cell
_BASELINE = 15
_DOT = 3
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each braille dot, in the order of their bits (Unicode, chapter 21.1)."""
_MARGIN = 10

_STYLE = """
text{font:16.6px "DejaVu Sans Mono",Menlo,Consolas,"Liberation Mono",monospace;white-space:pre}
.b{font-weight:bold}.i{font-style:italic}.u{text-decoration:underline}
@media(prefers-reduced-motion:reduce){g{animation:none!important}}
"""


class Cell(NamedTuple):
    """A character and how it looks; colours are such as "#e4e4e4", classes those of the style sheet."""

    character: str
    color: str
    background: str
    classes: str


Picture = list[list[Cell]]


def picture(rows: Iterable[Iterable[Segment]], color: str, background: str) -> Picture:
    """The cells of a screen, from what is written in its rows; a color and a background where nothing else is said."""
    return [[cell for segment in row for cell in _cells(segment, color, background)] for row in rows]


def _cells(segment: Segment, color: str, background: str) -> Iterator[Cell]:
    style = segment.style or Style()
    front = style.color.get_truecolor().hex if style.color else color
    back = style.bgcolor.get_truecolor().hex if style.bgcolor else background
    if style.reverse:
        front, back = back, front
    classes = " ".join(
        name for name, has in zip("biu", (style.bold, style.italic, style.underline), strict=True) if has
    )
    for character in segment.text:
        yield Cell(character, front, back, classes)


def moving_svg(pictures: Sequence[Picture], seconds: Sequence[float], background: str) -> str:
    """The pictures one after the other, each for so many seconds, again and again."""
    columns, rows = len(pictures[0][0]), len(pictures[0])
    width, height = columns * _WIDTH + 2 * _MARGIN, rows * _HEIGHT + 2 * _MARGIN
    begins, whole = [0.0, *accumulate(seconds)][:-1], sum(seconds)
    nothing: Picture = [[Cell("", "", "", "")] * columns] * rows
    parts, moves = list[str](), list[str]()
    for number, (last, now, begin) in enumerate(zip([nothing, *pictures], pictures, begins, strict=False)):
        parts.append(f'<g id="p{number}">{_painted(last, now)}</g>')
        if number:
            moves.append(
                f"#p{number}{{animation:p{number} {whole:g}s step-end infinite}}@keyframes p{number}{{"
                f"0%{{visibility:hidden}}{100 * begin / whole:.3f}%,to{{visibility:visible}}}}"
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n'
        f"<style>{''.join(moves)}{_STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{background}"/>\n'
        f'<g transform="translate({_MARGIN} {_MARGIN})">\n{chr(10).join(parts)}\n</g>\n</svg>\n'
    )


def _painted(last: Picture, now: Picture) -> str:
    """What is to be painted over a picture to make it another one."""
    grounds, shapes, words = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list), list[str]()
    for y, (old, new) in enumerate(zip(last, now, strict=True)):
        # with the cells beside them, into which a slanted letter may have reached
        changed = [x for x in range(len(new)) if old[max(0, x - 1) : x + 2] != new[max(0, x - 1) : x + 2]]
        for xs in _unbroken({x: new[x].background for x in changed}):
            grounds[new[xs[0]].background].append(_box(xs[0] * _WIDTH, y * _HEIGHT, len(xs) * _WIDTH, _HEIGHT))
        for x in changed:
            shapes[new[x].color] += _shapes(x, y, new[x].character)
        written = {x: new[x][1:] for x in changed if not _is_drawn(new[x].character)}
        words += [_word(xs[0], y, [new[x] for x in xs]) for xs in _unbroken(written)]
    boxes = "".join(f'<path fill="{color}" d="{"".join(d)}"/>' for color, d in grounds.items())
    drawn = "".join(f'<path fill="{color}" d="{"".join(d)}"/>' for color, d in shapes.items() if d)
    return f'<g shape-rendering="crispEdges">{boxes}</g>{drawn}{"".join(words)}'


def _unbroken(looks: Mapping[int, object]) -> Iterator[list[int]]:
    """Neighbouring columns that look alike, together; given how each of some columns looks, from left to right."""
    for _, run in groupby(enumerate(looks), lambda pair: (pair[1] - pair[0], looks[pair[1]])):
        yield [x for _, x in run]


def _is_drawn(character: str) -> bool:
    """Whether a character is not set as text: a space, dots, or a block from the lower or upper edge of its cell."""
    return character.isspace() or "\u2800" <= character <= "\u28ff" or "\u2580" <= character <= "\u2588"


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:g} {y:g}h{width:g}v{height:g}h-{width:g}z"


def _shapes(x: int, y: int, character: str) -> list[str]:
    if character == "▀":
        return [_box(x * _WIDTH, y * _HEIGHT, _WIDTH, _HEIGHT / 2)]
    if "▁" <= character <= "█":
        height = (ord(character) - 0x2580) * _HEIGHT / 8
        return [_box(x * _WIDTH, (y + 1) * _HEIGHT - height, _WIDTH, height)]
    bits = ord(character) - 0x2800 if "\u2800" <= character <= "\u28ff" else 0
    spots = ((x * _WIDTH + 1 + 5 * across, y * _HEIGHT + 1 + 5 * down) for across, down in _DOTS)
    return [_box(left, top, _DOT, _DOT) for bit, (left, top) in enumerate(spots) if bits >> bit & 1]


def _word(x: int, y: int, cells: list[Cell]) -> str:
    classes = f' class="{cells[0].classes}"' if cells[0].classes else ""
    text = escape("".join(cell.character for cell in cells))
    return (
        f'<text x="{x * _WIDTH}" y="{y * _HEIGHT + _BASELINE}" fill="{cells[0].color}"{classes} '
        f'textLength="{len(cells) * _WIDTH}">{text}</text>'
    )
