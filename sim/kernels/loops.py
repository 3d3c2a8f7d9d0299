"""What goes on inside a compiled descent, as plain Python: an optimizer's step, loops over examples and over updates.

Every module that is compiled has the text of this file (see `modules.py`). In that of a formula all of it becomes one
loop, whose parameters stay in the processor's registers. So it imports nothing of ours, and calls what the formula's
own text defines: `example(a, b, data, row)`, the loss of an example and its two derivatives.
"""

import math
from collections.abc import Callable
from typing import Any

example: Callable[[float, float, Any, int], tuple[float, float, float]]

SGD, ADAM, RMSPROP, ADAGRAD = range(4)
"""The rules; AdamW is Adam with a decay of the weights."""

_LARGEST = 1.7976931348623157e308
_HUGE = math.sqrt(_LARGEST)


# -- an optimizer's step ----------------------------------------------------------------------------------------------


def terms_of(rule: Any, number: int, lr: float, point: Any) -> Any:
    """What an optimizer's step takes of its settings, in the precision of the point; `moved` has them in this order.

    Args:
        rule: the optimizer, see `Rule`.
        number: of the step, from 1.
        lr: the learning rate.
        point: the parameters.
    """
    real, first_share, second_share = point.dtype.type, 1.0, 1.0
    if rule.kind == ADAM:  # the shares of the running means that are theirs: the rest is the 0 that they began with
        first_share, second_share = 1 - rule.first_decay**number, 1 - rule.second_decay**number
    return (
        *(real(lr), real(1 - lr * rule.weight_decay), real(rule.momentum), real(rule.epsilon)),
        *(real(1 - rule.first_decay), real(rule.second_decay), real(1 - rule.second_decay)),
        *(real(first_share), real(second_share)),
    )


def moved(rule: Any, terms: Any, slope: float, value: float, first: float, second: float) -> tuple[float, float, float]:
    """A parameter after an optimizer's step, and what that remembers.

    Args:
        rule: the optimizer, see `Rule`.
        terms: see `terms_of`.
        slope: the derivative of the loss.
        value: the parameter.
        first: its momentum or the running mean of its slope.
        second: that, or the sum, of its square.
    """
    rate, kept, momentum, epsilon, first_rest, second_decay, second_rest, first_share, second_share = terms
    if rule.kind == SGD:
        first = momentum * first + slope
        step = slope + momentum * first if rule.nesterov else first
    elif rule.kind == ADAM:
        value *= kept
        first += first_rest * (slope - first)
        second = second_decay * second + second_rest * slope * slope
        step = first / first_share / (math.sqrt(second / second_share) + epsilon)
    elif rule.kind == RMSPROP:
        second = second_decay * second + second_rest * slope * slope
        first = momentum * first + slope / (math.sqrt(second) + epsilon)
        step = first
    else:
        second += slope * slope
        step = slope / (math.sqrt(second) + epsilon)
    return value - rate * step, first, second


def move(rule: Any, number: int, gradient: Any, lr: float, memory: Any, point: Any) -> None:
    """Move a point as an optimizer does.

    Args:
        rule: the optimizer, see `Rule`.
        number: of the step, from 1.
        gradient: of the batch's loss, shape (P,).
        lr: the learning rate.
        memory: what the optimizer remembers, shape (2, P).
        point: the parameters, shape (P,).
    """
    terms, first, second = terms_of(rule, number, lr, point), memory[0], memory[1]
    for index in range(len(gradient)):
        value, mean, square = moved(rule, terms, gradient[index], point[index], first[index], second[index])
        second[index], first[index], point[index] = square, mean, value


# -- over examples ----------------------------------------------------------------------------------------------------


def batch(a: float, b: float, data: Any, order: Any) -> tuple[float, float, float]:
    """The mean loss of the examples of that order, and its two derivatives."""
    total = slope_a = slope_b = 0.0
    for index in range(len(order)):
        loss, along_a, along_b = example(a, b, data, order[index])  # noqa: F821
        total += loss
        slope_a += along_a
        slope_b += along_b
    return total / len(order), slope_a / len(order), slope_b / len(order)


def mean(a: float, b: float, data: Any) -> float:
    """The mean loss of all examples."""
    total = 0.0
    for row in range(len(data.targets)):
        loss, _, _ = example(a, b, data, row)  # noqa: F821
        total += loss
    return total / len(data.targets)


# -- over updates -----------------------------------------------------------------------------------------------------


def descend_in_epoch(
    data: Any, order: Any, size: int, rule: Any, standing: Any, made: int, loss_bound: float, columns: Any
) -> tuple[int, bool]:
    """Make n updates with the examples of that order, until one shows that the run has diverged.

    Args:
        data: see `Data`.
        order: the examples that are left of an epoch.
        size: examples an update; fewer are left for the last one.
        rule: see `Rule`.
        standing: where the run stands, see `Standing`.
        made: how many steps its optimizer has made since.
        loss_bound: a batch loss beyond it shows divergence, as does what is not finite.
        columns: see `Columns`, to be filled in but for the rates.

    Returns:
        How many updates were made, and whether the last one shows divergence.
    """
    if size == 1 and rule.kind == SGD and not rule.momentum:
        return descend_plainly(data, order, standing.point, loss_bound, columns)
    rates = columns.rates
    point, first, second = standing.point, standing.memory[0], standing.memory[1]
    a, first_a, second_a = point[0], first[0], second[0]
    b, first_b, second_b = point[1], first[1], second[1]
    count, diverged = len(rates), False
    for update in range(len(rates)):
        if size == 1:
            loss, along_a, along_b = example(a, b, data, order[update])  # noqa: F821
        else:
            loss, along_a, along_b = batch(a, b, data, order[update * size : update * size + size])
        terms = terms_of(rule, standing.steps + made + update + 1, rates[update], point)
        a, first_a, second_a = moved(rule, terms, along_a, a, first_a, second_a)
        b, first_b, second_b = moved(rule, terms, along_b, b, first_b, second_b)
        if note(columns, update, loss, along_a, along_b, a, b, loss_bound):
            count, diverged = update + 1, True
            break
    point[0], first[0], second[0] = a, first_a, second_a
    point[1], first[1], second[1] = b, first_b, second_b
    return count, diverged


def descend_plainly(data: Any, order: Any, point: Any, loss_bound: float, columns: Any) -> tuple[int, bool]:
    """The same of plain stochastic descent, where an optimizer's choices would take as long as all the rest."""
    rates = columns.rates
    a, b, count, diverged = point[0], point[1], len(rates), False
    for update in range(len(rates)):
        loss, along_a, along_b = example(a, b, data, order[update])  # noqa: F821
        a, b = a - rates[update] * along_a, b - rates[update] * along_b
        if note(columns, update, loss, along_a, along_b, a, b, loss_bound):
            count, diverged = update + 1, True
            break
    point[0], point[1] = a, b
    return count, diverged


def note(
    columns: Any, update: int, loss: float, along_a: float, along_b: float, a: float, b: float, loss_bound: float
) -> bool:
    """Write down what an update did: its batch's loss and gradient, and the parameters after it.

    Returns:
        Whether it shows divergence.
    """
    norm = math.sqrt(along_a * along_a + along_b * along_b)
    columns.points[update, 0], columns.points[update, 1] = a, b
    if len(columns.gradients):
        columns.gradients[update, 0], columns.gradients[update, 1] = along_a, along_b
    columns.losses[update], columns.norms[update] = loss, norm
    return shows_divergence(loss, norm, columns.rates[update], a, b, loss_bound)


def shows_divergence(loss: float, norm: float, lr: float, a: float, b: float, loss_bound: float) -> bool:
    """Whether an update does: by its batch's loss, the length of the gradient, its rate, or the parameters after it."""
    lost = norm * max(1.0, lr) > _HUGE and not (math.isfinite(a) and math.isfinite(b))
    return lost or not (abs(loss) <= min(loss_bound, _LARGEST) and norm <= _LARGEST)  # which no NaN is
