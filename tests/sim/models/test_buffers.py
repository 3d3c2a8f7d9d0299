"""Buffers that a module has only once it was used, and such as it replaces."""

import pytest
import torch
from torch import Tensor, nn

from sim.models.buffers import buffers_of, set_buffers
from sim.models.evaluation import evaluating

INPUTS = torch.ones(1, 2)


class Counting(nn.Linear):
    """Registers a buffer the first time that it is called."""

    def forward(self, inputs: Tensor) -> Tensor:
        """It counts its calls."""
        if not hasattr(self, "calls"):
            self.register_buffer("calls", torch.zeros(1))
        self.calls += 1
        return super().forward(inputs) * self.calls


class Centred(nn.Linear):
    """Has a buffer that says nothing until the first batch gives it a value."""

    def __init__(self) -> None:
        super().__init__(2, 1)
        self.register_buffer("mean", None)

    def forward(self, inputs: Tensor) -> Tensor:
        """Relative to the mean of the first batch."""
        if self.mean is None:
            self.mean = inputs.mean(dim=0)
        return super().forward(inputs - self.mean)


def test_a_fresh_copy_takes_over_a_buffer_that_it_did_not_have_yet() -> None:
    used, fresh = Counting(2, 1), Counting(2, 1)
    used(INPUTS)
    set_buffers(fresh, buffers_of(used))
    fresh(INPUTS)
    assert buffers_of(fresh) == {"calls": torch.full((1,), 2.0)}
    assert buffers_of(used) == {"calls": torch.ones(1)}


@pytest.mark.parametrize("value", [torch.ones(3), torch.ones(2, dtype=torch.float64), torch.ones(2)])
def test_one_of_another_shape_or_type_is_taken_over(value: Tensor) -> None:
    module = nn.BatchNorm1d(2)
    set_buffers(module, {"running_mean": value})
    assert list(buffers_of(module)) == ["running_mean"]
    torch.testing.assert_close(module.running_mean, value, rtol=0, atol=0)
    value += 1
    assert (module.running_mean == 1).all(), "a copy"


def test_to_look_at_all_examples_is_not_the_first_use() -> None:
    module = Centred()
    with evaluating(module, torch.device("cpu")):
        module(INPUTS)
    assert module.mean is None
