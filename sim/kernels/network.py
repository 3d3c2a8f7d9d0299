"""A dense network as the kernels take it: a chain of linear and elementwise stages, its examples, its updates."""

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from sim.kernels.compiling import COLUMN, INTEGER, INTEGERS, SINGLE_TABLE, SINGLES
from sim.kernels.descent import Standing

LINEAR, RELU, TANH, SIGMOID, GELU = range(5)
"""The kinds of stages."""

AT_ONCE = 128
"""Examples that go through a network together: what they come to stays in the processor's cache."""

Singles = NDArray[np.float32]


class Codes(NamedTuple):
    """The addresses of what an update of any network consists of.

    Attributes:
        step: `descent.step_singles`.
        product, transposed_product: `products.add_product` and `products.add_product_transposed`.
    """

    step: int
    product: int
    transposed_product: int


class Network(NamedTuple):
    """A chain of S stages, whose parameters lie in one vector.

    Attributes:
        kinds: of each stage, int64, shape (S,).
        widths: how many numbers an example is before each stage, and after the last, int64, shape (S + 1,).
        weights: where in the vector the weights (out, in) of each linear stage begin, int64, shape (S,).
        biases: the same of its biases; -1 where it has none.
    """

    kinds: NDArray[np.int64]
    widths: NDArray[np.int64]
    weights: NDArray[np.int64]
    biases: NDArray[np.int64]


class Examples(NamedTuple):
    """All examples.

    Attributes:
        rows: in which rows of the others each stands, int64, shape (N,).
        inputs: shape (rows, K).
        labels: the class of each, int64, shape (rows,), for the mean cross entropy; empty where targets are quantities.
        quantities: shape (rows, M), for the mean squared error; empty where targets are classes.
    """

    rows: NDArray[np.int64]
    inputs: Singles
    labels: NDArray[np.int64]
    quantities: Singles


class Workspace(NamedTuple):
    """Memory to compute in.

    Attributes:
        values: of AT_ONCE examples before each stage and after the last, end to end.
        slopes: the derivatives of the loss with respect to them.
        gradient: that of the last update, shape (L,).
        turned: the weights of each linear stage by columns, where `point` has them by rows, shape (L,).
    """

    values: Singles
    slopes: Singles
    gradient: Singles
    turned: Singles

    @classmethod
    def of(cls, network: Network, length: int) -> "Workspace":
        """Memory for a network whose parameters lie in a vector of that length."""
        size = AT_ONCE * int(network.widths.sum())
        return cls(*(np.zeros(count, np.float32) for count in (size, size, length, length)))


class Record(NamedTuple):
    """What n updates did.

    Attributes:
        rates: the learning rate of each, shape (n,), given beforehand.
        norms: the lengths of their gradients, shape (n,).
        losses: of the batches, before the update, shape (n,).
        first, every: after which of them, from 0, and after every how many more, the parameters are kept.
        kept: these parameters, shape (K, L).
    """

    rates: NDArray[np.float64]
    norms: NDArray[np.float64]
    losses: NDArray[np.float64]
    first: int
    every: int
    kept: Singles


CODES = types.NamedUniTuple(INTEGER, 3, Codes)
NETWORK = types.NamedUniTuple(INTEGERS, 4, Network)
EXAMPLES = types.NamedTuple((INTEGERS, SINGLE_TABLE, INTEGERS, SINGLE_TABLE), Examples)
WORKSPACE = types.NamedUniTuple(SINGLES, 4, Workspace)
RECORD = types.NamedTuple((COLUMN, COLUMN, COLUMN, INTEGER, INTEGER, SINGLE_TABLE), Record)
STANDING = types.NamedTuple((SINGLES, SINGLE_TABLE, INTEGER), Standing)
