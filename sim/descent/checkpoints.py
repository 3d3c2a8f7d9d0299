"""A race's state as plain values, and back; and when it is due to be saved."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sim.descent.race import Race
from sim.descent.race_state import RaceState
from sim.descent.sampling import OrderState
from sim.descent.state import RunState
from sim.experiment.resolved import Lineage
from sim.models.random_state import RandomState
from sim.protocol.checkpoint import Checkpoint, Part, Resume, SavedRun, SavedSnapshots, SavedTensor
from sim.protocol.trace import Status
from sim.views.snapshots import Snapshots

_BYTES_A_SECOND = 8 * 2**20  # that checkpoints take at most: large states are saved less often
_TYPES = {str(kind).removeprefix("torch."): kind for kind in vars(torch).values() if isinstance(kind, torch.dtype)}


class Checkpoints:
    """Takes the checkpoints of a race that are due: every so often, and wherever more than time has gone by."""

    def __init__(self, race: Race, *, keeps_snapshots: bool) -> None:
        """None is due until `begin`; snapshots are saved where they are kept."""
        self._race, self._keeps_snapshots = race, keeps_snapshots
        self._every = math.inf
        self._due = math.inf
        self._events: object = None
        self._saved: list[int] = []

    def begin(self, every: float) -> Checkpoint:
        """Take one, complete in itself, and further ones every so many seconds; infinity: no further ones."""
        self._every, self._saved = every, []
        return self._take()

    def due(self) -> Checkpoint | None:
        """One, if it is due."""
        if self._every == math.inf or (time.monotonic() < self._due and self._events == self._race.events):
            return None
        return self._take()

    def _take(self) -> Checkpoint:
        race = self._race
        state, self._events = race.state, race.events
        snapshots = tuple(self._new(run, one) for run, one in enumerate(state.snapshots)) * self._keeps_snapshots
        taken = Checkpoint(
            clock=state.clock,
            moment=state.moment,
            position=state.position,
            turn=state.turn,
            changed=state.changed,
            runs=tuple(map(saved, state.runs)),
            snapshots=snapshots,
        )
        self._due = time.monotonic() + max(self._every, taken.nbytes / _BYTES_A_SECOND)
        return taken

    def _new(self, run: int, kept: Snapshots) -> SavedSnapshots:
        """The snapshots of a run that were not saved yet."""
        self._saved += [-1] * (run + 1 - len(self._saved))
        updates, vectors = kept.updates.tolist(), kept.vectors
        begin = next((index for index, update in enumerate(updates) if update > self._saved[run]), len(updates))
        self._saved[run] = max([self._saved[run], *updates[-1:]])
        return SavedSnapshots(kept.stride, tuple(updates[begin:]), tuple(map(_saved_tensor, vectors[begin:])))


# -- to plain values --------------------------------------------------------------------------------------------------


def saved(state: RunState) -> SavedRun:
    """A run's state as plain values."""
    return SavedRun(
        update=state.update,
        seconds=state.seconds,
        status=int(state.status),
        loss_bound=state.loss_bound,
        epoch=state.order.epoch,
        tensors={part: _saved_tensor(tensor) for part, tensor in _tensors(state)},
        values={
            "optimizer": {name: value for name, value in state.optimizer.items() if not isinstance(value, Tensor)},
            "group": dict(state.group),
            "schedule": dict(state.schedule),
        },
    )


def _tensors(state: RunState) -> Iterator[tuple[Part, Tensor]]:
    yield ("vector", ""), state.vector
    yield ("order", "generator"), state.order.generator
    yield ("random", "cpu"), state.random.cpu
    if state.random.own is not None:
        yield ("random", "own"), state.random.own
    for name, buffer in state.buffers.items():
        yield ("buffers", name), buffer
    for name, value in state.optimizer.items():
        if isinstance(value, Tensor):
            yield ("optimizer", name), value


def _saved_tensor(tensor: Tensor) -> SavedTensor:
    content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    kind = str(tensor.dtype).removeprefix("torch.")
    return SavedTensor(kind, tuple(tensor.shape), content, on_device=tensor.device.type != "cpu")


# -- and back ---------------------------------------------------------------------------------------------------------


def resume(race: Race, resumed: Resume, device: torch.device) -> None:
    """Have a race at its start go on where another one was recorded to have come.

    Raises:
        ConfigError: if a run does not come that far now.
        ValueError, KeyError, TypeError, IndexError, RuntimeError: for values that no state can have.
    """
    if resumed.checkpoints:
        _restore(race, resumed, [[_state(run, device) for run in one.runs] for one in resumed.checkpoints])
    race.make_again(resumed.ends, resumed.moment, resumed.position)


def _restore(race: Race, resumed: Resume, states: list[list[RunState]]) -> None:
    """Have a race where it was at the newest checkpoint."""
    newest, lineages = resumed.checkpoints[-1], resumed.lineages
    snapshots = resumed.snapshots or (SavedSnapshots(1, (), ()),) * len(newest.runs)
    race.restore(
        RaceState(
            runs=tuple(states[-1]),
            snapshots=tuple(map(_snapshots, snapshots, lineages)),
            clock=newest.clock,
            moment=newest.moment,
            position=newest.position,
            turn=newest.turn,
            journal=resumed.journal,
            changed=newest.changed,
            lineages=lineages,
        )
    )
    race.remember([_states_of(run, states, lineages) for run in range(len(newest.runs))])


def _states_of(run: int, states: Sequence[Sequence[RunState]], lineages: Sequence[Lineage]) -> list[RunState]:
    """All states of a run, those among them that it has in common with its parent."""
    lineage = lineages[run]
    shared = [] if lineage.parent is None else _states_of(lineage.parent, states, lineages)
    own = [some[run] for some in states if run < len(some)]
    return [*(state for state in shared if state.update < min(lineage.update, own[0].update)), *own]


def _state(run: SavedRun, device: torch.device) -> RunState:
    tensors = {part: _tensor(tensor, device) for part, tensor in run.tensors.items()}
    return RunState(
        vector=tensors["vector", ""],
        buffers=_named(tensors, "buffers"),
        optimizer={**run.values["optimizer"], **_named(tensors, "optimizer")},
        group={name: tuple(value) if isinstance(value, list) else value for name, value in run.values["group"].items()},
        schedule=run.values["schedule"],
        order=OrderState(run.epoch, tensors["order", "generator"]),
        random=RandomState(tensors["random", "cpu"], tensors.get(("random", "own")), device),
        update=run.update,
        seconds=run.seconds,
        status=Status(run.status),
        loss_bound=run.loss_bound,
    )


def _named(tensors: Mapping[Part, Tensor], part: str) -> dict[str, Any]:
    return {name: tensor for (of, name), tensor in tensors.items() if of == part}


def _tensor(one: SavedTensor, device: torch.device) -> Tensor:
    found = torch.empty(one.shape, dtype=_TYPES[one.type])
    if len(one.content) != found.nbytes:
        raise ValueError("a tensor has not as many bytes as its shape says")
    if one.content:
        found.view(-1).view(torch.uint8).copy_(torch.frombuffer(bytearray(one.content), dtype=torch.uint8))
    return found.to(device) if one.on_device else found


def _snapshots(one: SavedSnapshots, lineage: Lineage) -> Snapshots:
    shared = -1 if lineage.parent is None else lineage.update
    if not one.updates:
        return Snapshots(stride=one.stride, shared=shared)
    vectors = torch.stack([_tensor(vector, torch.device("cpu")) for vector in one.vectors])
    return Snapshots(((torch.tensor(one.updates).numpy(), vectors),), one.stride, shared=shared)
