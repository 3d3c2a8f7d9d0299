"""How rows come into the history a part at a time."""

import numpy as np

from sim.protocol.trace import NO_ROWS, ROW, Rows
from tui.session.inflow import Inflow


def rows_of(*moments: int) -> Rows:
    rows = np.zeros(len(moments), dtype=ROW)
    rows["moment"], rows["update"] = moments, range(len(moments))
    return rows


def parts_of(rows: Rows, parts: int) -> list[list[int]]:
    inflow = Inflow()
    inflow.put(rows, parts)
    taken = []
    while not inflow.empty:
        taken.append(inflow.part()["moment"].tolist())
    return taken


def test_nothing_comes_of_nothing() -> None:
    inflow = Inflow()
    assert inflow.empty
    assert len(inflow.part()) == len(inflow.rest()) == 0
    inflow.put(NO_ROWS, 3)
    assert inflow.empty


def test_the_parts_are_equal_and_all_there_is() -> None:
    assert parts_of(rows_of(1, 2, 3, 4, 5, 6), 3) == [[1, 2], [3, 4], [5, 6]]


def test_a_moment_is_never_torn_apart() -> None:
    assert parts_of(rows_of(1, 1, 1, 2, 2, 2, 3, 3, 3, 4), 3) == [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4]]
    assert parts_of(rows_of(7, 7, 7, 7), 3) == [[7, 7, 7, 7]]


def test_fewer_rows_than_parts_come_one_at_a_time() -> None:
    assert parts_of(rows_of(1, 2), 3) == [[1], [2]]


def test_the_rest_follows_the_parts() -> None:
    inflow = Inflow()
    inflow.put(rows_of(1, 2, 3, 4, 5, 6), 3)
    inflow.part()
    assert inflow.rest()["update"].tolist() == [2, 3, 4, 5]
    assert inflow.empty
