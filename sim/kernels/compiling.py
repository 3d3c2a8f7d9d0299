"""Functions compiled by numba for given types, kept on disk where that can be written to."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.errors import NumbaError
from numba.extending import intrinsic
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

FLOAT, SINGLE, INTEGER = types.float64, types.float32, types.int64
COLUMN, TABLE = types.Array(FLOAT, 1, "C"), types.Array(FLOAT, 2, "C")
SINGLES, SINGLE_TABLE = types.Array(SINGLE, 1, "C"), types.Array(SINGLE, 2, "C")
INTEGERS = types.Array(INTEGER, 1, "C")


class Data(NamedTuple):
    """All examples.

    Attributes:
        inputs: shape (N, K).
        targets: shape (N,).
    """

    inputs: NDArray[np.float64]
    targets: NDArray[np.float64]


DATA = types.NamedTuple((TABLE, COLUMN), Data)

BATCH = types.UniTuple(FLOAT, 3)(FLOAT, FLOAT, DATA, INTEGERS)
MEAN = FLOAT(FLOAT, FLOAT, DATA)
"""The types of `batch` and `mean` in `loops.py`."""

CONTRACTED = frozenset({"contract"})
"""How to round: a product may be added without being rounded first."""

ANY_ORDER = CONTRACTED | {"reassoc", "nsz"}
"""Sums may be added up in any order, too."""


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile the decorated function, at once.

    It lets other threads go on while it runs, and divides by zero as torch does. Where what was compiled cannot be kept
    on disk, it is compiled anew in each process; what is there and cannot be read, since another version left it or it
    is broken, makes room.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": set(ANY_ORDER), "error_model": "numpy"}

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(signature, cache=True, **options)(function)
        except NumbaError:
            raise
        except Exception:  # no folder that can be written to, a full disk, a file that cannot be read
            with suppress(Exception):
                FunctionCache(function).flush()
                return njit(signature, cache=True, **options)(function)
            return njit(signature, **options)(function)

    return decorate


def part_of_others(function: Function, rounding: frozenset[str] = ANY_ORDER) -> Function:
    """A function that only compiled ones call: it is compiled with them."""
    options: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    part: Function = njit(fastmath=set(rounding), **options)(function)
    return part


def inlined(function: Function) -> Function:
    """A function whose text goes into those that call it, so that it rounds as each of them does."""
    text: Function = njit(inline="always", error_model="numpy")(function)
    return text


def address_of(function: Any) -> int:
    """Where in memory a compiled function is, for as long as somebody has it; to be handed to loops that call it."""
    (code,) = function.overloads.values()
    address: int = code.library.get_pointer_to_function(code.fndesc.llvm_func_name)
    return address


def called_by_address(kind: Any) -> Any:
    """What makes a function of that type of an address, in compiled code.

    A function itself can be an argument, too, but unpacking it takes ten times as long as all the rest of a call.
    """
    function_type = types.FunctionType(kind)

    @intrinsic  # type: ignore[untyped-decorator]
    def function_at(_typing: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            function = cgutils.create_struct_proxy(function_type)(context, builder)
            function.jit_addr = builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))
            return function._getvalue()

        return function_type(INTEGER), generate

    return function_at


batch_at, mean_at = called_by_address(BATCH), called_by_address(MEAN)
