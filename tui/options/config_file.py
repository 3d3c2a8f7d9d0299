"""Options from a TOML file: a source for cyclopts, after the command line and the environment.

cyclopts' own `Toml` matches the names of options only: no `problem`, no `[[runs]]`, no list for one value; and what it
says of a mistake names neither the file nor the nearest right key.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token

from sim.experiment.errors import ConfigError, suggest
from tui.options.keys import CHANGE_KEYS, RUN_KEYS
from tui.options.options import Options

_TABLES: dict[str, tuple[str, Iterable[str]]] = {"runs": ("run", RUN_KEYS), "changes": ("change", CHANGE_KEYS)}
"""The keys that are lists of tables: which option each of these is, and what it may say."""

_OWN = ("config", *(option for option, _ in _TABLES.values()))
_KEYS = (
    "problem",
    *(field.name for field in fields(Options) if field.name not in _OWN),
    *_TABLES,
    "theme",
    "history_memory",
)
_MOST = 1_000_000  # bytes
_DEEPEST = 1000


def default_path() -> Path:
    """Where the file is looked for that holds for every start of gdsim; there need not be one."""
    from platformdirs import user_config_path  # which the help does without

    return user_config_path("gdsim") / "gdsim.toml"


def fill_in(_app: App, _commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Give the arguments that are still open their values from the TOML file, if there is one.

    Raises:
        ConfigError: for a file that cannot be read, and for keys that mean nothing.
    """
    named = {argument.field_info.name: argument for argument in arguments}
    if "config" not in named:
        return
    said = named["config"].tokens
    path = Path(said[0].value) if said else default_path()
    if not said and not os.path.exists(path):  # noqa: PTH110 (Path's raises in a folder that may not be looked into)
        return
    for key, words in read(path).items():
        argument = named.get(_TABLES[key][0] if key in _TABLES else key)
        if argument is not None and not argument.tokens:
            for index, word in enumerate(words):
                argument.append(Token(keyword=f"{key} in {path}", value=word, source=str(path), index=index))


def read(path: Path) -> dict[str, list[str]]:
    """The options in a TOML file, each as the words that the command line would have.

    `runs` and `changes` have one word a table.

    Raises:
        ConfigError: for a file that cannot be read, and for keys that mean nothing.
    """
    document = _load(path)
    tables = {key: document.pop(key) for key in _TABLES if key in document}
    options = {key: [word] for key, word in _words(document, _KEYS, f"in {path}").items()}
    for key, value in tables.items():
        options[key] = _tables(value, key, f"in {path}")
    if "data" in options:  # relative to the file that names it, so that the two can be handed on together
        options["data"] = [str(path.parent / options["data"][0])]
    return options


def _load(path: Path) -> dict[str, Any]:
    import tomllib  # there is seldom a file

    text = _content(path)
    try:
        if any(line.count(b".") > _DEEPEST for line in text.splitlines()):
            raise RecursionError  # a key a.b.c... takes tomllib the square of its parts in memory
        return tomllib.loads(text.decode())
    except RecursionError:
        raise ConfigError(f"The file {path} cannot be read: its tables or lists lie too deep in each other.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The file {path} is no TOML file: it is not UTF-8 text.") from None
    except ValueError as error:  # tomllib's own, and Python's for a number of thousands of digits
        raise ConfigError(f"The file {path} is no valid TOML: {error}.") from None


def _content(path: Path) -> bytes:
    """The bytes of a file of options, and of nothing that has no end or waits for somebody to write."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"The file {path} cannot be read: it is no regular file.")
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be read: {error.strerror}.") from None
    if len(content) > _MOST:
        raise ConfigError(f"The file {path} has more than a megabyte; options need far less.")
    return content


def _tables(tables: object, key: str, where: str) -> list[str]:
    """Each table as its option would have it."""
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"The {key} {where} must be tables, each under its own [[{key}]].")
    texts = []
    for table in tables:
        words = _words(table, _TABLES[key][1], f"under [[{key}]] {where}")
        for name, word in words.items():
            if "," in word:
                raise ConfigError(f"{name} under [[{key}]] {where} must be one value without a comma, not {word!r}.")
        texts.append(",".join(f"{name}={word}" for name, word in words.items()))
    return texts


def _words(table: Mapping[str, object], known: Iterable[str], where: str) -> dict[str, str]:
    """The values of a table as the command line has them; a list becomes words with commas between."""
    words = {}
    for name, value in table.items():
        key = name.replace("-", "_")
        if key not in known:
            raise ConfigError(f"Unknown key {name!r} {where}; {suggest(key, known)}")
        values = value if isinstance(value, list) else [value]
        if not all(map(_is_simple, values)):
            raise ConfigError(f"{name} {where} must be a text, a number, true, false or a list of these.")
        words[key] = ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
    return words


def _is_simple(value: object) -> bool:
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63)
