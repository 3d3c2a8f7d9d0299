"""The state of one run: a frozen value that its whole future depends on."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.descent.sampling import OrderState
from sim.experiment.resolved import Run
from sim.models.buffers import set_buffers
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.protocol.trace import Status

_OF_THE_RATE = ("lr", "schedule", "schedule_updates")
_OF_THE_MOMENTUM = ("momentum", "nesterov")


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """The descents that a run of two parameters is made of, one for each of K seeds: its members.

    Attributes:
        points: the parameters of each, shape (K, 2).
        memories: what their optimizers remember, as the kernels have it, shape (K, 2, 2).
        steps: how many steps these have made.
        statuses: a `Status` each, uint8, shape (K,).
        orders: from where on the examples of each are drawn.
    """

    points: NDArray[np.float64]
    memories: NDArray[np.float64]
    steps: int
    statuses: NDArray[np.uint8]
    orders: tuple[OrderState, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """All that a run's future depends on. No tensor in it is ever written to.

    Of an ensemble it is the state of the first member, but goes on as long as any of them does.

    Attributes:
        vector: the parameters, shape (P,).
        buffers: of the model, by name: running means, say.
        optimizer: torch.optim's state of the parameters, by name: momenta, say.
        group: its settings, the rate among them, which a schedule changes; none before the first update with them.
        schedule: the scheduler's state; none likewise.
        order: from where on the examples are drawn.
        random: torch's generators: what dropout draws from.
        update: how many updates were made.
        seconds: time spent sampling, forward, backward and step.
        status: how the run stands.
        loss_bound: a batch loss beyond it means that the run has diverged.
        ensemble: the members of a run that is made from several seeds.
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
    ensemble: Ensemble | None = None

    @property
    def orders(self) -> tuple[OrderState, ...]:
        """From where on the examples of each member are drawn."""
        return (self.order,) if self.ensemble is None else self.ensemble.orders

    @property
    def nbytes(self) -> int:
        """The memory that its tensors take, those that other states may share left out."""
        own = [self.vector, *self.buffers.values(), *self.optimizer.values()]
        if (members := self.ensemble) is not None:
            own += [members.points, members.memories, *(order.generator for order in members.orders)]
        return sum(one.nbytes for one in own if isinstance(one, (Tensor, np.ndarray)))


def with_settings(state: RunState, before: Run, now: Run, orders: Sequence[OrderState]) -> RunState:
    """The state from which a run goes on with other settings, as torch's users would have it.

    Another optimizer begins afresh; else momenta and the like stay. Another rate or schedule begins the schedule anew.

    Args:
        state: where the run is.
        before, now: the settings up to there and from there on.
        orders: from where on the examples of each member are drawn now.
    """
    afresh = before.optimizer != now.optimizer
    anew = afresh or any(getattr(before, name) != getattr(now, name) for name in _OF_THE_RATE)
    settings = {name: getattr(now, name) for name in _OF_THE_MOMENTUM if name in state.group}
    optimizer = {} if afresh else dict(state.optimizer)
    if optimizer and now.optimizer == "rmsprop" and now.momentum:  # torch makes it at the start only
        optimizer.setdefault("momentum_buffer", torch.zeros_like(state.vector))
    return replace(
        state,
        ensemble=_with_orders(state.ensemble, orders, afresh=afresh),
        optimizer=optimizer,
        group={} if anew else {**state.group, **settings},
        schedule={} if anew else state.schedule,
        order=orders[0],
    )


def _with_orders(ensemble: Ensemble | None, orders: Sequence[OrderState], *, afresh: bool) -> Ensemble | None:
    if ensemble is None:
        return None
    ensemble = replace(ensemble, orders=tuple(orders))
    return replace(ensemble, memories=np.zeros_like(ensemble.memories), steps=0) if afresh else ensemble


def module_at(problem: Problem, state: RunState) -> nn.Module:
    """A copy of a problem's module with the parameters and buffers of a state."""
    model = FlatModel(copy.deepcopy(problem.model))
    model.vector.data.copy_(state.vector)
    set_buffers(model.module, state.buffers)
    return model.module
