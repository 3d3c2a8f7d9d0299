"""What an update used and did, for the terminal."""

import math

import torch
from torch import Tensor

from sim.protocol.answers import UpdateReport
from sim.views.planes import Plane

_SHOWN_INDICES = 64


def compare(update: int, batch: Tensor, own: Tensor, full: Tensor, plane: Plane | None) -> UpdateReport:
    """The report of an update, with its gradient held against that of the loss over all examples.

    Args:
        update: its number.
        batch: the examples that it used, int64, in order.
        own, full: the two gradients at the same parameters, shape (P,); NaN where they are not known.
        plane: to see the gradients on; None where the two parameters are the plane.
    """
    own_norm, full_norm = (torch.linalg.vector_norm(gradient).item() for gradient in (own, full))
    seen = [gradient.cpu() if plane is None else plane.directions(gradient) for gradient in (own, full)]
    cosine = torch.dot(own, full).item() / (own_norm * full_norm) if own_norm * full_norm > 0 else math.nan
    return UpdateReport(
        update=update,
        indices=tuple(batch[:_SHOWN_INDICES].tolist()),
        batch_size=len(batch),
        gradient=(seen[0][0].item(), seen[0][1].item()),
        full_gradient=(seen[1][0].item(), seen[1][1].item()),
        cosine=cosine if math.isnan(cosine) else min(1.0, max(-1.0, cosine)),
        relative_error=torch.linalg.vector_norm(own - full).item() / full_norm if full_norm > 0 else math.nan,
    )
