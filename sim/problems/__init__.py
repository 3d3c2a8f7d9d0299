"""The two-parameter problems: one registry, one function in one file each. Imports no torch.

Beside them: what they are made of (`formula`, `finite_sum`, `start_and_window`), what kind of point a run stands at
(`curvature`), and what is said of a problem or a model before it is opened (`card`).

To add a problem, write a function that takes a `ProblemConfig` and returns a `Formula` in a file of its own, decorate
it with `problem`, and name the file in `_FILES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from sim.experiment.errors import ConfigError, choose
from sim.experiment.problem import ProblemConfig

if TYPE_CHECKING:
    from sim.problems.formula import Formula

_FILES = ("linear", "logistic", "sine", "saddle", "neuron", "rosenbrock", "himmelblau", "beale", "rastrigin")


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered problem.

    Attributes:
        name: what to type.
        sentence: what it shows, for people.
        build: makes its formula, loading data where it has any.
        takes_data: whether the user's own file can replace the built-in data.
    """

    name: str
    sentence: str
    build: "Callable[[ProblemConfig], Formula]"
    takes_data: bool


_registry: dict[str, Entry] = {}


def problem(
    sentence: str, *, takes_data: bool = False
) -> "Callable[[Callable[[ProblemConfig], Formula]], Callable[[ProblemConfig], Formula]]":
    """Register the decorated function as a problem under its own name."""

    def register(build: "Callable[[ProblemConfig], Formula]") -> "Callable[[ProblemConfig], Formula]":
        _registry[build.__name__] = Entry(build.__name__, sentence, build, takes_data)
        return build

    return register


def names() -> tuple[str, ...]:
    """Those of the problems, in the order to list them."""
    return _FILES


def entry_of(name: str) -> Entry:
    """The problem of that name, whose file is loaded where it was not yet."""
    import_module(f"sim.problems.{name}")
    return _registry[name]


@cache
def registry() -> dict[str, Entry]:
    """Every problem, by name, in the order to list them."""
    return {name: entry_of(name) for name in names()}


def build_formula(config: ProblemConfig) -> "Formula":
    """The formula that a configuration names.

    Raises:
        ConfigError: for an unknown problem, or a data file or a file of the user's own that does not serve. What that
            file itself raises is passed on.
    """
    if config.own_file is not None:
        from sim.problems.own_formula import own_formula  # which needs what is made here

        if config.data is not None or config.scale is not None:
            raise ConfigError(f"{config.name} has its own data; leave out --data and --scale.")
        return own_formula(*config.own_file)
    entry = entry_of(choose(config.name, names(), "problem"))
    if config.data is not None and not entry.takes_data:
        able = ", ".join(name for name, other in registry().items() if other.takes_data)
        raise ConfigError(f"{config.name} has its own data; --data works with {able}.")
    if config.scale is not None and not entry.takes_data:
        raise ConfigError(f"{config.name} has no columns to scale; leave out --scale.")
    return entry.build(config)
