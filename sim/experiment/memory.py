"""How much memory there is, for what would need more. Imports no torch."""

from contextlib import suppress
from pathlib import Path

from sim.experiment.errors import ConfigError

_GIGABYTE = 1e9
_COUNTLESS = 1e18  # bytes
_GENERATORS = 32_768  # bytes: torch's generators, and their states, of each seed and run
_ORDERS = 64  # bytes an example, of the orders that are drawn for each seed and run


def available() -> int:
    """Bytes of memory that can be had without swapping, but no more than the container may have in all."""
    import psutil  # which takes a while, and is seldom asked

    machine: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # no Linux, or no limit, which is the word "max"
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return machine


def require_memory(what: str, needed: int, cure: str = "ask for fewer") -> None:
    """Refuse what cannot be held.

    Args:
        what: the beginning of the sentence.
        needed: bytes.
        cure: the end of the sentence, what to do about it.

    Raises:
        ConfigError: if there are fewer.
    """
    there_are = available()
    if needed > there_are:
        gigabytes = f"{needed / _GIGABYTE:{',.0f' if needed < _COUNTLESS else '.0e'}}"
        raise ConfigError(
            f"{what} would take {gigabytes} GB of memory; there are {there_are / _GIGABYTE:,.0f} GB, so {cure}."
        )


def require_memory_for_seeds(seeds: int, runs: int, examples: int) -> None:
    """Refuse more seeds than can be held.

    Raises:
        ConfigError: saying how many can.
    """
    each = runs * (_GENERATORS + _ORDERS * examples)
    require_memory(f"--seeds {seeds:,}", each * seeds, f"ask for {max(1, available() // each):,} at most")
