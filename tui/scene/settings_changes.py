"""What was changed of a run on its way, in words and on the plane."""

from itertools import pairwise
from typing import NamedTuple

from sim.experiment.geometry import Point
from sim.experiment.resolved import Lineage
from tui.session.change_words import change_words
from tui.session.trails import PlaneTrails


class SettingsChange(NamedTuple):
    """A change of a run's settings.

    Attributes:
        update: the last one with those before.
        words: what is otherwise, such as "batch 32 → 8"; "" where a fork goes on just so.
        point: where the run then was; None where that was not kept.
    """

    update: int
    words: str
    point: Point | None


def changes_of(lineage: Lineage, trails: PlaneTrails, index: int, update: int) -> tuple[SettingsChange, ...]:
    """The changes of a run up to an update."""
    return tuple(
        SettingsChange(after.update, change_words(before.run, after.run), trails.point_after(index, after.update))
        for before, after in pairwise(lineage.stages)
        if after.update <= update
    )
