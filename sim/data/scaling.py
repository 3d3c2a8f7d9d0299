"""Scaling, feature by feature and in float64, whatever the numbers come as. Imports no torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import Scale
from sim.experiment.errors import ConfigError

Floats = NDArray[np.float64]

TOO_SMALL, TOO_LARGE = 1e-100, 1e100  # a square of less may vanish, of more overflow
_BLOCK = 2**21  # numbers at once, 16 MB of float64
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """A linear scaling: a middle that is subtracted from each feature, and a width that the rest is divided by.

    Attributes:
        middle, width: the shape of one example.
    """

    middle: Floats
    width: Floats

    def apply(self, values: NDArray[np.generic]) -> Floats:
        """Numbers in the data's own units, scaled."""
        return (values.astype(np.float64, copy=False) - self.middle) / self.width

    def undo(self, values: NDArray[np.generic]) -> Floats:
        """Scaled numbers in the data's own units."""
        return values.astype(np.float64, copy=False) * self.width + self.middle


def fit(values: NDArray[np.generic], scale: Scale, known: NDArray[np.bool_] | None = None) -> Scaling:
    """What scales the known examples as scikit-learn's scalers do.

    "standard" gives each feature mean 0 and population standard deviation 1, "minmax" the range from 0 to 1; a feature
    that is constant becomes 0.

    Args:
        values: shape (N, ...); may be larger than memory.
        scale: one of those two.
        known: which of the N examples to look at; None: all.
    """

    def over_all(ufunc: np.ufunc, of: Callable[[Floats], Floats] = lambda block: block) -> Floats:
        reduced: Floats = reduce(ufunc, (ufunc.reduce(of(block), axis=0) for block in _known_blocks(values, known)))
        return reduced

    low, high = over_all(np.minimum), over_all(np.maximum)
    if scale == "minmax":
        middle, width = low, high - low
    else:
        count = len(values) if known is None else np.count_nonzero(known)
        middle = over_all(np.add) / count
        width = np.sqrt(over_all(np.add, lambda block: (block - middle) ** 2) / count)
    constant = high - low < TOO_SMALL  # its mean may be off it by a rounding, which would then be all that is left
    return Scaling(np.where(constant, low, middle), np.where(constant, 1.0, width))


def as_float32(values: NDArray[np.generic], scaling: Scaling | None = None) -> NDArray[np.float32]:
    """A model's inputs, scaled in float64 where a scaling is given; the same array, if nothing is to be done.

    Raises:
        ConfigError: for numbers that are too large for the type.
    """
    if scaling is None and values.dtype == np.float32:
        return np.asarray(values, np.float32)
    result = np.empty(values.shape, np.float32)
    for rows in blocks(values):
        with np.errstate(over="ignore"):
            result[rows] = values[rows] if scaling is None else scaling.apply(values[rows])
        if (bad := first_beyond(result[rows], _LARGEST)) is not None:
            raise ConfigError(
                f"Row {rows.start + bad} (from 0) of the data is beyond {_LARGEST:.2g}, the largest number of a model; "
                "use --scale standard, or leave the row out."
            )
    return result


def first_beyond(values: NDArray[Any], largest: float) -> int | None:
    """The first row with NaN, infinity or a number larger than that; None where there is none."""
    largest = min(largest, float(np.finfo(values.dtype).max))
    for rows in blocks(values):
        block = values[rows]
        good = (np.abs(block) <= largest).reshape(len(block), -1).all(axis=1)
        if not good.all():
            return int(rows.start + np.argmin(good))
    return None


def is_torch_type(dtype: np.dtype[np.generic]) -> bool:
    """Whether torch takes numbers of this type as they are."""
    return dtype.isnative and dtype.itemsize <= 8


def blocks(values: NDArray[np.generic]) -> Iterator[slice]:
    """All rows in pieces, of two million numbers or of a single row."""
    size = max(1, _BLOCK * len(values) // max(1, values.size))
    return (slice(begin, begin + size) for begin in range(0, len(values), size))


def _known_blocks(values: NDArray[np.generic], known: NDArray[np.bool_] | None) -> Iterator[Floats]:
    for rows in blocks(values):
        block = values[rows] if known is None else values[rows][known[rows]]
        if len(block):
            yield block.astype(np.float64, copy=False)
