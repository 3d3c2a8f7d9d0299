"""Functions compiled by numba for given types, kept on disk where that can be written to."""

from collections.abc import Callable
from typing import Any

from numba import njit, types

FLOAT, INTEGER = types.float64, types.int64
COLUMN = types.Array(FLOAT, 1, "C")
TABLE = types.Array(FLOAT, 2, "C")


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile the decorated function, at once.

    It lets other threads go on while it runs. Sums may be added up in any order. Where what was compiled cannot be
    kept on disk, it is compiled anew in each process.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "nsz"}}
        try:
            return njit(signature, cache=True, **options)(function)
        except (OSError, RuntimeError):  # no folder that can be written to; a disk that is full
            return njit(signature, **options)(function)

    return decorate
