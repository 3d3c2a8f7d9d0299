"""How fast a run reads its examples."""

import math

from sim.measures.measure import Standing, measure


@measure("examples a second", "read in its own computing time", cost="free", unit="/s", short="examples/s")
def examples_per_second(run: Standing) -> float:
    return run.examples / run.seconds if run.seconds > 0 else math.nan
