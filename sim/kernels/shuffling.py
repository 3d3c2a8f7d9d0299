"""The orders in which a DataLoader shuffles, drawn as torch draws them: by a Mersenne Twister, many epochs at once."""

import math
from typing import Any

import numpy as np
from numba import types

from sim.kernels.compiling import INTEGER, compiled, part_of_others

_WORDS, _AHEAD = 624, 397
_STATES = types.Array(types.uint64, 2, "C")
_LEFT, _NEXT, _FIRST = 1, 2, 3  # in a generator's state, as words of 64 bits; in the upper half of the first is a flag


@part_of_others
def _twist(word: Any, following: Any, ahead: Any) -> Any:
    """A word of the next state."""
    mixed = (word & np.uint32(0x80000000)) | (following & np.uint32(0x7FFFFFFF))
    return ahead ^ (mixed >> np.uint32(1)) ^ (np.uint32(0x9908B0DF) * (mixed & np.uint32(1)))


@part_of_others
def _regenerate(state: Any) -> None:
    """The next state of a Mersenne Twister, uint32, shape (624,)."""
    rest = _WORDS - _AHEAD
    for index in range(rest):
        state[index] = _twist(state[index], state[index + 1], state[index + _AHEAD])
    for index in range(rest, _WORDS - 1):
        state[index] = _twist(state[index], state[index + 1], state[index - rest])
    state[_WORDS - 1] = _twist(state[_WORDS - 1], state[0], state[_AHEAD - 1])


@part_of_others
def _skip(state: Any, position: int, count: int) -> int:
    """Leave out so many random numbers; the position of the next one."""
    while count > _WORDS - position:
        count -= _WORDS - position
        _regenerate(state)
        position = 0
    return position + count


@part_of_others
def _draw(state: Any, position: int, numbers: Any) -> int:
    """Draw random numbers, uint32; the position of the next one."""
    made = 0
    while made < len(numbers):
        if position == _WORDS:
            _regenerate(state)
            position = 0
        count = min(_WORDS - position, len(numbers) - made)
        for index in range(count):
            word = state[position + index]
            word ^= word >> np.uint32(11)
            word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
            word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
            numbers[made + index] = word ^ (word >> np.uint32(18))
        made, position = made + count, position + count
    return position


@part_of_others
def _permute(numbers: Any, order: Any) -> None:
    """The permutation of 0 to N - 1 that N - 1 random numbers make, by swaps with what is still to come."""
    left = len(order)
    for index in range(left):
        order[index] = index
    for index in range(left - 1):  # the rest of a division; in float64 its quotient is exact
        number, span = np.float64(numbers[index]), np.float64(left - index)
        numbers[index] = np.uint32(number - math.floor(number / span) * span)
    for index in range(left - 1):
        other = index + numbers[index]
        order[index], order[other] = order[other], order[index]


@part_of_others
def _write(state: Any, position: int, generator: Any) -> None:
    """Write how far a Mersenne Twister has come into the state of a generator."""
    for index in range(_WORDS):
        generator[_FIRST + index] = state[index]
    flag = generator[_LEFT] & np.uint64(0xFFFFFFFF00000000)
    generator[_LEFT] = flag | np.uint64(_WORDS + 1 - position)
    generator[_NEXT] = position


@part_of_others
def _draw_epochs(generator: Any, before_last: Any, orders: Any, state: Any, numbers: Any) -> None:
    """The same of one of them, with room for the state of its Mersenne Twister and for its random numbers."""
    for index in range(_WORDS):
        state[index] = generator[_FIRST + index]
    position = _WORDS + 1 - int(generator[_LEFT] & np.uint64(0xFFFFFFFF))
    before_last[:] = generator
    for epoch in range(len(orders)):
        if epoch and epoch == len(orders) - 1:
            _write(state, position, before_last)
        position = _skip(state, position, 2)
        position = _draw(state, position, numbers)
        _permute(numbers, orders[epoch])
        position = _skip(state, position, len(numbers))
    _write(state, position, generator)


@compiled(types.void(_STATES, _STATES, types.Array(INTEGER, 3, "C"), INTEGER, INTEGER))
def shuffle(generators: Any, before_last: Any, orders: Any, begin: int, end: int) -> None:
    """Draw the orders of some epochs of K DataLoaders that shuffle, each epoch with an iterator of its own.

    For each of them a DataLoader draws a seed of 64 bits for its workers, the permutation that is used, and one that
    its sampler draws at the end and throws away.

    Args:
        generators: the state of the torch.Generator of each as words of 64 bits, shape (K, 632), which move on.
        before_last: the states before the last of these epochs, to be filled in.
        orders: int64, shape (K, E, N), to be filled in.
        begin, end: which of the E epochs.
    """
    state, numbers = np.empty(_WORDS, np.uint32), np.empty(orders.shape[2] - 1, np.uint32)
    for index in range(len(orders)):
        _draw_epochs(generators[index], before_last[index], orders[index, begin:end], state, numbers)
