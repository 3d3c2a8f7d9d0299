"""How much memory there is, for what would need more. Imports no torch."""

import os
from contextlib import suppress
from pathlib import Path

from sim.experiment.errors import ConfigError

_GIGABYTE = 1e9
_COUNTLESS = 1e18  # bytes


def available() -> int:
    """Bytes of memory: the machine's, or the container's where that is limited to fewer."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no Linux, or no limit, which is the word "max"
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return machine


def require_memory(what: str, needed: int) -> None:
    """Refuse what cannot be held.

    Args:
        what: the beginning of the sentence.
        needed: bytes.

    Raises:
        ConfigError: if there are fewer.
    """
    there_are = available()
    if needed > there_are:
        gigabytes = f"{needed / _GIGABYTE:{',.0f' if needed < _COUNTLESS else '.0e'}}"
        raise ConfigError(
            f"{what} would take {gigabytes} GB of memory; there are {there_are / _GIGABYTE:,.0f} GB, so ask for fewer."
        )
