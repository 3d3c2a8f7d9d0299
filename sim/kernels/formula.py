"""A formula's kernels: over a batch its mean loss and gradient, over all examples its mean loss."""

import hashlib
import math
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from platformdirs import user_cache_path

from sim.kernels.compiling import BATCH, MEAN, Data, compiled
from sim.kernels.symbols import source_of
from sim.problems.formula import Formula

_LOOPS = """\
def batch(a, b, data, order, begin, end):
    total = slope_a = slope_b = 0.0
    for index in range(begin, end):
        row = order[index]
        said, along_a, along_b = output(a, b, {inputs})
        value, slope = loss(said, data.targets[row])
        total += value
        slope_a += slope * along_a
        slope_b += slope * along_b
    examples = end - begin
    return total / examples, slope_a / examples, slope_b / examples


def mean(a, b, data):
    total = 0.0
    for row in range(len(data.targets)):
        said, _, _ = output(a, b, {inputs})
        value, _ = loss(said, data.targets[row])
        total += value
    return total / len(data.targets)
"""


@dataclass(frozen=True, slots=True)
class Kernels:
    """What numba made of a formula.

    Attributes:
        data: the formula's examples.
        batch, mean: see `BATCH` and `MEAN`.
    """

    data: Data
    batch: Any
    mean: Any


def kernels_of(formula: Formula) -> Kernels:
    """The kernels of a formula; those that were made before are found on disk, or in memory.

    Raises:
        Exception: whatever the formula, sympy or numba raise where it cannot be compiled.
    """
    inputs = formula.inputs.reshape(formula.examples, -1)
    one = ", ".join(f"data.inputs[row, {column}]" for column in range(inputs.shape[1]))
    batch, mean = _functions(source_of(formula) + _LOOPS.format(inputs=one))
    data = Data(np.ascontiguousarray(inputs, np.float64), np.ascontiguousarray(formula.targets, np.float64))
    return Kernels(data, batch, mean)


@cache
def _functions(source: str) -> tuple[Any, Any]:
    """The two kernels of a module with that text."""
    name = f"gdsim_kernels_{hashlib.sha256(source.encode()).hexdigest()}"
    # a module of its own: numba may take one function for another that was compiled under the same name elsewhere
    module = sys.modules[name] = ModuleType(name)
    names = vars(module)
    names |= {word: function for word, function in vars(math).items() if not word.startswith("_")}
    exec(compile(source, _filed(source, name), "exec"), names)
    for helper in ("output", "loss"):
        names[helper] = njit(names[helper])
    return compiled(BATCH)(names["batch"]), compiled(MEAN)(names["mean"])


def _filed(source: str, name: str) -> str:
    """The path of a file with that text, beside which numba keeps what it compiles; no path if there can be none."""
    path = user_cache_path("gdsim") / "kernels" / f"{name}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, source)
    except OSError:
        return "<kernels>"
    return str(path)


def _write(path: Path, text: str) -> None:
    """Write a file that is there either whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_text(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
