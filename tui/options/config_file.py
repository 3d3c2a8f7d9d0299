"""Options from a TOML file: a source for cyclopts, after the command line and the environment."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token
from platformdirs import user_config_path

from sim.experiment.errors import ConfigError, suggest
from tui.options.options import RUN_KEYS, Options

_KEYS = ("problem", *(field.name for field in fields(Options) if field.name not in ("run", "config")), "runs", "theme")


def default_path() -> Path:
    """Where the file is looked for that holds for every start of gdsim; there need not be one."""
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
    if not said and not path.is_file():
        return
    for key, values in read(path).items():
        argument = named.get("run" if key == "runs" else key)
        if argument is None or argument.tokens:
            continue
        for index, value in enumerate(values):
            argument.append(Token(keyword=f"{key} in {path}", value=value, source=str(path), index=index))


def read(path: Path) -> dict[str, list[str]]:
    """The options in a TOML file, each as the words that the command line would have; `runs` has one word a table.

    Raises:
        ConfigError: for a file that cannot be read, and for keys that mean nothing.
    """
    options = {}
    for name, value in _load(path).items():
        key = name.replace("-", "_")
        if key not in _KEYS:
            raise ConfigError(f"Unknown key {name!r} in {path}; {suggest(key, _KEYS)}")
        if key == "runs":
            options[key] = _runs(value, path)
        else:
            options[key] = [_word(value, name, path)]
    if "data" in options:  # relative to the file that names it, so that the two can be handed on together
        options["data"] = [str(path.parent / options["data"][0])]
    return options


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The file {path} is no TOML file: it is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The file {path} is no valid TOML: {error}.") from None


def _runs(tables: object, path: Path) -> list[str]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        raise ConfigError(f"The runs in {path} must be tables, each under its own [[runs]].")
    for table in tables:
        for name in table:
            if name.replace("-", "_") not in RUN_KEYS:
                raise ConfigError(f"Unknown key {name!r} under [[runs]] in {path}; {suggest(name, RUN_KEYS)}")
    return [",".join(f"{key}={_run_value(value, key, path)}" for key, value in table.items()) for table in tables]


def _run_value(value: object, key: str, path: Path) -> str:
    word = _word(value, key, path)
    if "," in word:
        raise ConfigError(f"{key} under [[runs]] in {path} must be one value without a comma, not {word!r}.")
    return word


def _word(value: object, key: str, path: Path) -> str:
    """A value as the command line has it; a list becomes words with commas between."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ",".join(str(one) for one in value)
    raise ConfigError(f"{key} in {path} must be a text, a number, true, false or a list of these, not {value!r}.")
