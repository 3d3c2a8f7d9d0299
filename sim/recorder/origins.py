"""Where some updates of a loop began: their possible steps can be found on whatever plane there is later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sim.models.buffers import buffers_of
from sim.models.flat import Layout

_MOST, _MEMORY = 64, 256 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where an update began, and what the loop did there.

    Attributes:
        update: its number.
        vector: the parameters before it, shape (L,).
        buffers: those of the model before it.
        gradient: that it used, shape (L,).
        rate: that it used.
        batch_size: how many examples.
    """

    update: int
    vector: Tensor
    buffers: Mapping[str, Tensor]
    gradient: Tensor
    rate: Tensor | float
    batch_size: int


class Origins:
    """Those that are kept of a loop: the more updates there were, the further apart.

    Args:
        model: that is trained.
        parameters: those that are.

    Attributes:
        kept: in their order; one in memory takes as much as the parameters three times, since who looks at it keeps
            the gradient over all examples, too.
    """

    def __init__(self, model: nn.Module, parameters: Sequence[Tensor]) -> None:
        self._model, self._parameters, self._layout = model, parameters, Layout.of(parameters)
        size = 3 * self._layout.length * parameters[0].element_size() + sum(one.nbytes for one in model.buffers())
        self._most = min(_MOST, _MEMORY // size // 2 * 2)  # even, so that thinning leaves the newest
        self._spacing = 1
        self._begun: tuple[int, Tensor, Mapping[str, Tensor]] | None = None
        self.kept: list[Origin] = []

    def begin(self, update: int, vector: Tensor) -> None:
        """Note that an update begins where the model stands now, unless the one before it is too near."""
        if self._most and (not self.kept or update - self.kept[-1].update >= self._spacing):
            self._begun = update, vector, buffers_of(self._model)

    @property
    def begun(self) -> int:
        """The update that is still to be made; 0: none."""
        return self._begun[0] if self._begun else 0

    def complete(self, rate: Tensor | float, batch_size: int) -> None:
        """Keep the update that was begun, right after it: its gradients are still there, unless it had none."""
        (begun, self._begun), gradients = (self._begun, None), [one.grad for one in self._parameters]
        if begun is None or all(one is None for one in gradients):
            return
        pairs = zip(self._parameters, gradients, strict=True)
        with torch.no_grad():
            parts = [torch.zeros_like(one) if slope is None else slope.to_dense() for one, slope in pairs]
            gradient = self._layout.join(parts)
        rate = rate.clone() if isinstance(rate, Tensor) else rate  # schedules change it in place
        self.kept.append(Origin(*begun, gradient, rate, batch_size))
        if len(self.kept) > self._most:
            self.kept = self.kept[::2]
            self._spacing = 2 * max(self._spacing, (self.kept[-1].update - self.kept[0].update) // self._most)
