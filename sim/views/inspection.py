"""What an update used and did, for the terminal."""

from torch import Tensor

from sim.measures import measures
from sim.measures.measure import Gradients
from sim.protocol.answers import UpdateReport
from sim.views.planes import Plane

_SHOWN_INDICES = 64


def compare(update: int, rows: Tensor, gradients: Gradients, plane: Plane) -> UpdateReport:
    """The report of an update, with its gradient held against that of the loss over all examples.

    Args:
        update: its number.
        rows: the examples that it used, by their rows in the data, int64, in order.
        gradients: at the parameters before it.
        plane: to see the gradients on.
    """
    own, full = (plane.directions(gradient) for gradient in gradients)
    return UpdateReport(
        update=update,
        indices=tuple(rows[:_SHOWN_INDICES].tolist()),
        batch_size=len(rows),
        gradient=(own[0].item(), own[1].item()),
        full_gradient=(full[0].item(), full[1].item()),
        measures={one.name: one.of(gradients) for one in measures("gradient")},
    )
