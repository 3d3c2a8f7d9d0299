"""Whether the batch's gradient points where the full one does."""

import math

from sim.measures.measure import Gradients, measure


@measure("cosine", "of the angle between the batch's gradient and the one over all examples", cost="gradient")
def cosine(gradients: Gradients) -> float:
    own, full = (gradient / gradient.abs().max() for gradient in gradients)  # else a square may overflow
    lengths = own.norm().item() * full.norm().item()
    return min(1.0, max(-1.0, own.dot(full).item() / lengths)) if lengths > 0 else math.nan
