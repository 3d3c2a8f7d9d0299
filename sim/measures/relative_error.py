"""How much of a batch's gradient is noise."""

import math

from sim.measures.measure import Gradients, measure


@measure("relative error", "length of the two gradients' difference, in lengths of the full one", cost="gradient")
def relative_error(gradients: Gradients) -> float:
    own, full = (gradient / gradients.full.abs().max() for gradient in gradients)  # else a square may overflow
    length = full.norm().item()
    return (own - full).norm().item() / length if length > 0 else math.nan
