"""How far off its way a batch sends a run."""

import math

from sim.measures.cosine import cosine
from sim.measures.measure import Gradients, measure


@measure("angle", "between the batch's gradient and the one over all examples", cost="gradient", unit="°")
def angle(gradients: Gradients) -> float:
    return math.degrees(math.acos(cosine(gradients)))
