"""The state of torch's own generators, on the CPU and on the device, taken and put back as one thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class RandomState:
    """The state of torch's random generators, which dropout and its like draw from.

    Attributes:
        cpu: the CPU generator's state.
        own: the device's; None where the CPU is the device.
        device: the device.
    """

    cpu: Tensor
    own: Tensor | None
    device: torch.device

    @classmethod
    def now(cls, device: torch.device) -> "RandomState":
        """The state as it is."""
        own = None
        if device.type == "cuda":
            own = torch.cuda.get_rng_state(device)
        elif device.type == "mps":
            own = torch.mps.get_rng_state()
        return cls(torch.get_rng_state(), own, device)

    def equals(self, other: "RandomState") -> bool:
        """Whether the same numbers would be drawn."""
        own = self.own is None or (other.own is not None and torch.equal(self.own, other.own))
        return own and torch.equal(self.cpu, other.cpu)

    def restore(self) -> None:
        """Put it back."""
        torch.set_rng_state(self.cpu)
        if self.own is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(self.own, self.device)
        elif self.own is not None:
            torch.mps.set_rng_state(self.own)


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside leaves no trace outside."""
    before = RandomState.now(device)
    try:
        yield
    finally:
        before.restore()
