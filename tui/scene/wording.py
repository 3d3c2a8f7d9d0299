"""How the runs are called in sentences, and nouns counted."""

from collections.abc import Sequence

from tui.draw.numbers import count
from tui.scene.scene import RunScene

NAMED = 2
"""Runs that are named as going on; more are counted."""


def names(runs: Sequence[RunScene]) -> str:
    """Some names as a list in words."""
    *first, last = [run.name for run in runs]
    return f"{', '.join(first)} and {last}" if first else last


def who_goes_on(going: Sequence[RunScene]) -> str:
    """That some runs go on."""
    if len(going) > NAMED:
        return f"{len(going)} others go on"
    return f"{names(going)} {'goes' if len(going) == 1 else 'go'} on"


def plural(number: int, noun: str) -> str:
    """A number of things."""
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")
