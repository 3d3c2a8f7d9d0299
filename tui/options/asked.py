"""The experiment that options ask for. Imports no torch."""

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.experiment.config import Experiment
from sim.experiment.document import Document, from_document
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.problem import ProblemConfig
from sim.loading import loading
from tui.options.keys import CHANGE_KEYS, RUN_KEYS
from tui.options.options import DEFAULTS, Options
from tui.options.values import whole

if TYPE_CHECKING:
    from sim.problems.card import Card


def prepare(problem: str, options: Options) -> "tuple[Experiment, Card]":
    """The experiment that the options ask for, and what is known of its problem beforehand.

    Raises:
        ConfigError: for whatever cannot be done.
    """
    with loading():
        from sim.problems.card import card_of  # numpy: not for `gdsim --version`

    experiment = from_document(document_of(problem, options))
    return experiment, card_of(experiment.problem)


def document_of(problem: str, options: Options) -> Document:
    """What the options say, beyond their defaults, in the schema of `sim.experiment.document`.

    Raises:
        ConfigError: for words that are not of the kind that their option takes.
    """
    said = {name: getattr(options, name) for name, usual in DEFAULTS.items() if getattr(options, name) != usual}
    said.pop("config", None)
    if problem != ProblemConfig().name or options.model is None:
        said["problem"] = problem
    for name, (key, read) in _READERS.items():
        if name in said:
            said[key] = read(said.pop(name))
    return said


def parse_run(text: str) -> dict[str, Any]:
    """The keys and values of one `--run`, such as "name=big,batch_size=128,lr=0.05".

    Raises:
        ConfigError: for an unknown key (naming the nearest right one), or a value of the wrong kind.
    """
    return _parse(text, RUN_KEYS, "run", "name=big,lr=0.05")


def _parse_change(text: str) -> dict[str, Any]:
    return _parse(text, CHANGE_KEYS, "change", "moment=50,clock=examples")


def _parse(text: str, known: dict[str, Callable[[str], Any]], what: str, example: str) -> dict[str, Any]:
    """The keys and values of "key=value,key=value"."""
    values: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        key = key.replace("-", "_")
        if not equals:
            raise ConfigError(f"A {what} is written key=value,key=value, such as {example}; got {part.strip()!r}.")
        if key not in known:
            raise ConfigError(f"Unknown key {key!r} in the {what} {text!r}; {suggest(key, known)}")
        if key in values:
            raise ConfigError(f"The {what} {text!r} says {key} twice; say it once.")
        try:
            values[key] = known[key](value)
        except ValueError as error:
            raise ConfigError(f"{what.capitalize()} {text!r}: {key} {error}") from None
    return values


def _names(text: str) -> list[str]:
    """Column names separated by commas; a name with a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def _sizes(text: str) -> list[int]:
    try:
        return [whole(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ConfigError(f"Each size in --hidden, such as 64,64, {error}") from None


def _point(text: str) -> list[float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"The start must be two finite numbers, such as --start -1,2; got {text!r}.") from None
    return [x, y]


_READERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "features": ("features", _names),
    "hidden": ("hidden", _sizes),
    "start": ("start", _point),
    "run": ("runs", lambda texts: [parse_run(text) for text in texts]),
    "change": ("changes", lambda texts: [_parse_change(text) for text in texts]),
}
"""For options that are written as words: their key in a document, and how the words are read."""
