"""Words that come from outside (names of columns, files and classes), made fit to be shown. Imports no torch."""

from collections.abc import Iterable
from pathlib import Path

_NAME = 60  # characters
_LINE = 200  # characters, of a path or of what a library says
MOST_NAMES = 10
"""Of a list in a sentence."""


def shown(text: str, longest: int = _NAME) -> str:
    r"""A name on one line of bounded length.

    What does not print becomes an escape such as \x1b, and the middle of a long name an ellipsis.
    """
    visible = "".join(char if char.isprintable() else _escaped(char) for char in _cut(text, longest))
    return _cut(visible, longest)


def quoted(text: str) -> str:
    """A name on one line between quotes."""
    return f"'{shown(text)}'"


def shown_path(path: Path | str) -> str:
    """A path on one line; its beginning and its end, if it is very long."""
    return shown(str(path), _LINE)


def first_line(error: BaseException | str) -> str:
    """What an error says first, of bounded length and without a full stop; the name of its kind, if it says nothing."""
    lines = str(error).strip().splitlines()
    return shown(lines[0] if lines else type(error).__name__, _LINE).rstrip(".")


def listed(names: Iterable[str], most: int | None = MOST_NAMES) -> str:
    """The names, at most so many of them, and how many more there are."""
    names = list(names)
    left = len(names[most:]) if most is not None else 0
    return ", ".join(shown(name) for name in names[:most]) + (f" … and {left:,} more" if left else "")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _cut(text: str, longest: int) -> str:
    end = longest // 3
    return text if len(text) <= longest else f"{text[: longest - end - 1]}…{text[-end:]}"
