"""Text for a plain stream: tables, and words that may hold anything."""

import re
import sys
from collections.abc import Collection, Sequence

_LONGEST, _HEAD, _TAIL = 300, 200, 60  # characters of a word


def table(rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> list[str]:
    """The lines of a table without borders.

    Every row is one line, however long; but where stdout is a terminal, the last column is wrapped between words if
    that makes the table fit.

    Args:
        rows: of equally many cells.
        numbers: the columns that are aligned to the right.
    """
    from shutil import get_terminal_size  # as the rest, for whoever has a table

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[Text(visible(cell)) for cell in row] for row in rows]
    grid = Table.grid(padding=(0, 2))
    for column in range(len(cells[0])):
        grid.add_column(justify="right" if column in numbers else "left", no_wrap=column < len(cells[0]) - 1)
    for row in cells:
        grid.add_row(*row)
    console = Console(color_system=None, width=sys.maxsize)
    full, last = console.measure(grid).maximum, console.measure(Text("\n").join(row[-1] for row in cells))
    room = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    console.width = room if full - last.maximum + last.minimum <= room < full else full
    with console.capture() as captured:
        console.print(grid)
    return [line.rstrip() for line in captured.get().splitlines()]


def visible(text: str, allowed: str = "") -> str:
    """The text with escapes instead of the control characters that a terminal would obey, but for the allowed ones."""
    return "".join(
        sign if sign.isprintable() or sign in allowed else sign.encode("unicode_escape").decode() for sign in text
    )


def complaint(text: str) -> str:
    """A sentence for stderr, or a traceback that ends with one, whatever names and numbers it quotes."""
    shown = visible(text, allowed="\n\t" if text.startswith("Traceback ") else "")
    return re.sub(rf"\S{{{_LONGEST},}}", lambda word: f"{word[0][:_HEAD]}…{word[0][-_TAIL:]}", shown)
