"""Which backend makes the updates: a fixed function of the command. Imports no torch."""

from sim.experiment.choices import Backend, BackendChoice
from sim.experiment.errors import ConfigError

MANY_UPDATES = 20_000
"""Of all runs together, from which on it pays to load, or once to make, what is compiled."""

MUCH_WORK = 20_000_000
"""Multiplications an update of a model, from which on torch's own products of matrices, and its threads, are faster."""


def chosen_backend(
    asked: BackendChoice, *, is_model: bool, work: float, device: str, updates: float, seeds: int = 1
) -> Backend:
    """The backend of an experiment; of a model that turns out to be no dense network it is torch, unless it was named.

    `auto` compiles where it pays: many small updates on the CPU, and many seeds. It does not where a person watches, or
    where the runs end after so many seconds: then nobody knows how many updates there will be. On a CUDA device, where
    compiled means recorded as a CUDA graph, it does not either.

    Args:
        asked: what the user named.
        is_model: whether what is minimised is no two-parameter problem.
        work: parameters times examples of the largest update.
        device: where it is computed.
        updates: how many all runs together are to make; 0 where that is not known.
        seeds: from how many each run is made.

    Raises:
        ConfigError: if the backend that was named cannot do it.
    """
    if seeds > 1 and device != "cpu":
        raise ConfigError(f"Many seeds are computed on the CPU, not on {device}; add --device cpu.")
    if asked == "compiled" and not device.startswith(("cpu", "cuda")):
        raise ConfigError(
            f"--backend compiled computes on the CPU or a CUDA device, not on {device}; add --device cpu."
        )
    if asked != "auto":
        return asked
    pays = seeds > 1 or (updates >= MANY_UPDATES and not (is_model and work > MUCH_WORK))
    return "compiled" if pays and device == "cpu" else "torch"
