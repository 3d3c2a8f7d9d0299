"""The loops over the members of an ensemble: one run, made from many seeds.

Each member is made by the very code that makes a run from one seed, called by its address, so that its numbers are the
same to the last bit.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from sim.kernels import descent, passes
from sim.kernels.compiling import COLUMN, DATA, FLOAT, INTEGER, INTEGERS, TABLE, called_by_address, compiled
from sim.kernels.descent import Columns, Standing

_OCTETS = types.uint8

descend_at = called_by_address(descent.DESCEND)
evaluate_at = called_by_address(passes.EVALUATE)
find_converged_at = called_by_address(passes.FIND_CONVERGED)


class Codes(NamedTuple):
    """The addresses of what makes a run from one seed.

    Attributes:
        descend, evaluate, find_converged: the loops of that name.
        in_epoch, batch, mean: the formula's kernels.
    """

    descend: int
    evaluate: int
    find_converged: int
    in_epoch: int
    batch: int
    mean: int


class Orders(NamedTuple):
    """Which examples the updates of K members use; see `descent.Batches`.

    Attributes:
        orders: the examples of each epoch in order, int64, shape (K, epochs, N).
        begun, size, per_epoch: the same for all.
    """

    orders: NDArray[np.int64]
    begun: int
    size: int
    per_epoch: int


class Standings(NamedTuple):
    """Where K members stand; the arrays change as they go on.

    Attributes:
        points: the two parameters of each, shape (K, 2).
        memories: what their optimizers remember, shape (K, 2, 2).
        statuses: uint8, shape (K,).
        steps: how many steps the optimizers have made.
    """

    points: NDArray[np.float64]
    memories: NDArray[np.float64]
    statuses: NDArray[np.uint8]
    steps: int


class Checks(NamedTuple):
    """When members are evaluated, and what their status is.

    Attributes:
        first: the number of the first of the updates.
        every: the loss over all examples is evaluated after each update whose number is a multiple of it.
        every_running: see `passes.find_converged`.
        full_batch: the gradient of a batch is the one over all examples.
        tolerance: below which length of that gradient a member has converged.
        loss_bound: a batch loss beyond it shows divergence.
        converged, diverged: the numbers of these statuses; that of a member that runs is 0.
    """

    first: int
    every: int
    every_running: int
    full_batch: bool
    tolerance: float
    loss_bound: float
    converged: int
    diverged: int


class Records(NamedTuple):
    """What n updates of K members did.

    Attributes:
        losses: of the batches, shape (K, n).
        norms: of their gradients, shape (K, n).
        means: the losses over all examples, shape (K, n); NaN where not evaluated.
        path: the parameters of the first member after each, shape (n, 2).
        statuses: of the first member after each, uint8, shape (n,).
        counts: how many of the updates each member made, int64, shape (K,).
    """

    losses: NDArray[np.float64]
    norms: NDArray[np.float64]
    means: NDArray[np.float64]
    path: NDArray[np.float64]
    statuses: NDArray[np.uint8]
    counts: NDArray[np.int64]


_CODES = types.NamedUniTuple(INTEGER, len(Codes._fields), Codes)
_ORDERS = types.NamedTuple((types.Array(INTEGER, 3, "C"), INTEGER, INTEGER, INTEGER), Orders)
_STANDINGS = types.NamedTuple((TABLE, types.Array(FLOAT, 3, "C"), types.Array(_OCTETS, 1, "C"), INTEGER), Standings)
_CHECKS = types.NamedTuple((INTEGER, INTEGER, INTEGER, types.boolean, FLOAT, FLOAT, INTEGER, INTEGER), Checks)
_RECORDS = types.NamedTuple((TABLE, TABLE, TABLE, TABLE, types.Array(_OCTETS, 1, "C"), INTEGERS), Records)


@njit  # type: ignore[untyped-decorator]
def _find_statuses(
    codes: Any, data: Any, in_order: Any, checks: Any, was_converged: bool, path: Any, norms: Any, statuses: Any
) -> None:
    """Fill in whether a member counts as converged after each of n updates, as one that did not diverge.

    Args:
        codes, data, in_order, checks: as `descend_members` has them.
        was_converged: whether it did before.
        path: the parameters after each update, shape (n, 2).
        norms: the lengths of the batches' gradients, shape (n,).
        statuses: uint8, shape (n,).
    """
    if checks.full_batch:
        for index in range(len(path)):
            statuses[index] = checks.converged if norms[index] < checks.tolerance else 0
    else:
        find_converged_at(codes.find_converged)(
            codes.batch,
            data,
            in_order,
            path,
            checks.first,
            was_converged,
            checks.every_running,
            checks.every,
            checks.tolerance,
            statuses,
        )


@compiled(
    types.void(
        *(_CODES, DATA, INTEGERS, _ORDERS, descent.RULE, _STANDINGS, COLUMN, _CHECKS, _RECORDS),
        *(INTEGER, INTEGER),
    )
)
def descend_members(
    codes: Any,
    data: Any,
    in_order: Any,
    orders: Any,
    rule: Any,
    standings: Any,
    rates: Any,
    checks: Any,
    records: Any,
    begin: int,
    end: int,
) -> None:
    """Make n updates of each member from `begin` to `end`; whatever a diverged one measures is infinite.

    Args:
        codes: see `Codes`.
        data: see `Data`.
        in_order: 0 to N - 1.
        orders: see `Orders`.
        rule: see `Rule`.
        standings: see `Standings`.
        rates: the learning rate of each update, shape (n,).
        checks: see `Checks`.
        records: see `Records`, to be filled in.
        begin, end: which members.
    """
    count = len(rates)
    path, gradients = np.empty((count, 2)), np.empty((0, 2))
    statuses = np.empty(count, np.uint8)
    for member in range(begin, end):
        made, was_converged = 0, standings.statuses[member] == checks.converged
        losses, norms, means = records.losses[member], records.norms[member], records.means[member]
        stopped = standings.statuses[member] == checks.diverged
        records.counts[member] = 0
        if not stopped:
            standing = Standing(standings.points[member], standings.memories[member], standings.steps)
            batches = descent.Batches(orders.orders[member], orders.begun, orders.size, orders.per_epoch)
            columns = Columns(rates, path, gradients, norms, losses)
            made, stopped = descend_at(codes.descend)(
                codes.in_epoch, data, batches, rule, standing, checks.loss_bound, columns
            )
            means[:made] = math.nan
            evaluate_at(codes.evaluate)(codes.mean, data, path[:made], checks.first, checks.every, means[:made])
            _find_statuses(codes, data, in_order, checks, was_converged, path[:made], norms[:made], statuses[:made])
            records.counts[member] = made
            if stopped:
                made -= 1
            standings.statuses[member] = checks.diverged if stopped else statuses[count - 1]
        losses[made:], norms[made:], means[made:] = math.inf, math.inf, math.inf
        if member == 0:
            records.path[:made], records.path[made:] = path[:made], standings.points[0]
            records.statuses[:made], records.statuses[made:] = statuses[:made], checks.diverged
