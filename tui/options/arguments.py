"""What several commands take beside the options of an experiment. Imports no torch."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from sim.experiment.errors import ConfigError
from tui.options.options import EXPERIMENT, Whole

USUAL_MEMORY = 512
"""Megabytes: `sim.protocol.commands.HISTORY_MEMORY`, which would take numpy to import, and the help is quick."""

_LEAST_MEMORY = 8  # megabytes


def problem_names(_context: object = None) -> Iterable[str]:
    """The names of the problems; the context is what completion gives."""
    from sim.problems import names

    return names()


Problem = Annotated[
    str, Parameter(help="What to minimise: see gdsim list, or FILE.py[:NAME], your own.", completer=problem_names)
]
Theme = Annotated[
    str | None, Parameter(help="Colours of the screen, by the name of a theme.", group=EXPERIMENT, metavar="NAME")
]
HistoryMemory = Annotated[
    Whole, Parameter(help="Megabytes for what is kept of the past of a race.", group=EXPERIMENT, metavar="MB")
]


def in_bytes(history_memory: int) -> int:
    """What is kept of the past at most.

    Raises:
        ConfigError: if that is too little.
    """
    if history_memory < _LEAST_MEMORY:
        raise ConfigError(f"--history-memory must be at least {_LEAST_MEMORY} megabytes, not {history_memory}.")
    return history_memory * 2**20
