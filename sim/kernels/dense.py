"""Updates of dense networks, any of them by one and the same code.

It is one file because numba, which keeps what it compiles until the file changes, does not look at others: what these
have to give is called by its address.
"""

import math
from typing import Any

import numpy as np
from numba import types

from sim.kernels.compiling import FLOAT, INTEGER, compiled, part_of_others
from sim.kernels.descent import BATCHES, RULE, step_at
from sim.kernels.network import (
    AT_ONCE,
    CODES,
    EXAMPLES,
    LINEAR,
    NETWORK,
    RECORD,
    RELU,
    SIGMOID,
    STANDING,
    TANH,
    WORKSPACE,
)
from sim.kernels.products import product_at, transposed_product_at

_HUGE = math.sqrt(np.finfo(np.float32).max)
_WIDE, _WORTH_TURNING = 16, 64  # outputs of a stage, and examples of a batch, from which on that is faster
_ROOT_HALF, _ROOT_TWO_PI = np.float32(math.sqrt(0.5)), np.float32(math.sqrt(2 * math.pi))


# -- forward ----------------------------------------------------------------------------------------------------------


@part_of_others
def _copy(source: Any, target: Any) -> None:
    """Numbers to the beginning of some memory: an assignment takes ten times as long to compile."""
    for index in range(len(source)):
        target[index] = source[index]


@part_of_others
def _forward(codes: Any, network: Any, examples: Any, some: Any, point: Any, workspace: Any, turned: bool) -> int:
    """What some examples come to before each stage and after the last; where the outputs begin.

    Where the weights are there in columns, too, these are used: see `_turn`.
    """
    values, rows, at = workspace.values, len(some), 0
    given = values[: rows * network.widths[0]]
    for row in range(rows):
        _copy(examples.inputs[examples.rows[some[row]]], given[row * network.widths[0] :])
    for stage in range(len(network.kinds)):
        inner, outer = network.widths[stage], network.widths[stage + 1]
        made = values[at + rows * inner : at + rows * (inner + outer)]
        if network.kinds[stage] == LINEAR:
            begin, bias = network.weights[stage], network.biases[stage]
            span, table = slice(begin, begin + outer * inner), made.reshape(rows, outer)
            if bias >= 0:
                for row in range(rows):
                    _copy(point[bias : bias + outer], table[row])
            else:
                made[:] = 0
            if turned and outer >= _WIDE:
                weights = workspace.turned[span].reshape(inner, outer)
                product_at(codes.product)(given.reshape(rows, inner), weights, table)
            else:
                weights = point[span].reshape(outer, inner)
                transposed_product_at(codes.transposed_product)(given.reshape(rows, inner), weights, table)
        else:
            _activate(network.kinds[stage], given, made)
        given, at = made, at + rows * inner
    return at


@part_of_others
def _activate(kind: int, given: Any, made: Any) -> None:
    """An elementwise stage."""
    one, half = np.float32(1), np.float32(0.5)
    if kind == RELU:
        for index in range(len(given)):
            made[index] = given[index] if not given[index] <= 0 else np.float32(0)
    elif kind == TANH:
        for index in range(len(given)):
            made[index] = math.tanh(given[index])
    elif kind == SIGMOID:
        for index in range(len(given)):
            made[index] = one / (one + math.exp(-given[index]))
    else:
        for index in range(len(given)):
            made[index] = half * given[index] * (one + math.erf(given[index] * _ROOT_HALF))


# -- losses -----------------------------------------------------------------------------------------------------------


@part_of_others
def _cross_entropy(width: int, at: int, examples: Any, some: Any, count: int, workspace: Any) -> float:
    """The part of some examples in the mean cross entropy of so many; the slopes of the outputs are filled in."""
    share, total = np.float32(1 / count), 0.0
    for row in range(len(some)):
        begin, label = at + row * width, examples.labels[examples.rows[some[row]]]
        outputs, slopes = workspace.values[begin : begin + width], workspace.slopes[begin : begin + width]
        peak, mass = outputs[0], np.float32(0)
        for index in range(1, width):
            peak = max(peak, outputs[index])
        for index in range(width):
            slopes[index] = math.exp(outputs[index] - peak)
            mass += slopes[index]
        total += math.log(mass) + peak - outputs[label]
        for index in range(width):
            slopes[index] *= share / mass
        slopes[label] -= share
    return total / count


@part_of_others
def _squared_error(width: int, at: int, examples: Any, some: Any, count: int, workspace: Any) -> float:
    """The part of some examples in the mean squared error of so many; the slopes of the outputs are filled in."""
    numbers: float = count * width
    share, total = np.float32(2 / numbers), 0.0
    for row in range(len(some)):
        begin, wanted = at + row * width, examples.quantities[examples.rows[some[row]]]
        for index in range(width):
            error = workspace.values[begin + index] - wanted[index]
            workspace.slopes[begin + index] = share * error
            total += float(error * error)
    return total / numbers


# -- backward ---------------------------------------------------------------------------------------------------------


@part_of_others
def _backward(codes: Any, network: Any, rows: int, at: int, point: Any, workspace: Any) -> None:
    """Add what so many examples contribute to the gradient, from the slopes of the outputs, which begin there."""
    for stage in range(len(network.kinds) - 1, -1, -1):
        inner, outer = network.widths[stage], network.widths[stage + 1]
        before = slice(at - rows * inner, at)
        after = slice(at, at + rows * outer)
        given, made = workspace.values[before], workspace.values[after]
        back, slopes = workspace.slopes[before], workspace.slopes[after]
        if network.kinds[stage] == LINEAR:
            begin, bias = network.weights[stage], network.biases[stage]
            table, span = slopes.reshape(rows, outer), slice(begin, begin + outer * inner)
            weights, gradient = point[span].reshape(outer, inner), workspace.gradient[span].reshape(outer, inner)
            product_at(codes.product)(table.T, given.reshape(rows, inner), gradient)
            if bias >= 0:
                for row in range(rows):
                    for index in range(outer):
                        workspace.gradient[bias + index] += table[row, index]
            if stage:  # nobody asks for the slopes of the inputs
                back[:] = 0
                product_at(codes.product)(table, weights, back.reshape(rows, inner))
        elif stage:
            _pull_back(network.kinds[stage], given, made, slopes, back)
        at -= rows * inner


@part_of_others
def _pull_back(kind: int, given: Any, made: Any, slopes: Any, back: Any) -> None:
    """The slopes before an elementwise stage, from those after it."""
    one, half = np.float32(1), np.float32(0.5)
    if kind == RELU:
        for index in range(len(given)):
            back[index] = slopes[index] if not made[index] <= 0 else np.float32(0)
    elif kind == TANH:
        for index in range(len(given)):
            back[index] = slopes[index] * (one - made[index] * made[index])
    elif kind == SIGMOID:
        for index in range(len(given)):
            back[index] = slopes[index] * made[index] * (one - made[index])
    else:
        for index in range(len(given)):
            x = given[index]
            share, density = half * (one + math.erf(x * _ROOT_HALF)), math.exp(-half * x * x) / _ROOT_TWO_PI
            back[index] = slopes[index] * (share + x * density)


# -- updates ----------------------------------------------------------------------------------------------------------


@part_of_others
def _turn(network: Any, point: Any, turned: Any) -> None:
    """Copy the weights so that their columns become rows: a product with these is faster."""
    for stage in range(len(network.kinds)):
        if network.kinds[stage] == LINEAR:
            inner, outer, begin = network.widths[stage], network.widths[stage + 1], network.weights[stage]
            for row in range(outer):
                for column in range(inner):
                    turned[begin + column * outer + row] = point[begin + row * inner + column]


@part_of_others
def _descent_of(codes: Any, network: Any, examples: Any, chosen: Any, point: Any, workspace: Any) -> float:
    """The mean loss of the chosen examples; its gradient is left in the workspace."""
    workspace.gradient[:] = 0
    total, turned = 0.0, len(chosen) >= _WORTH_TURNING
    if turned:
        _turn(network, point, workspace.turned)
    for begin in range(0, len(chosen), AT_ONCE):
        some = chosen[begin : begin + AT_ONCE]
        at = _forward(codes, network, examples, some, point, workspace, turned)
        if len(examples.labels):
            total += _cross_entropy(network.widths[-1], at, examples, some, len(chosen), workspace)
        else:
            total += _squared_error(network.widths[-1], at, examples, some, len(chosen), workspace)
        _backward(codes, network, len(some), at, point, workspace)
    return total


@part_of_others
def _length(vector: Any) -> float:
    """The length of a vector, in stretches, so that many small squares do not get lost beside a large sum."""
    total = 0.0
    for begin in range(0, len(vector), 4096):
        stretch: Any = vector[begin : begin + 4096]
        part: Any = np.float32(0)
        for index in range(len(stretch)):
            part += stretch[index] * stretch[index]
        total += part
    return math.sqrt(total)


@part_of_others
def _is_finite(vector: Any) -> bool:
    """Whether all numbers are."""
    for value in vector:  # noqa: SIM110, numba knows no generators of truths
        if not math.isfinite(value):
            return False
    return True


@compiled(
    types.Tuple((INTEGER, types.boolean))(
        *(CODES, NETWORK, EXAMPLES, BATCHES, RULE),
        *(STANDING, FLOAT, RECORD, WORKSPACE),
    ),
)
def descend_dense(
    codes: Any,
    network: Any,
    examples: Any,
    batches: Any,
    rule: Any,
    standing: Any,
    loss_bound: float,
    record: Any,
    workspace: Any,
) -> tuple[int, bool]:
    """Make n updates, one after the other, until one shows that the run has diverged.

    Args:
        codes, network, examples: see there.
        batches: see `Batches`.
        rule: see `Rule`.
        standing: where the run stands, see `Standing`: float32, of L parameters instead of two.
        loss_bound: a batch loss beyond it shows divergence, as does what is not finite.
        record: see `Record`, to be filled in but for the rates.
        workspace: see there.

    Returns:
        How many updates were made, and whether the last one shows divergence.
    """
    point, gradient, count = standing.point, workspace.gradient, batches.orders.shape[1]
    epoch, position = 0, batches.begun
    for update in range(len(record.rates)):
        if position == batches.per_epoch:
            epoch, position = epoch + 1, 0
        begin = position * batches.size
        end = min(begin + batches.size, count)
        position += 1
        loss = _descent_of(codes, network, examples, batches.orders[epoch, begin:end], point, workspace)
        lr, norm = record.rates[update], _length(gradient)
        step_at(codes.step)(rule, standing.steps + update + 1, gradient, lr, standing.memory, point)
        record.losses[update], record.norms[update] = loss, norm
        if update >= record.first and (update - record.first) % record.every == 0:
            _copy(point, record.kept[(update - record.first) // record.every])
        if not (math.isfinite(loss) and math.isfinite(norm)) or abs(loss) > loss_bound:
            return update + 1, True
        if norm * max(1.0, lr) > _HUGE and not _is_finite(point):
            return update + 1, True
    return len(record.rates), False
