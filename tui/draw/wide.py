"""Text by cells: a character may be two cells wide, as those of Chinese and emoji are, or none."""

from functools import lru_cache

from rich.cells import cell_len

REST = "\u200b"
"""What stands for the second cell of a wide character: nothing that can be seen."""


@lru_cache(maxsize=1024)
def in_cells(text: str) -> str:
    """A character for each cell of a text: wide ones are followed by `REST`, those without a width are left out."""
    if text.isascii():
        return text
    return "".join(character + REST * (width - 1) for character in text if (width := cell_len(character)))


def cut(cells: str, begin: int, end: int) -> str:
    """Some cells of a text that is given by cells; there is none of a wide character that is cut."""
    part = cells[begin:end]
    if part.startswith(REST):
        part = f" {part[1:]}"
    return f"{part[:-1]} " if part and cells[end : end + 1] == REST else part


def padded(text: str, width: int) -> str:
    """A text with spaces after it, so many cells wide at least."""
    return text + " " * (width - cell_len(text))
