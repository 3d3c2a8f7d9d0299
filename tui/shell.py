"""What a command says to the shell: exit codes, and a sentence on stderr."""

import sys
from contextlib import suppress

from sim.experiment.errors import ConfigError
from tui import plain_text

NOT_SAVED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def complain(sentence: str, code: int) -> int:
    """Say what is wrong; the exit code."""
    with suppress(OSError):  # stderr that cannot be written to: the exit code still says that something is wrong
        print(f"gdsim: {plain_text.complaint(sentence)}", file=sys.stderr)
    return code


def require_terminal(instead: str) -> None:
    """See that a screen can be shown.

    Raises:
        ConfigError: if not, with what to do instead.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise ConfigError(f"The screen needs a terminal and this is none; {instead}.")
