"""Which backend makes the updates: a fixed function of the command. Imports no torch."""

from sim.experiment.choices import Backend, BackendChoice
from sim.experiment.errors import ConfigError

MANY_UPDATES = 20_000
"""Of all runs together, from which on it pays to load, or once to make, what is compiled."""


def chosen_backend(asked: BackendChoice, *, model: str | None, device: str, updates: float, seeds: int = 1) -> Backend:
    """The backend of an experiment.

    `auto` compiles where it pays: many updates of a two-parameter problem on the CPU, and many seeds. It does not where
    a person watches, or where the runs end after so many seconds: then nobody knows how many updates there will be.

    Args:
        asked: what the user named.
        model: what is minimised, if it is no two-parameter problem.
        device: where it is computed.
        updates: how many all runs together are to make; 0 where that is not known.
        seeds: from how many each run is made.

    Raises:
        ConfigError: if the backend that was named cannot do it.
    """
    if asked == "compiled" and model is not None:
        raise ConfigError(
            f"--backend compiled is for two-parameter problems, and {model} is a model; use --backend torch."
        )
    if seeds > 1 and device != "cpu":
        raise ConfigError(f"Many seeds are computed on the CPU, not on {device}; add --device cpu.")
    if asked == "compiled" and device != "cpu":
        raise ConfigError(f"--backend compiled computes on the CPU, not on {device}; add --device cpu.")
    if asked != "auto":
        return asked
    return "compiled" if model is None and device == "cpu" and (seeds > 1 or updates >= MANY_UPDATES) else "torch"
