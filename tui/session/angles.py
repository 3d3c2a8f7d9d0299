"""How far off single updates were, as far as they were looked at. Pure data."""

import math
from collections.abc import Sequence

from sim.protocol.results import UpdateReport

_KEPT = 512  # updates of each run: those that were looked at last


class Angles:
    """For each run, the angle between the batch's gradient and the full one, by update; NaN where there is none."""

    def __init__(self) -> None:
        self._found: dict[int, dict[int, float]] = {}

    def take(self, reports: Sequence[UpdateReport | None]) -> None:
        """Keep what was found of an update of each run."""
        for run, report in enumerate(reports):
            if report is not None:
                found = self._found.setdefault(run, {})
                found[report.update] = math.nan if report.vanishes else report.measures["angle"]
                if len(found) > _KEPT:
                    del found[next(iter(found))]

    def until(self, run: int, update: int, most: int) -> tuple[tuple[int, float], ...]:
        """The last few updates of a run that were looked at, up to one of them, with their angles in degrees."""
        return tuple(sorted(item for item in self._found.get(run, {}).items() if item[0] <= update)[-most:])
