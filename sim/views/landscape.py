"""The loss on a grid of the plane, coarse first and then finer, in pieces between updates."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import vmap

from sim.experiment.geometry import Window
from sim.models.evaluation import evaluating
from sim.models.flat import FlatModel, call_at
from sim.models.problem import Problem
from sim.models.sources import Batch
from sim.protocol.results import centres

Floats = NDArray[np.float64]
ParametersAt = Callable[[Tensor], Tensor]
"""The parameters at a point of the plane, shape (2,) to (P,); at K points, (K, 2) to (K, P)."""

COARSE_COLUMNS, COARSE_ROWS, COARSE_EXAMPLES = 21, 13, 256
_AT_ONCE = 2_000_000  # outputs of a two-parameter problem, or parameters of a model, held at once: about 16 MB
_MOST_WORK = 4e11  # multiplications for a landscape; beyond them it is over a sample of the examples
_TOGETHER = 2048  # examples, counted once for each point, that go through a model at once
_WORTH_IT = 16  # points at once, below which one by one is faster
_INTERLEAVED = 4  # every so many-th row first
_KEPT_CHUNKS = 16  # of examples, 64 MB
_PIECE = 0.02  # seconds
_FIRST_PIECE = 64  # points, before it is known how long one takes


@dataclass(frozen=True, slots=True)
class LandscapeStage:
    """A landscape as far as it has been computed.

    Attributes:
        values: shape (rows, columns), top row first; NaN before there is a coarse picture.
        progress: 0 to 1; 0 before there is a coarse picture.
        examples: over how many examples.
    """

    values: Floats
    progress: float
    examples: int


def grid(window: Window, columns: int, rows: int) -> Floats:
    """The centres of a window's cells, top row first: shape (rows, columns, 2)."""
    return np.stack(np.meshgrid(*centres(window, columns, rows)), axis=-1)


def survey(
    problem: Problem, module: nn.Module, parameters_at: ParametersAt, window: Window, columns: int, rows: int
) -> Iterator[LandscapeStage]:
    """Stages of the landscape on the cells of a window, each better than the one before; the last one is complete.

    What is no number counts as infinite. Neither the module nor any random state changes.

    Args:
        problem: whose loss.
        module: with the buffers to use; evaluated in eval mode, and left with other parameters.
        parameters_at: see `ParametersAt`.
        window, columns, rows: the grid.
    """
    points = grid(window, columns, rows)
    probe = _Probe(problem, module, parameters_at)
    if (at_once := probe.losses_at_once(points)) is not None:
        yield LandscapeStage(at_once, 1.0, problem.examples)
        return
    few = min(COARSE_EXAMPLES, problem.examples)
    blank = np.full((rows, columns), np.nan)
    coarse = np.full((1, COARSE_ROWS * COARSE_COLUMNS), np.nan)
    for _ in probe.fill(coarse, grid(window, COARSE_COLUMNS, COARSE_ROWS).reshape(1, -1, 2), [0], few):
        yield LandscapeStage(blank, 0.0, few)
    outline = _smoothed(_smoothed(coarse.reshape(COARSE_ROWS, COARSE_COLUMNS), columns).T, rows).T
    stage = LandscapeStage(outline, 0.02, few)
    yield stage
    work = probe.parameters * columns * rows
    sample = int(min(problem.examples, max(COARSE_EXAMPLES, _MOST_WORK / work)))
    order = sorted(range(rows), key=lambda row: row % _INTERLEAVED)
    fine = np.full((rows, columns), np.nan)
    for done in probe.fill(fine, points, order, sample):
        values = stage.values if done % 1 else _completed(fine, outline)
        stage = LandscapeStage(values, 1.0 if done == rows else 0.02 + 0.98 * done / rows, sample)
        yield stage


def _smoothed(coarse: Floats, count: int) -> Floats:
    """Values (M, K) drawn out to (M, count) by straight lines between the centres of the cells."""
    centres, wanted = ((np.arange(cells) + 0.5) / cells for cells in (coarse.shape[1], count))
    with np.errstate(invalid="ignore"):
        drawn = np.stack([np.interp(wanted, centres, row) for row in coarse])
    finite: Floats = np.nan_to_num(drawn, nan=np.inf, posinf=np.inf)
    return finite


def _completed(fine: Floats, outline: Floats) -> Floats:
    """The fine rows that there are, shape (rows, columns), and between them the outline, lifted to their level."""
    done = np.flatnonzero(~np.isnan(fine[:, 0]))
    if len(done) == len(fine):
        return fine.copy()
    with np.errstate(invalid="ignore"):
        lift = np.nan_to_num(fine[done] - outline[done], posinf=0.0, neginf=0.0)
    shares = [np.interp(np.arange(len(fine)), done, unit) for unit in np.eye(len(done))]
    lifted: Floats = outline + np.stack(shares, axis=1) @ lift
    lifted[done] = fine[done]
    return lifted


class _Probe:
    """A module that is given the parameters of one point of the plane after another."""

    def __init__(self, problem: Problem, module: nn.Module, parameters_at: ParametersAt) -> None:
        self._problem, self._parameters_at = problem, parameters_at
        self._model = FlatModel(module)
        self.parameters = self._model.vector.numel()
        self._bears_vmap = True
        self._points_a_piece = _FIRST_PIECE
        self._kept: tuple[int, list[Batch]] | None = None

    def fill(self, values: Floats, points: Floats, order: Iterable[int], sample: int) -> Iterator[float]:
        """Fill in the losses of a grid, (rows, columns) at (rows, columns, 2), row by row in the order given.

        Each piece is what takes about `_PIECE` seconds, within a row; a whole row where the examples have to be
        gathered anew for each piece. Yields how many rows are done, parts counted.
        """
        columns = values.shape[1]
        least = 1 if self._keeps(sample) else columns
        for done, row in enumerate(order):
            begin = 0
            while begin < columns:
                end = min(columns, begin + max(least, self._points_a_piece))
                started = time.perf_counter()
                values[row, begin:end] = self.losses(points[row, begin:end], sample)
                pace = (end - begin) / (time.perf_counter() - started)
                self._points_a_piece = max(1, min(_FIRST_PIECE + 2 * (end - begin), round(pace * _PIECE)))
                begin = end
                yield done + begin / columns

    @cached_property
    def _aside(self) -> nn.Module:
        """A copy to be called with other parameters: on a GPU, recurrent layers put theirs elsewhere afterwards."""
        return self._problem.twin(self._model.module).eval()

    def losses(self, points: Floats, sample: int) -> Floats:
        """The loss over so many training examples, evenly chosen, at each of K points, shape (K, 2): shape (K,)."""
        module, device = self._model.module, self._problem.device
        sums, weights = torch.zeros(len(points), dtype=torch.float64), 0.0
        reduction = self._problem.reduction
        with torch.no_grad(), evaluating(module, device):
            for batch in self._sample(sample):
                if weight := reduction.weight(batch[1]):
                    sums += self._batch_losses(torch.from_numpy(points), batch).cpu().double() * weight
                weights += weight
        share = sample / self._problem.examples
        return _infinite_if_no_number(sums / (reduction.divisor(weights, share) if weights else math.nan))

    def _sample(self, count: int) -> Iterable[Batch]:
        """So many training examples, gathered once if that bears keeping."""
        if not self._keeps(count):
            return self._problem.training.some(count)
        if self._kept is None or self._kept[0] != count:
            self._kept = count, list(self._problem.training.some(count))
        return self._kept[1]

    def _keeps(self, count: int) -> bool:
        return count <= _KEPT_CHUNKS * self._problem.chunk_size

    def _batch_losses(self, points: Tensor, batch: Batch) -> Tensor:
        """The loss over a batch at each of K points, shape (K,): several at once where model and batch are small."""
        together = min(_TOGETHER // len(batch[0]), _AT_ONCE // self.parameters)
        if together >= _WORTH_IT and self._bears_vmap:
            try:
                return torch.cat([self._losses_of(part, batch) for part in torch.split(points, together)])
            except Exception:  # a module may refuse in many ways; what is really wrong shows one by one, too
                self._bears_vmap = False
        inputs, targets = batch
        losses = []
        for vector in self._vectors(points):
            self._model.vector.data.copy_(vector)
            losses.append(self._problem.loss(self._model.module(inputs), targets).reshape(()))
        return torch.stack(losses)

    def _vectors(self, points: Tensor) -> Iterator[Tensor]:
        """The parameters at each of K points; as many at once as memory bears, which is faster than one by one."""
        for part in torch.split(points, max(1, _AT_ONCE // self.parameters)):
            yield from self._parameters_at(part)

    def losses_at_once(self, points: Floats) -> Floats | None:
        """The losses over all examples on a grid, (rows, columns) at (rows, columns, 2), in a single go.

        None where that is too much, or more than the module bears.
        """
        together = _AT_ONCE // (self.parameters * self._problem.examples)
        work = self.parameters * self._problem.examples * points.shape[0] * points.shape[1]
        if together < points.shape[1] or work > _MOST_WORK:
            return None
        every = self._problem.batch(torch.arange(self._problem.examples))
        parts = torch.split(torch.from_numpy(points).reshape(-1, 2), together)
        try:
            with torch.no_grad(), evaluating(self._model.module, self._problem.device):
                losses = torch.cat([self._losses_of(part, every) for part in parts])
        except Exception:  # a module may refuse in many ways; what is really wrong shows one by one, too
            return None
        return _infinite_if_no_number(losses).reshape(points.shape[:2])

    def _losses_of(self, points: Tensor, batch: Batch) -> Tensor:
        """The loss over a batch at each of K points, shape (K,), in a single go."""
        module, (inputs, targets) = self._aside, batch

        def loss_at(vector: Tensor) -> Tensor:
            return self._problem.loss(call_at(module, vector, inputs), targets).reshape(())

        vectors = self._parameters_at(points).to(self._model.vector)
        losses: Tensor = vmap(loss_at)(vectors)
        return losses


def _infinite_if_no_number(losses: Tensor) -> Floats:
    counted = torch.nan_to_num(losses, nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    return counted.cpu().double().numpy()
