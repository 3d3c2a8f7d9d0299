"""The state of torch's own generators, on the CPU and on a CUDA device, taken and put back as one thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class RandomState:
    """What dropout and its like draw from.

    Attributes:
        cpu: the CPU generator's state.
        cuda: the CUDA device's; None on other devices.
        device: the device.
    """

    cpu: Tensor
    cuda: Tensor | None
    device: torch.device

    @classmethod
    def now(cls, device: torch.device) -> "RandomState":
        """The state as it is."""
        cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(torch.get_rng_state(), cuda, device)

    def restore(self) -> None:
        """Put it back."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)


@contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside leaves no trace outside."""
    before = RandomState.now(device)
    try:
        yield
    finally:
        before.restore()
