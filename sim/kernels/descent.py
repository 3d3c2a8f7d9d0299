"""The loop that goes through the epochs of a descent; its formula, optimizer and schedule are arguments."""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from sim.kernels.compiling import (
    COLUMN,
    DATA,
    FLOAT,
    INTEGER,
    INTEGERS,
    SINGLE_TABLE,
    SINGLES,
    TABLE,
    called_by_address,
    compiled,
)
from sim.kernels.modules import module_with


class Rule(NamedTuple):
    """An optimizer and its settings, each 0 where it has none.

    Attributes:
        kind: one of those in `loops.py`.
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
        gradients: that each used, shape (n, 2); shape (0, 2) where nobody asks for them.
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

STEP = types.void(RULE, INTEGER, SINGLES, FLOAT, SINGLE_TABLE, SINGLES)

step_singles = compiled(STEP)(module_with("")["move"])
"""Move many parameters of float32 as an optimizer does; see `move` in `loops.py`."""

step_at = called_by_address(STEP)

_DONE = types.Tuple((INTEGER, types.boolean))
IN_EPOCH = _DONE(DATA, INTEGERS, INTEGER, RULE, _STANDING, INTEGER, FLOAT, _COLUMNS)
"""The type of `descend_in_epoch` in `loops.py`."""

DESCEND = _DONE(INTEGER, DATA, BATCHES, RULE, _STANDING, FLOAT, _COLUMNS)

_in_epoch_at = called_by_address(IN_EPOCH)


@compiled(DESCEND)
def descend(
    in_epoch: int, data: Any, batches: Any, rule: Any, standing: Any, loss_bound: float, columns: Any
) -> tuple[int, bool]:
    """Make n updates, one after the other, until one shows that the run has diverged.

    Args:
        in_epoch: the address of a formula's `descend_in_epoch`.
        data: see `Data`.
        batches: see `Batches`.
        rule: see `Rule`.
        standing: where the run stands, see `Standing`.
        loss_bound: a batch loss beyond it shows divergence, as does what is not finite.
        columns: see `Columns`, to be filled in but for the rates.

    Returns:
        How many updates were made, and whether the last one shows divergence.
    """
    made, epoch, position, diverged = 0, 0, batches.begun, False
    rates, points, gradients, norms, losses = columns
    while made < len(rates) and not diverged:
        some = slice(made, min(len(rates), made + batches.per_epoch - position))
        part = Columns(rates[some], points[some], gradients[some], norms[some], losses[some])
        order = batches.orders[epoch, position * batches.size :]
        count, diverged = _in_epoch_at(in_epoch)(data, order, batches.size, rule, standing, made, loss_bound, part)
        made, epoch, position = made + count, epoch + 1, 0
    return made, diverged
