"""The numbers about a run: one registry, one function in one file each. Imports no torch.

To add a measure, write a function that takes one of the views of `sim.measures.measure` in a file of its own name,
decorate it with `measure`, and name the file in `_FILES`.
"""

from functools import cache
from importlib import import_module

from sim.measures.measure import Cost, Measure, declared

_FILES = (
    *("batch_loss", "loss", "grad_norm", "lr", "test_loss", "test_accuracy"),
    *("angle", "cosine", "relative_error"),
    *("distance_to_minimum", "distance_from_plane", "updates_per_second", "examples_per_second"),
)


@cache
def registry() -> dict[str, Measure]:
    """Every measure, by name, in the order to list them."""
    for name in _FILES:
        import_module(f"sim.measures.{name}")
    return {name: declared[name] for name in _FILES}


@cache
def measures(*costs: Cost) -> tuple[Measure, ...]:
    """The measures that cost one of these."""
    return tuple(one for one in registry().values() if one.cost in costs)
