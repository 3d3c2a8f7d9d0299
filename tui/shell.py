"""What a command and the shell have in common: the standard streams, exit codes, and a sentence on stderr."""

import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from sim.experiment.errors import ConfigError
from tui import plain_text

NOT_SAVED = 1
BAD_INPUT = 2
KILLED = 128  # plus the number of the signal: as the shells have it
INTERRUPTED = KILLED + signal.SIGINT


def open_streams() -> None:
    """See that the standard streams can be written to, whatever is written.

    The null device stands for what was closed before gdsim was started: nobody wants to read that. A terminal without
    Unicode gets question marks, not a traceback.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nobody = Path(os.devnull).open("w" if number else "r")  # noqa: SIM115
            os.set_inheritable(nobody.fileno(), True)
            setattr(sys, name, nobody)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(sentence: str, code: int) -> int:
    """Say what is wrong; the exit code."""
    say(f"gdsim: {plain_text.complaint(sentence)}")
    return code


def say(text: str) -> None:
    """Write a line to stderr, unless that cannot be written to, as where the terminal is gone."""
    with suppress(OSError):
        print(text, file=sys.stderr)


def has_terminal() -> bool:
    """Whether a screen can be shown."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def require_terminal(instead: str) -> None:
    """See that a screen can be shown.

    Raises:
        ConfigError: if not, with what to do instead.
    """
    if not has_terminal():
        raise ConfigError(f"The screen needs a terminal and this is none; {instead}.")
