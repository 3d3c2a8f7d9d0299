"""Which of several lines has a cell that they all cross: a cell shows dots of one colour only."""

import numpy as np
from numpy.typing import NDArray

_PERIOD, _ROW_STEP = 43, 30  # by trial: along lines in all directions, no turn is longer than four cells

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


def owners(crossed: Bools) -> Integers:
    """The line that each cell belongs to, shape (rows, columns); 0 where no line is.

    A shared cell belongs to a line that is not to be seen beside it, so that a thin line through a thicket stays
    whole; where that decides nothing, as where lines coincide, they have the cells by turns.

    Args:
        crossed: whether each line crosses each cell, shape (lines, rows, columns).
    """
    owner: Integers = crossed.argmax(axis=0)
    count = crossed.sum(axis=0)
    rows, columns = np.nonzero(count > 1)
    if not len(rows):
        return owner
    seen_beside = _grown(crossed & (count == 1))[:, rows, columns]
    asking = crossed[:, rows, columns]
    unseen = asking & ~seen_beside
    asking = np.where(unseen.any(axis=0), unseen, asking)
    turn = (columns + _ROW_STEP * rows) % _PERIOD % asking.sum(axis=0)
    owner[rows, columns] = (asking.cumsum(axis=0) > turn).argmax(axis=0)
    return owner


def _grown(cells: Bools) -> Bools:
    """The cells and their eight neighbours, in the last two axes."""
    grown = cells.copy()
    grown[..., 1:] |= cells[..., :-1]
    grown[..., :-1] |= cells[..., 1:]
    tall = grown.copy()
    tall[..., 1:, :] |= grown[..., :-1, :]
    tall[..., :-1, :] |= grown[..., 1:, :]
    return tall
