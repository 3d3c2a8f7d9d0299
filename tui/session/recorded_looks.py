"""The closer looks of a recording: at the update that is asked for, or else at the last one before it. No torch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sim.experiment.geometry import Point
from sim.experiment.resolved import Lineage
from sim.protocol.commands import Imagine
from sim.protocol.results import Imagined, Inspected
from sim.recording.looks import Looks

Found = TypeVar("Found")


def imagined(looks: Looks, lineages: Sequence[Lineage], job: Imagine) -> Imagined:
    """The steps that were possible for a run; none where there are none up to that update."""
    found = _of_run_or_parent(looks.cloud, lineages, job.run, job.update)
    if found is None:
        return Imagined(job.run, job.update, Point(math.nan, math.nan), None)
    return replace(found, run=job.run)


def inspected(looks: Looks, lineages: Sequence[Lineage], updates: Sequence[int]) -> Inspected:
    """What one update of each run did."""
    found = (_of_run_or_parent(looks.report, lineages, run, update) for run, update in enumerate(updates))
    return Inspected(tuple(updates), tuple(found))


def _of_run_or_parent(
    find: Callable[[int, int], Found | None], lineages: Sequence[Lineage], run: int, update: int
) -> Found | None:
    """What is found of a run; before it branched off, of its parent."""
    found, lineage = find(run, update), lineages[run]
    if found is not None or lineage.parent is None:
        return found
    return _of_run_or_parent(find, lineages, lineage.parent, min(update, lineage.update))
