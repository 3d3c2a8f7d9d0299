"""Buffers that a module has only once it was used."""

import torch
from torch import Tensor, nn

from sim.models.buffers import buffers_of, set_buffers


class Scaled(nn.Linear):
    """Registers a buffer the first time that it is called."""

    def forward(self, inputs: Tensor) -> Tensor:
        """It counts its calls."""
        if not hasattr(self, "calls"):
            self.register_buffer("calls", torch.zeros(1))
        self.calls += 1
        return super().forward(inputs) * self.calls


def test_a_fresh_copy_takes_over_a_buffer_that_it_did_not_have_yet() -> None:
    used, fresh = Scaled(2, 1), Scaled(2, 1)
    used(torch.ones(1, 2))
    set_buffers(fresh, buffers_of(used))
    fresh(torch.ones(1, 2))
    assert buffers_of(fresh) == {"calls": torch.full((1,), 2.0)}
    assert buffers_of(used) == {"calls": torch.ones(1)}
