"""The rows of the trace, from what the runs did."""

import math

import numpy as np

from sim.descent.course import Course
from sim.descent.retention import reported
from sim.descent.sampling import Integers
from sim.descent.stepper import Block
from sim.experiment.choices import CLOCKS, Clock
from sim.measures.measure import Passes
from sim.protocol.trace import BANDS, ENSEMBLE_ROW, RECORDED, Rows


def start_rows(runs: int, row: "np.dtype[np.void]", clock: Clock, passes: Passes) -> Rows:
    """Update 0 of each run, shape (runs,), where passes over all examples found these figures."""
    rows = np.zeros(runs, row)
    rows["run"], rows["clock"] = np.arange(runs), clock_number(clock)
    for one in RECORDED:
        rows[one.name] = one.of(passes) if one.cost == "pass" else math.nan
    if row == ENSEMBLE_ROW:  # all members begin at the same point
        for name, edges in BANDS.items():
            for edge in edges:
                rows[edge] = rows[name]
    return rows


def rows_of(block: Block, course: Course, row: "np.dtype[np.void]", some: Integers) -> Rows:
    """Some updates of a block, by their indices; what depends on when they were made is 0."""
    rows = np.zeros(len(some), row)
    rows["run"], rows["status"] = course.index, block.status[some]
    for name, column in course.counters(block.first + some).items():
        rows[name] = column
    for name, column in block.measures.items():
        rows[name] = column[some]
    return rows


def in_order(blocks: list[Rows]) -> Rows:
    """The rows of one block a run, each in the order of its moments, in that order."""
    blocks = [block for block in blocks if len(block)] or blocks[:1]
    if len(blocks) == 1:
        return blocks[0]
    rows = np.concatenate(blocks)
    return rows[np.argsort(rows["moment"], kind="stable")]


def closed_up(ordinals: list[Integers]) -> list[Integers]:
    """The same moments without gaps between them."""
    there = np.unique(np.concatenate(ordinals))
    return [np.searchsorted(there, some) + 1 for some in ordinals]


def thinned(rows: Rows, runs: int, most: int | None) -> Rows:
    """What is reported of rows that came in many small blocks: about `most` of each run; None: all."""
    if most is None or len(rows) <= most * runs:
        return rows
    kept = []
    for run in range(runs):
        own = np.flatnonzero(rows["run"] == run)
        if len(own):
            kept.append(own[reported({one.name: rows[one.name][own] for one in RECORDED}, most)])
    return rows[np.sort(np.concatenate(kept))]


def clock_number(clock: Clock) -> int:
    """How the trace writes a clock."""
    return list(CLOCKS).index(clock)
