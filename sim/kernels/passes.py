"""Loops over the points that a run came through, with a pass over all examples at each of those that are due."""

import math
from typing import Any

from numba import types

from sim.kernels.compiling import COLUMN, DATA, FLOAT, INTEGER, INTEGERS, TABLE, batch_at, compiled, mean_at

EVALUATE = types.void(INTEGER, DATA, TABLE, INTEGER, INTEGER, COLUMN)
FIND_CONVERGED = types.void(
    *(INTEGER, DATA, INTEGERS, TABLE, INTEGER),
    *(types.boolean, INTEGER, INTEGER, FLOAT, types.Array(types.uint8, 1, "C")),
)


@compiled(EVALUATE)
def evaluate(mean: int, data: Any, points: Any, first: int, every: int, losses: Any) -> None:
    """The loss over all examples after each update whose number is a multiple of `every`; inf where it is no number.

    Args:
        mean: the address of a formula's `mean`.
        data: see `Data`.
        points: the parameters after each of n updates, shape (n, 2).
        first: the number of the first of these updates.
        every: see above.
        losses: shape (n,), to be filled in where evaluated.
    """
    for index in range(-first % every, len(points), every):
        loss = mean_at(mean)(points[index, 0], points[index, 1], data)
        losses[index] = math.inf if math.isnan(loss) else loss


@compiled(FIND_CONVERGED)
def find_converged(
    batch: int,
    data: Any,
    order: Any,
    points: Any,
    first: int,
    converged: bool,
    every_running: int,
    every_converged: int,
    tolerance: float,
    column: Any,
) -> None:
    """Whether a run counts as converged after each of n updates, by the gradient over all examples.

    Args:
        batch: the address of a formula's `batch`.
        data: see `Data`.
        order: 0 to N - 1.
        points: the parameters after each update, shape (n, 2).
        first: the number of the first of these updates.
        converged: whether it did before.
        every_running: a run that does not is looked at after each update whose number is a multiple of it.
        every_converged: the same for one that does; after any other update it does not.
        tolerance: the gradient's length must be below.
        column: 0 or 1 after each update, uint8, shape (n,), to be filled in.
    """
    column[:] = 0
    index = 0
    while index < len(points):
        wait = -(first + index) % (every_converged if converged else every_running)
        if wait:
            index, converged = index + (1 if converged else wait), False
            continue
        _, along_a, along_b = batch_at(batch)(points[index, 0], points[index, 1], data, order)
        converged = math.sqrt(along_a * along_a + along_b * along_b) < tolerance
        column[index] = converged
        index += 1
