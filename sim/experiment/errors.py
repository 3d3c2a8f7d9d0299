"""What is wrong with what the user asked for, said in one sentence. Imports no torch."""

import difflib
import stat
from collections.abc import Iterable
from pathlib import Path

from sim.experiment.words import listed, quoted, shown, shown_path


class ConfigError(ValueError):
    """An error in what the user asked for; the message is one sentence that says what would be right."""


def require_file(path: Path, option: str) -> None:
    """Refuse a file that is not there, or that is something else: a pipe would be waited for without end.

    Raises:
        ConfigError: naming the option that named it.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ConfigError(f"There is no file {shown_path(path)}; check the path given with --{option}.") from None
    except OSError as error:
        raise ConfigError(
            f"{shown_path(path)} cannot be read: {error.strerror}; check the path given with --{option}."
        ) from None
    if stat.S_ISDIR(mode):
        raise ConfigError(f"{shown_path(path)} is a directory; name a file with --{option}.")
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{shown_path(path)} is a pipe or a device; name a regular file with --{option}.")


def suggest(word: str, known: Iterable[str], most: int | None = None) -> str:
    """The tail of an error sentence: the nearest known word, and all of them, or at most so many."""
    names = [shown(name) for name in known]
    if not names:
        return "there is none at all."
    near = difflib.get_close_matches(shown(word), names, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'? Known: {listed(names, most)}." if near else f"known: {listed(names, most)}."


def choose(word: str, known: Iterable[str], what: str) -> str:
    """Return `word` if it is one of `known`.

    Raises:
        ConfigError: naming the nearest right word.
    """
    known = list(known)
    if word not in known:
        raise ConfigError(f"Unknown {what} {quoted(word)}; {suggest(word, known)}")
    return word
