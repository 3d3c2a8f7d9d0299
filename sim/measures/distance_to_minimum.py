"""How far there is to go."""

import math

from sim.measures.measure import Standing, measure


@measure("distance to the minimum", "distance to the nearest known minimum", cost="free", short="to min")
def distance_to_minimum(run: Standing) -> float:
    return min((math.dist(run.point, minimum) for minimum in run.minima), default=math.nan)
