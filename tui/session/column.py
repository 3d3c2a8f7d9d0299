"""An array that grows. Pure data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FIRST_CAPACITY = 1024
_SHOWN = 8192  # rows that are drawn, at most, where there are more


def thinned(values: NDArray[Any]) -> NDArray[Any]:
    """All values, or every 2nd, 4th, 8th ... if they are many: from one to the next half of the kept ones stay."""
    return values[:: 1 << max(0, -(-len(values) // _SHOWN) - 1).bit_length()]


class Column:
    """An array that grows at its end, amortised: it takes at most twice the memory of what it holds."""

    def __init__(self, dtype: Any, *shape: int) -> None:
        """An empty one, of values of that type and shape."""
        self._buffer = np.empty((_FIRST_CAPACITY, *shape), dtype=dtype)
        self._length = 0

    @property
    def values(self) -> NDArray[Any]:
        """What it holds, as a view that is never written to again."""
        return self._buffer[: self._length]

    def replace(self, values: NDArray[Any]) -> None:
        """Hold other values instead."""
        self._buffer, self._length = values, len(values)

    def extend(self, values: NDArray[Any]) -> None:
        """Append some values."""
        length = self._length + len(values)
        if length > len(self._buffer):
            grown = np.empty((max(length, 2 * len(self._buffer)), *self._buffer.shape[1:]), dtype=self._buffer.dtype)
            grown[: self._length] = self.values
            self._buffer = grown
        self._buffer[self._length : length] = values
        self._length = length
