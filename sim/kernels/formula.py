"""A formula's kernels: the mean loss and gradient of a batch, the mean loss of all examples, a descent."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sim.kernels.compiling import BATCH, CONTRACTED, MEAN, Data, compiled, inlined, part_of_others
from sim.kernels.descent import IN_EPOCH
from sim.kernels.modules import module_with
from sim.kernels.symbols import source_of
from sim.problems.formula import Formula

_EXAMPLE = """\
def example(a, b, data, row):
    said, along_a, along_b = output(a, b, {inputs})
    value, slope = loss(said, data.targets[row])
    return value, slope * along_a, slope * along_b
"""


@dataclass(frozen=True, slots=True)
class Kernels:
    """What numba made of a formula.

    Attributes:
        data: the formula's examples.
        batch, mean, descend_in_epoch: see `loops.py`.
    """

    data: Data
    batch: Any
    mean: Any
    descend_in_epoch: Any


def kernels_of(formula: Formula) -> Kernels:
    """The kernels of a formula; those that were made before are found on disk, or in memory.

    Raises:
        Exception: whatever the formula, sympy or numba raise where it cannot be compiled.
    """
    inputs = formula.inputs.reshape(formula.examples, -1)
    one = ", ".join(f"data.inputs[row, {column}]" for column in range(inputs.shape[1]))
    data = Data(np.ascontiguousarray(inputs, np.float64), np.ascontiguousarray(formula.targets, np.float64))
    return Kernels(data, *_functions(source_of(formula) + _EXAMPLE.format(inputs=one)))


@cache
def _functions(source: str) -> tuple[Any, Any, Any]:
    """The kernels of a formula with that text."""
    names = module_with(source)
    for exact in ("output", "loss"):  # which are so written that nothing cancels
        names[exact] = part_of_others(names[exact], CONTRACTED)
    for part in ("example", "shows_divergence"):
        names[part] = part_of_others(names[part])
    names["note"] = inlined(names["note"])
    names["descend_plainly"] = part_of_others(names["descend_plainly"], CONTRACTED)  # rounds a step as `moved` does
    names["batch"] = compiled(BATCH)(names["batch"])
    return names["batch"], compiled(MEAN)(names["mean"]), compiled(IN_EPOCH)(names["descend_in_epoch"])
