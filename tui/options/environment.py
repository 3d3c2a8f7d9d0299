"""Options from environment variables: cyclopts reads them, and none may be misspelt."""

import os
from dataclasses import fields

from cyclopts import App, ArgumentCollection
from cyclopts.config import Env

from sim.experiment.errors import ConfigError, suggest
from tui.options.options import Options

_PREFIX = "GDSIM_"
_NAMES = (
    "problem",
    *(field.name for field in fields(Options)),
    *("theme", "history_memory", "updates", "epochs", "seconds", "export", "record", "json"),
)

fill_in = Env(_PREFIX, command=False, show=False)


def check(_app: App, _commands: tuple[str, ...], _arguments: ArgumentCollection) -> None:
    """Refuse a variable that looks like an option and is none.

    Raises:
        ConfigError: naming the nearest right one.
    """
    known = [_PREFIX + name.upper() for name in _NAMES]
    for variable in os.environ:
        if variable.startswith(_PREFIX) and variable not in known:
            raise ConfigError(f"The environment variable {variable} is no option of gdsim; {suggest(variable, known)}")
