"""Products of matrices, held against numpy's."""

import numpy as np
import pytest

from sim.kernels.products import add_product, add_product_transposed


@pytest.mark.parametrize("columns", [1, 3, 4, 10, 16, 31, 64])
@pytest.mark.parametrize("depth", [1, 5, 64])
@pytest.mark.parametrize("rows", [1, 4, 7, 33])
def test_products_of_any_shape_are_numpy_s(rows, depth, columns):
    rng = np.random.default_rng(0)
    left, right, before = (rng.normal(size=shape) for shape in ((rows, depth), (depth, columns), (rows, columns)))
    expected = before + left @ right
    left, right, before = (table.astype(np.float32) for table in (left, right, before))
    by_columns = np.ascontiguousarray(left.T).T
    for product, one, other in (
        (add_product, left, right),
        (add_product, by_columns, right),
        (add_product_transposed, left, np.ascontiguousarray(right.T)),
    ):
        result = before.copy()
        product(one, other, result)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
