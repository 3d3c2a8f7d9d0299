"""The loop that goes through epochs, batches and updates; formula, optimizer and schedule are arguments.

It is one file because numba, which keeps what it compiles until the file changes, does not look at others.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from sim.kernels.compiling import (
    COLUMN,
    DATA,
    FLOAT,
    FUSED,
    INTEGER,
    SINGLE_TABLE,
    SINGLES,
    TABLE,
    batch_at,
    called_by_address,
    compiled,
)

SGD, ADAM, RMSPROP, ADAGRAD = range(4)
"""The rules; AdamW is Adam with a decay of the weights."""


class Rule(NamedTuple):
    """An optimizer and its settings, each 0 where it has none.

    Attributes:
        kind: one of the above.
        momentum, nesterov: of SGD and RMSprop.
        first_decay, second_decay: of the running means of the gradient and of its square.
        epsilon: what keeps a quotient finite.
        weight_decay: of the parameters, times the rate.
    """

    kind: int
    momentum: float
    nesterov: bool
    first_decay: float
    second_decay: float
    epsilon: float
    weight_decay: float


class Batches(NamedTuple):
    """Which examples the updates use.

    Attributes:
        orders: the examples of each epoch in order, int64, shape (epochs, N).
        begun: how many updates of the first of these epochs were made before.
        size: examples an update.
        per_epoch: how many updates an epoch has.
    """

    orders: NDArray[np.int64]
    begun: int
    size: int
    per_epoch: int


class Standing(NamedTuple):
    """Where a run stands; the arrays change as it goes on.

    Attributes:
        point: the two parameters, shape (2,).
        memory: what its optimizer remembers, shape (2, 2).
        steps: how many the optimizer has made.
    """

    point: NDArray[np.float64]
    memory: NDArray[np.float64]
    steps: int


class Columns(NamedTuple):
    """What n updates did.

    Attributes:
        rates: the learning rate of each, shape (n,), given beforehand.
        points: the parameters after each, shape (n, 2).
        gradients: that each used, shape (n, 2).
        norms: their lengths, shape (n,).
        losses: of the batches, before the update, shape (n,).
    """

    rates: NDArray[np.float64]
    points: NDArray[np.float64]
    gradients: NDArray[np.float64]
    norms: NDArray[np.float64]
    losses: NDArray[np.float64]


RULE = types.NamedTuple((INTEGER, FLOAT, types.boolean, *(FLOAT,) * 4), Rule)
BATCHES = types.NamedTuple((types.Array(INTEGER, 2, "C"), INTEGER, INTEGER, INTEGER), Batches)
_STANDING = types.NamedTuple((COLUMN, TABLE, INTEGER), Standing)
_COLUMNS = types.NamedTuple((COLUMN, TABLE, TABLE, COLUMN, COLUMN), Columns)

_HUGE = math.sqrt(np.finfo(np.float64).max)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _step(rule: Any, number: int, gradient: Any, lr: float, memory: Any, point: Any) -> None:
    """Move a point as an optimizer does, which remembers in `memory` what it needs. In the point's own precision.

    Args:
        rule: the optimizer.
        number: of the optimizer's step, from 1.
        gradient: of the batch's loss, P numbers.
        lr: the learning rate.
        memory: shape (2, P): the momentum or the running mean of the gradient; and that, or the sum, of its square.
        point: the parameters, shape (P,).
    """
    real, first, second = point.dtype.type, memory[0], memory[1]
    rate, momentum, epsilon, kept = real(lr), real(rule.momentum), real(rule.epsilon), real(1 - lr * rule.weight_decay)
    first_rest, second_decay, second_rest = 1 - rule.first_decay, rule.second_decay, 1 - rule.second_decay
    first_rest, second_decay, second_rest = real(first_rest), real(second_decay), real(second_rest)
    if rule.kind == ADAM:  # the shares of the running means that are theirs: the rest is the 0 that they began with
        first_share, second_share = real(1 - rule.first_decay**number), real(1 - rule.second_decay**number)
    for index in range(len(gradient)):
        slope = gradient[index]
        if rule.kind == SGD:
            first[index] = momentum * first[index] + slope
            moved = slope + momentum * first[index] if rule.nesterov else first[index]
        elif rule.kind == ADAM:
            point[index] *= kept
            first[index] += first_rest * (slope - first[index])
            second[index] = second_decay * second[index] + second_rest * slope * slope
            scale = math.sqrt(second[index] / second_share) + epsilon
            moved = first[index] / first_share / scale
        elif rule.kind == RMSPROP:
            second[index] = second_decay * second[index] + second_rest * slope * slope
            first[index] = momentum * first[index] + slope / (math.sqrt(second[index]) + epsilon)
            moved = first[index]
        else:
            second[index] += slope * slope
            moved = slope / (math.sqrt(second[index]) + epsilon)
        point[index] -= rate * moved


STEP = types.void(RULE, INTEGER, SINGLES, FLOAT, SINGLE_TABLE, SINGLES)


@compiled(STEP, FUSED)
def step_singles(rule: Any, number: int, gradient: Any, lr: float, memory: Any, point: Any) -> None:
    """Move many parameters of float32 as an optimizer does; see `_step`."""
    _step(rule, number, gradient, lr, memory, point)


step_at = called_by_address(STEP)

DESCEND = types.Tuple((INTEGER, types.boolean))(INTEGER, DATA, BATCHES, RULE, _STANDING, FLOAT, _COLUMNS)


@compiled(DESCEND)
def descend(
    batch: int, data: Any, batches: Any, rule: Any, standing: Any, loss_bound: float, columns: Any
) -> tuple[int, bool]:
    """Make n updates, one after the other, until one shows that the run has diverged.

    Args:
        batch: the address of a function as `BATCH` says.
        data: see `Data`.
        batches: see `Batches`.
        rule: see `Rule`.
        standing: where the run stands, see `Standing`.
        loss_bound: a batch loss beyond it shows divergence, as does what is not finite.
        columns: see `Columns`, to be filled in but for the rates.

    Returns:
        How many updates were made, and whether the last one shows divergence.
    """
    point, examples = standing.point, batches.orders.shape[1]
    epoch, position = 0, batches.begun
    for update in range(len(columns.rates)):
        if position == batches.per_epoch:
            epoch, position = epoch + 1, 0
        begin = position * batches.size
        end = min(begin + batches.size, examples)
        position += 1
        loss, along_a, along_b = batch_at(batch)(point[0], point[1], data, batches.orders[epoch], begin, end)
        gradient, lr = (along_a, along_b), columns.rates[update]
        _step(rule, standing.steps + update + 1, gradient, lr, standing.memory, point)
        norm = math.sqrt(along_a * along_a + along_b * along_b)
        for index in range(2):
            columns.points[update, index] = point[index]
            columns.gradients[update, index] = gradient[index]
        columns.losses[update], columns.norms[update] = loss, norm
        if not (math.isfinite(loss) and math.isfinite(norm)) or abs(loss) > loss_bound:
            return update + 1, True
        if norm * max(1.0, lr) > _HUGE and not (math.isfinite(point[0]) and math.isfinite(point[1])):
            return update + 1, True
    return len(columns.rates), False
