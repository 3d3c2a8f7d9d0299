"""Updates of dense networks in machine code: the reference's values within rounding of float32, many at a time."""

import numpy as np
import torch

from sim.descent.compiled_course import CompiledCourse
from sim.descent.course import Course
from sim.descent.dense_network import CODES
from sim.descent.parts import InParts, Part
from sim.descent.state import RunState
from sim.kernels.dense import descend_dense
from sim.kernels.descent import Standing
from sim.kernels.network import Examples, Network, Record, Workspace
from sim.models.problem import Problem
from sim.protocol.trace import Status


class DenseStepper(InParts):
    """See `InParts`. Passes over all examples are torch's."""

    def __init__(self, problem: Problem, network: Network, examples: Examples, course: Course) -> None:
        super().__init__(problem, course)
        self._network, self._examples = network, examples
        self._workspace = Workspace.of(network, self.training.model.layout.length)

    def follow(self, course: Course) -> None:
        """See `Stepper`."""
        super().follow(course)
        self._compiled = CompiledCourse(course)

    def most(self, wanted: int) -> int:
        """See `InParts`."""
        return self._compiled.most(wanted)

    def make(self, state: RunState, count: int, keep_every: int) -> Part:
        """See `InParts`."""
        compiled, model = self._compiled, self.training.model
        self.course.sampler.restore(state.order)
        first, every = -(state.update + 1) % keep_every, min(keep_every, count + 1)
        self._standing = standing = compiled.standing(state)
        kept = np.empty((len(range(first, count, every)), len(standing.point)), np.float32)
        rates, norms, losses = compiled.rates(state, count), np.empty(count), np.empty(count)
        record = Record(np.array(rates), norms, losses, min(first, count), every, kept)
        made, diverged, spent = self._descend(state, standing, record)
        model.vector.data.copy_(torch.from_numpy(standing.point))
        return Part(
            losses=record.losses[:made],
            norms=record.norms[:made],
            rates=rates[:made],
            spent=spent,
            kept=torch.from_numpy(kept[: len(range(first, made, every))]),
            gradient=torch.from_numpy(self._workspace.gradient),
            diverged=diverged,
        )

    def state_after(self, state: RunState, made: int, seconds: float, status: Status) -> RunState:
        """See `InParts`."""
        return self._compiled.state_after(state, self._standing, made, seconds, status)

    def _descend(self, state: RunState, standing: Standing, record: Record) -> tuple[int, bool, float]:
        """Fill in what updates did: how many were made, whether the run diverged, and the seconds that it took."""
        if not len(record.rates):
            return 0, False, 0.0
        began = self.timer()
        batches = self._compiled.batches(state.update, len(record.rates))
        made, diverged = descend_dense(
            *(CODES, self._network, self._examples, batches, self._compiled.rule),
            *(standing, state.loss_bound, record, self._workspace),
        )
        return made, diverged, self.timer() - began
