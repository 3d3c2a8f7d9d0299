"""The state of one run: a frozen value that its whole future depends on."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sim.descent.sampling import OrderState
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.protocol.trace import Status


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """All that a run's future depends on. No tensor in it is ever written to.

    Attributes:
        vector: the parameters, shape (P,).
        buffers: of the model, by name: running means, say.
        optimizer: torch.optim's state of the parameters, by name: momenta, say.
        group: its settings, the rate among them, which a schedule changes.
        schedule: the scheduler's state.
        order: from where on the examples are drawn.
        random: torch's generators: what dropout draws from.
        update: how many updates were made.
        seconds: time spent sampling, forward, backward and step.
        status: how the run stands.
        loss_bound: a batch loss beyond it means that the run has diverged.
    """

    vector: Tensor
    buffers: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    group: Mapping[str, Any]
    schedule: Mapping[str, Any]
    order: OrderState
    random: RandomState
    update: int
    seconds: float
    status: Status
    loss_bound: float

    @property
    def nbytes(self) -> int:
        """The memory that its tensors take, those that other states may share left out."""
        own = [self.vector, *self.buffers.values(), *self.optimizer.values()]
        return sum(one.nbytes for one in own if isinstance(one, Tensor))


def module_at(problem: Problem, state: RunState) -> nn.Module:
    """A copy of a problem's module with the parameters and buffers of a state."""
    model = FlatModel(copy.deepcopy(problem.model))
    model.vector.data.copy_(state.vector)
    restore_buffers(model.module, state)
    return model.module


def restore_buffers(module: nn.Module, state: RunState) -> None:
    """Write the buffers of a state into a module, but for those that say the same: some cannot be written to."""
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            if not torch.equal(buffer, state.buffers[name]):
                buffer.copy_(state.buffers[name])
