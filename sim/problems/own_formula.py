"""A two-parameter problem from the user's own file: what it defines, and whether it can serve. Imports no torch."""

import inspect
import math
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import numpy as np

from sim.experiment.errors import ConfigError, choose, require_file, suggest
from sim.experiment.geometry import Point, Window
from sim.experiment.own_files import loaded
from sim.experiment.words import first_line
from sim.problems.curvature import losses
from sim.problems.formula import Floats, Formula, LossName, Output

_PRIVATE_NAME = "_gdsim_own_problem"
_ARGUMENTS = ("xp", "a", "b", "inputs")  # of an output, whatever it calls them
_ROOM = 2.0  # around the start, as long as nobody has moved
_RATE = 0.1


def own_formula(path: str, name: str) -> Formula:
    """The formula of a file that has a function `name(xp, a, b, inputs)` and a function `data()`.

    `data()` returns inputs, of shape (N,) or (N, K), and targets, of shape (N,), or inputs alone where the outputs
    themselves are the losses. The file may say `loss`, `start` and `lr`.

    Raises:
        ConfigError: for what cannot serve. What the file itself raises is passed on.
    """
    require_file(Path(path), "problem")
    module = loaded(path, _PRIVATE_NAME)
    output = getattr(module, name, None)
    if not inspect.isfunction(output):
        own = [word for word, value in vars(module).items() if inspect.isfunction(value) and word != "data"]
        raise ConfigError(f"{path} has no function {name!r}; {suggest(name, own)}")
    inputs, targets = _data(module, path)
    usual: LossName = "mean" if targets is None else "mean_squared_error"
    loss: Any = choose(getattr(module, "loss", usual), get_args(LossName), f"loss in {path}")
    start = _point(getattr(module, "start", (0.0, 0.0)), path)
    formula = Formula(
        title=Path(path).name,
        note="",
        parameters=_parameters(output, name, path),
        inputs=inputs,
        targets=np.zeros(len(inputs)) if targets is None else targets,
        output=output,
        loss=loss,
        start=start,
        window=Window(start.x - _ROOM, start.x + _ROOM, start.y - _ROOM, start.y + _ROOM),
        lr=_rate(getattr(module, "lr", _RATE), path),
        pace={},
    )
    _require_function(formula, name, path)
    return formula


def require_finite(formula: Formula, start: Point) -> None:
    """Refuse a start at which the loss is no number.

    Raises:
        ConfigError: saying so.
    """
    with np.errstate(all="ignore"):
        loss = float(np.mean(losses(formula, start)))
    if not math.isfinite(loss):
        a, b = start
        raise ConfigError(f"The loss is {loss:g} at the start {a:g},{b:g}; choose another one with --start.")


def _parameters(output: Output, name: str, path: str) -> tuple[str, str]:
    """The names of the two parameters, as the function calls them."""
    words = list(inspect.signature(output).parameters)
    if len(words) != len(_ARGUMENTS):
        more = " (more parameters are a model's: --model)" if len(words) > len(_ARGUMENTS) else ""
        raise ConfigError(f"{name} in {path} must take xp, two parameters and inputs, not {', '.join(words)}{more}.")
    return words[1], words[2]


def _data(module: ModuleType, path: str) -> tuple[Floats, Floats | None]:
    """Its inputs and its targets, if it has any."""
    make = getattr(module, "data", None)
    if not inspect.isfunction(make):
        raise ConfigError(f"{path} must have a function data() that returns inputs and targets.")
    found = make()
    parts = found if isinstance(found, tuple) else (found,)
    try:
        inputs, *others = (np.array(part, np.float64) for part in parts)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"data() in {path} must return arrays of numbers: {first_line(error)}.") from None
    if inputs.ndim not in (1, 2) or len(others) > 1 or any(one.shape != (len(inputs),) for one in others):
        shapes = ", ".join(str(one.shape) for one in (inputs, *others))
        raise ConfigError(f"data() in {path} must return inputs (N,) or (N, K) and targets (N,), not shapes {shapes}.")
    if len(inputs) < 2 or not all(np.isfinite(one).all() for one in (inputs, *others)):
        raise ConfigError(f"data() in {path} must return 2 examples or more, and finite numbers only.")
    return inputs, others[0] if others else None


def _point(said: Any, path: str) -> Point:
    try:
        x, y = map(float, said)
    except (TypeError, ValueError):
        raise ConfigError(f"start in {path} must be two numbers, such as (-1, 2), not {said!r}.") from None
    return Point(x, y)


def _rate(said: Any, path: str) -> float:
    if not isinstance(said, (int, float)) or not (math.isfinite(said) and said > 0):
        raise ConfigError(f"lr in {path} must be a positive number, not {said!r}.")
    return float(said)


def _require_function(formula: Formula, name: str, path: str) -> None:
    """Refuse an output of the wrong shape, and one that changes its inputs, or is another one when asked again."""
    inputs = formula.inputs.copy()
    with np.errstate(all="ignore"):
        once, again = (np.asarray(formula.output(np, *formula.start, inputs)) for _ in range(2))
    if once.shape != formula.targets.shape:
        raise ConfigError(
            f"{name} in {path} must return an output for each of the {formula.examples} examples, shape "
            f"{formula.targets.shape}, not {once.shape}."
        )
    if not (np.array_equal(once, again, equal_nan=True) and np.array_equal(inputs, formula.inputs)):
        raise ConfigError(f"{name} in {path} must have no side effects: it changes its inputs, or its own output.")
