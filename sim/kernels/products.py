"""Products of matrices of float32, as fast as those of a BLAS library, and faster of small ones.

A tile of the result stays in the processor's registers for the whole of a product. No compiler finds that by itself in
plain loops, so that the innermost one is written as vectors.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sim.kernels.compiling import INTEGER, SINGLE, SINGLE_TABLE, called_by_address, compiled, part_of_others

_ROWS = 4
_ANY_TABLE = types.Array(SINGLE, 2, "A")

PRODUCT = types.void(_ANY_TABLE, SINGLE_TABLE, SINGLE_TABLE)
TRANSPOSED = types.void(SINGLE_TABLE, SINGLE_TABLE, SINGLE_TABLE)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _add_tile(_typing: Any, left: Any, right: Any, result: Any, _row: Any, _column: Any, width: Any) -> Any:
    """result += left @ right for four rows and so many columns, which are a literal, from a row and a column on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, integer = ir.FloatType(), ir.IntType(32)
        vector, lanes = ir.VectorType(number, width.literal_value), ir.VectorType(integer, width.literal_value)
        tables = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]

        def pointer(table: Any, row: Any, column: Any, kind: Any) -> Any:
            by_row, by_column = cgutils.unpack_tuple(builder, table.strides)
            offset = builder.add(builder.mul(row, by_row), builder.mul(column, by_column))
            begin = builder.bitcast(table.data, ir.IntType(8).as_pointer())
            return builder.bitcast(builder.gep(begin, [offset]), kind.as_pointer())

        def in_all_lanes(value: Any) -> Any:
            nothing = ir.Constant(vector, ir.Undefined)
            one = builder.insert_element(nothing, value, ir.Constant(integer, 0))
            return builder.shuffle_vector(one, nothing, ir.Constant(lanes, None))

        factor, vectors, outcome = tables
        rows = [builder.add(arguments[3], ir.Constant(arguments[3].type, index)) for index in range(_ROWS)]
        targets = [pointer(outcome, one, arguments[4], vector) for one in rows]
        sums = [cgutils.alloca_once_value(builder, builder.load(target, align=4)) for target in targets]
        _, depth = cgutils.unpack_tuple(builder, factor.shape)
        with cgutils.for_range(builder, depth) as loop:
            one = builder.load(pointer(vectors, loop.index, arguments[4], vector), align=4)
            for index, total in zip(rows, sums, strict=True):
                share = in_all_lanes(builder.load(pointer(factor, index, loop.index, number)))
                product = builder.fmul(share, one, flags=("contract",))
                builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    return types.void(left, right, result, INTEGER, INTEGER, width), generate


@part_of_others
def _add_row(left: Any, right: Any, result: Any) -> None:
    """result += left @ right, of shapes (K,) and (K, M); four terms at a time, which share what is written."""
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


@compiled(PRODUCT)
def add_product(left: Any, right: Any, result: Any) -> None:
    """result += left @ right, of shapes (N, K) and (K, M); the left one may lie in memory in any way."""
    rows, columns = result.shape
    for row in range(0, rows - _ROWS + 1, _ROWS):
        for column in range(0, columns - 15, 16):
            _add_tile(left, right, result, row, column, 16)
        if columns & 8:
            _add_tile(left, right, result, row, columns & ~15, 8)
        if columns & 4:
            _add_tile(left, right, result, row, columns & ~7, 4)
        for column in range(columns & ~3, columns):
            _add_tile(left, right, result, row, column, 1)
    for row in range(rows // _ROWS * _ROWS, rows):
        _add_row(left[row], right, result[row])


@compiled(TRANSPOSED)
def add_product_transposed(left: Any, right: Any, result: Any) -> None:
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


product_at, transposed_product_at = called_by_address(PRODUCT), called_by_address(TRANSPOSED)
