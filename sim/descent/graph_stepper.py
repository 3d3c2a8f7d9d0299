"""Updates on a CUDA device without waiting for it: the passes are one launch, and torch's own optimizer steps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sim.descent.captured import Capture, capture
from sim.descent.course import Course
from sim.descent.parts import InParts, Part
from sim.descent.state import RunState
from sim.descent.stepper import Block
from sim.models.problem import Problem
from sim.models.random_state import RandomState
from sim.models.sources import Batch
from sim.protocol.trace import Status
from sim.views.plane import on_plane_terms

_MOST = 1024  # updates with one part: some tenths of a second


class GraphStepper(InParts):
    """See `InParts`. The reference's own operations, launched together; what they find is read once a part.

    What a module does in Python, such as counting its calls, it does when it is recorded and never again.
    """

    def __init__(self, problem: Problem, course: Course, capture: Capture = capture) -> None:
        super().__init__(problem, course)
        self._capture = capture
        self._launches: dict[tuple[torch.Size, torch.Size], Callable[[Batch], None]] = {}
        vector = self.training.model.vector.detach()
        self._huge = math.sqrt(torch.finfo(vector.dtype).max)
        self._found = vector.new_empty(_MOST, 2)  # the loss and the norm of the gradient, update by update of a part
        self._row = torch.zeros(1, dtype=torch.int64, device=vector.device)  # of the next one
        self._recording = 0.0  # seconds of a part in which passes were recorded

    def most(self, wanted: int) -> int:
        """See `InParts`."""
        return min(wanted, _MOST)

    def advance(
        self, state: RunState, updates: int, until: float = math.inf, keep_every: int = 1
    ) -> tuple[RunState, Block]:
        """See `Stepper`."""
        outside = RandomState.now(self.problem.device)
        try:
            return super().advance(state, updates, until, keep_every)
        finally:
            outside.restore()

    def make(self, state: RunState, count: int, keep_every: int) -> Part:
        """See `InParts`."""
        part = self._make(state, count, keep_every)
        suspect = self._suspect(part, state.loss_bound)
        if suspect is None:
            return part
        if suspect + 1 < len(part):  # nothing goes on from there: make those up to it once more
            part = self._make(state, suspect + 1, keep_every)
        fine = abs(part.losses[-1]) <= state.loss_bound and math.isfinite(part.norms[-1])
        return replace(part, diverged=not (fine and bool(torch.isfinite(self.training.model.vector).all())))

    def state_after(self, state: RunState, made: int, seconds: float, status: Status) -> RunState:
        """See `InParts`."""
        return self.training.state_after(state, state.update + made, seconds, status)

    # -- updates ------------------------------------------------------------------------------------------------------

    def _make(self, state: RunState, count: int, keep_every: int) -> Part:
        """Make so many updates, wherever they lead."""
        training, vector, trouble = self.training, self.training.model.vector, None
        training.stand_at(state)
        self._row.zero_()
        self._recording = 0.0
        rates, kept = list[float](), list[Tensor]()
        began = self.timer()
        for update in range(state.update + 1, state.update + count + 1):
            lr = training.schedule.lr
            try:
                self._update(update)
            except (Exception, SystemExit) as error:
                trouble = training.trouble(error, update)
                break
            rates.append(lr)
            if update % keep_every == 0:
                kept.append(vector.detach().clone())
        found = self._found[: len(rates)].to("cpu", torch.float64, copy=True)  # waits for the device
        spent = self.timer() - began - self._recording
        losses, norms = found.numpy().T
        return Part(
            losses=losses,
            norms=norms,
            rates=np.array(rates),
            spent=spent,
            kept=on_plane_terms(torch.stack(kept) if kept else vector.new_empty(0, len(vector))),
            gradient=training.model.gradient,
            trouble=trouble,
        )

    def _update(self, update: int) -> None:
        """Sample, forward, backward, step; what is cut in chunks, as the reference does."""
        training = self.training
        if training.in_chunks:
            training.model.gradient.zero_()
            self._note(training.backward(update))
        else:
            batch = training.batches.batch(update)
            shapes = batch[0].shape, batch[1].shape
            if shapes not in self._launches:
                self._record(shapes, batch)
            self._launches[shapes](batch)
        training.optimizer.step()
        training.schedule.step()

    def _record(self, shapes: tuple[torch.Size, torch.Size], batch: Batch) -> None:
        """Record the passes over batches of such a shape, which is no time that the run spends."""
        self._row.item()  # waits for what is under way
        began = self.timer()
        self._launches[shapes] = self._capture(self._passes, self._written, batch)
        self._recording += self.timer() - began

    def _passes(self, batch: Batch) -> None:
        """Forward and backward, and what came of them."""
        model = self.training.model
        model.gradient.zero_()
        loss = self.problem.loss(model.module(batch[0]), batch[1])
        torch.autograd.backward(loss)
        self._note(loss)

    def _note(self, loss: Tensor) -> None:
        """Write a loss and the norm of its gradient down in the next row."""
        gradient = self.training.model.gradient
        figures = torch.stack((loss.detach().reshape(()).to(gradient.dtype), gradient.norm()))
        self._found.index_copy_(0, self._row, figures[None])
        self._row += 1

    def _written(self) -> Sequence[Tensor]:
        return *self.training.model.module.buffers(), self._row

    def _suspect(self, part: Part, loss_bound: float) -> int | None:
        """The first update after which the run may have diverged."""
        far = ~(np.abs(part.losses) <= loss_bound)
        unsteady = ~(part.norms * np.maximum(1.0, part.rates) <= self._huge)
        found = np.flatnonzero(far | unsteady)
        return int(found[0]) if len(found) else None
