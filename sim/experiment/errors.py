"""What is wrong with what the user asked for, said in one sentence. Imports no torch."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class ConfigError(ValueError):
    """Something the user asked for cannot be done; the message is one sentence that says what would be right."""


def require_file(path: Path, option: str) -> None:
    """Refuse a file that is not there.

    Raises:
        ConfigError: naming the option that named it.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a directory; name a file with --{option}.")
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; check the path given with --{option}.")


def suggest(word: str, known: Iterable[str]) -> str:
    """The tail of an error sentence: the nearest known word, and all of them."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? Known: {', '.join(known)}." if near else f"known: {', '.join(known)}."


def choose(word: str, known: Iterable[str], what: str) -> str:
    """Return `word` if it is one of `known`.

    Raises:
        ConfigError: naming the nearest right word.
    """
    known = list(known)
    if word not in known:
        raise ConfigError(f"Unknown {what} {word!r}; {suggest(word, known)}")
    return word
