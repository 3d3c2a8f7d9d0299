"""How fast a run makes its updates."""

import math

from sim.measures.measure import Standing, measure


@measure("updates a second", "made in its own computing time", cost="free", unit="/s", short="updates/s")
def updates_per_second(run: Standing) -> float:
    return run.updates / run.seconds if run.seconds > 0 else math.nan
