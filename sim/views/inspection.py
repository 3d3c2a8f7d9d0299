"""What an update used and did, for the terminal."""

import torch
from torch import Tensor

from sim.experiment.geometry import Point
from sim.measures import measures
from sim.measures.measure import Gradients
from sim.protocol.results import UpdateReport
from sim.views.plane import Plane, on_plane_terms

_SHOWN_INDICES = 64


def compare(update: int, rows: Tensor, before: Tensor, rate: float, gradients: Gradients, plane: Plane) -> UpdateReport:
    """The report of an update, with its gradient held against that of the loss over all examples.

    Args:
        update: its number.
        rows: the examples that it used, by their rows in the data, int64, in order.
        before: the parameters before it, shape (P,).
        rate: that it used.
        gradients: at these parameters.
        plane: to see all of it on.
    """
    own, full = (plane.directions(gradient) for gradient in gradients)
    origin, there = plane.project(on_plane_terms(torch.stack([before, before - rate * gradients.full])))[0].tolist()
    return UpdateReport(
        update=update,
        indices=tuple(rows[:_SHOWN_INDICES].tolist()),
        batch_size=len(rows),
        gradient=(own[0].item(), own[1].item()),
        full_gradient=(full[0].item(), full[1].item()),
        origin=Point(*origin),
        full_step=(there[0] - origin[0], there[1] - origin[1]),
        measures={one.name: one.of(gradients) for one in measures("gradient")},
    )
