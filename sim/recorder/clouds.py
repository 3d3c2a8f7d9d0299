"""The steps that were possible where updates of a loop began, and how far its own were off, on the present plane."""

import time
from dataclasses import replace

import torch
from torch import Tensor

from sim.measures.measure import Gradients
from sim.protocol.answers import Worked
from sim.protocol.commands import Imagine, Inspect
from sim.protocol.results import Imagined, Inspected
from sim.recorder.data import LossOverData
from sim.recorder.origins import Origin, Origins
from sim.views.inspection import compare
from sim.views.trails import Trails

_AT_FIRST = 10.0  # passes through all examples that a look is taken to cost until one was taken


class Clouds:
    """What can be seen where updates began, one after the other.

    Args:
        over_data: the loss.
        origins: where they began.
        trails: which plane there is.
        optimizer: that makes them.
    """

    def __init__(
        self, over_data: LossOverData, origins: Origins, trails: Trails, optimizer: torch.optim.Optimizer
    ) -> None:
        self._over_data, self._origins, self._trails, self._optimizer = over_data, origins, trails, optimizer
        over_data.load()
        self._number = -1  # of the plane that those were made on
        self._made = set[int]()
        self._full: dict[int, Tensor] = {}  # gradients over all examples, by update
        self._took = 0.0

    @property
    def seconds(self) -> float:
        """What the next one will take, as far as is known."""
        return self._took or _AT_FIRST * self._over_data.pass_seconds

    @property
    def wanted(self) -> bool:
        """Whether there is an update of which nothing was found on the present plane."""
        if self._trails.number != self._number:
            self._number, self._made = self._trails.number, set()
        return any(origin.update not in self._made for origin in self._origins.kept)

    def go_on(self) -> Worked:
        """Look at one more update: the newest one, or else the one that is furthest from those that were looked at."""
        began, kept = time.perf_counter(), self._origins.kept
        origin = kept[-1] if kept[-1].update not in self._made else max(kept, key=self._distance)
        self._made.add(origin.update)
        found = self._look(origin)
        self._took = time.perf_counter() - began
        return found

    def _look(self, origin: Origin) -> Worked:
        update, size, rate, plane = origin.update, origin.batch_size, float(origin.rate), self._trails.plane
        plain = _is_plain(self._optimizer)
        cloud, full = self._over_data.possible_steps(origin, self._full.get(update), plane, plain=plain)
        self._full = {one.update: self._full[one.update] for one in self._origins.kept if one.update in self._full}
        self._full[update] = full
        unknown = torch.empty(0, dtype=torch.int64)
        report = compare(update, unknown, origin.vector, rate, Gradients(origin.gradient, full), plane)
        imagined = Imagined(0, update, report.origin, cloud)
        inspected = Inspected((update,), (replace(report, batch_size=size),))
        return Worked(((Imagine(0, update), imagined), (Inspect((update,)), inspected)), ())

    def _distance(self, origin: Origin) -> int:
        """How far an update is from all that were looked at."""
        return min(abs(origin.update - update) for update in self._made)


def _is_plain(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it moves each parameter by minus one rate times its gradient."""
    groups = optimizer.param_groups
    beside = ("momentum", "weight_decay", "maximize")
    return (
        type(optimizer) is torch.optim.SGD
        and not any(group[name] for group in groups for name in beside)
        and len({float(group["lr"]) for group in groups}) == 1
    )
