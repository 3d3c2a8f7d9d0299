"""Updates of dense networks, any of them by one and the same code.

Products of matrices are loops over whole rows, which the compiler makes vectors of: they take about as long as those of
a BLAS library, and less for a single row, where the call itself would cost most. It is one file for the reason that
`descent.py` is one.
"""

import math
from typing import Any

import numpy as np
from numba import types

from sim.kernels.compiling import FLOAT, INTEGER, compiled, part_of_others
from sim.kernels.descent import BATCHES, RULE, step_at
from sim.kernels.network import AT_ONCE, EXAMPLES, LINEAR, NETWORK, RECORD, RELU, SIGMOID, STANDING, TANH, WORKSPACE

_HUGE = math.sqrt(np.finfo(np.float32).max)
_ROOT_HALF, _ROOT_TWO_PI = np.float32(math.sqrt(0.5)), np.float32(math.sqrt(2 * math.pi))


# -- products of matrices ---------------------------------------------------------------------------------------------


@part_of_others
def _add_product(left: Any, right: Any, result: Any) -> None:
    """result += left @ right, of shapes (N, K) and (K, M); the left one may lie in memory in any way.

    Three rows at a time, which share what is read of `right`, and four terms at a time, which share what is written.
    """
    rows, depth = left.shape
    for row in range(0, rows - 2, 3):
        x, y, z = result[row], result[row + 1], result[row + 2]
        for term in range(0, depth - 3, 4):
            first, second, third, fourth = right[term], right[term + 1], right[term + 2], right[term + 3]
            a, b, c, d = left[row, term], left[row, term + 1], left[row, term + 2], left[row, term + 3]
            e, f, g, h = left[row + 1, term], left[row + 1, term + 1], left[row + 1, term + 2], left[row + 1, term + 3]
            i, j, k, m = left[row + 2, term], left[row + 2, term + 1], left[row + 2, term + 2], left[row + 2, term + 3]
            for column in range(len(x)):
                p, q, r, s = first[column], second[column], third[column], fourth[column]
                x[column] += a * p + b * q + c * r + d * s
                y[column] += e * p + f * q + g * r + h * s
                z[column] += i * p + j * q + k * r + m * s
        for term in range(depth // 4 * 4, depth):
            first, a, e, i = right[term], left[row, term], left[row + 1, term], left[row + 2, term]
            for column in range(len(x)):
                x[column] += a * first[column]
                y[column] += e * first[column]
                z[column] += i * first[column]
    for row in range(rows // 3 * 3, rows):
        _add_row(left[row], right, result[row])


@part_of_others
def _add_row(left: Any, right: Any, result: Any) -> None:
    """result += left @ right, of shapes (K,) and (K, M)."""
    depth = len(left)
    for term in range(0, depth - 3, 4):
        a, b, c, d = left[term], left[term + 1], left[term + 2], left[term + 3]
        first, second, third, fourth = right[term], right[term + 1], right[term + 2], right[term + 3]
        for column in range(len(result)):
            result[column] += a * first[column] + b * second[column] + c * third[column] + d * fourth[column]
    for term in range(depth // 4 * 4, depth):
        a, first = left[term], right[term]
        for column in range(len(result)):
            result[column] += a * first[column]


@part_of_others
def _add_product_transposed(left: Any, right: Any, result: Any) -> None:
    """result += left @ right.T, of shapes (N, K) and (M, K); four columns of the result at a time."""
    rows, columns = result.shape
    for row in range(rows):
        given, made = left[row], result[row]
        for column in range(0, columns - 3, 4):
            first, second, third, fourth = right[column], right[column + 1], right[column + 2], right[column + 3]
            p = q = r = s = np.float32(0)
            for term in range(len(given)):
                p += given[term] * first[term]
                q += given[term] * second[term]
                r += given[term] * third[term]
                s += given[term] * fourth[term]
            made[column] += p
            made[column + 1] += q
            made[column + 2] += r
            made[column + 3] += s
        for column in range(columns // 4 * 4, columns):
            p, first = np.float32(0), right[column]
            for term in range(len(given)):
                p += given[term] * first[term]
            made[column] += p


# -- forward ----------------------------------------------------------------------------------------------------------


@part_of_others
def _copy(source: Any, target: Any) -> None:
    """Numbers to the beginning of some memory: an assignment takes ten times as long to compile."""
    for index in range(len(source)):
        target[index] = source[index]


@part_of_others
def _forward(network: Any, examples: Any, some: Any, point: Any, values: Any) -> int:
    """What some examples come to before each stage and after the last; where the outputs begin."""
    rows, at = len(some), 0
    given = values[: rows * network.widths[0]]
    for row in range(rows):
        _copy(examples.inputs[examples.rows[some[row]]], given[row * network.widths[0] :])
    for stage in range(len(network.kinds)):
        inner, outer = network.widths[stage], network.widths[stage + 1]
        made = values[at + rows * inner : at + rows * (inner + outer)]
        if network.kinds[stage] == LINEAR:
            begin, bias = network.weights[stage], network.biases[stage]
            weights, table = point[begin : begin + outer * inner].reshape(outer, inner), made.reshape(rows, outer)
            made[:] = 0
            if bias >= 0:
                for row in range(rows):
                    _copy(point[bias : bias + outer], table[row])
            _add_product_transposed(given.reshape(rows, inner), weights, table)
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
def _backward(network: Any, rows: int, at: int, point: Any, workspace: Any) -> None:
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
            _add_product(table.T, given.reshape(rows, inner), workspace.gradient[span].reshape(outer, inner))
            if bias >= 0:
                for row in range(rows):
                    for index in range(outer):
                        workspace.gradient[bias + index] += table[row, index]
            if stage:  # nobody asks for the slopes of the inputs
                back[:] = 0
                _add_product(table, point[span].reshape(outer, inner), back.reshape(rows, inner))
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
def _descent_of(network: Any, examples: Any, chosen: Any, point: Any, workspace: Any) -> float:
    """The mean loss of the chosen examples; its gradient is left in the workspace."""
    workspace.gradient[:] = 0
    total = 0.0
    for begin in range(0, len(chosen), AT_ONCE):
        some = chosen[begin : begin + AT_ONCE]
        at = _forward(network, examples, some, point, workspace.values)
        if len(examples.labels):
            total += _cross_entropy(network.widths[-1], at, examples, some, len(chosen), workspace)
        else:
            total += _squared_error(network.widths[-1], at, examples, some, len(chosen), workspace)
        _backward(network, len(some), at, point, workspace)
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
        *(INTEGER, NETWORK, EXAMPLES, BATCHES, RULE),
        *(STANDING, FLOAT, RECORD, WORKSPACE),
    ),
)
def descend_dense(
    step: int,
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
        step: the address of `step_singles`.
        network, examples: see there.
        batches: see `Batches`.
        rule: see `Rule`.
        standing: where the run stands, see `Standing`: float32, of L parameters in the place of two.
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
        loss = _descent_of(network, examples, batches.orders[epoch, begin:end], point, workspace)
        lr, norm = record.rates[update], _length(gradient)
        step_at(step)(rule, standing.steps + update + 1, gradient, lr, standing.memory, point)
        record.losses[update], record.norms[update] = loss, norm
        if update >= record.first and (update - record.first) % record.every == 0:
            _copy(point, record.kept[(update - record.first) // record.every])
        if not (math.isfinite(loss) and math.isfinite(norm)) or abs(loss) > loss_bound:
            return update + 1, True
        if norm * max(1.0, lr) > _HUGE and not _is_finite(point):
            return update + 1, True
    return len(record.rates), False
