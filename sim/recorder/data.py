"""The loss over a loop's data: of the model as it stands, and on a plane. Leaves no trace in the loop."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Window
from sim.measures.measure import Passes
from sim.models.buffers import set_buffers
from sim.models.evaluation import full_gradient, passes
from sim.models.flat import Layout, trainable
from sim.models.losses import reduction_of
from sim.models.problem import Loss, Problem
from sim.models.random_state import RandomState, undisturbed
from sim.models.sources import DatasetSource, Source, TensorSource
from sim.protocol.cloud import Cloud
from sim.protocol.results import Surveyed
from sim.recorder.origins import Origin
from sim.views.cloud import Update, cloud, possible_steps
from sim.views.landscape import survey
from sim.views.plane import Plane

Data = Dataset[Any] | tuple[Tensor, Tensor] | DataLoader[Any]
"""The training examples: pairs of inputs and targets, two tensors of them, or what batches are loaded from."""

_GATHERED = 0.5  # seconds that gathering all examples of a data set may take, which then costs nothing any more
_GATHERED_BYTES = 64 * 2**20
_SHOWN = 1024  # examples whose steps are looked at, if there are more
_FEW = 64  # examples, which show how long all of them will take


def count(data: Data | None) -> int:
    """How many examples there are; 0 where that is not known."""
    if data is None:
        return 0
    if isinstance(data, tuple):
        return len(data[0])
    dataset = getattr(data, "dataset", data)
    return len(dataset) if hasattr(dataset, "__len__") else 0


class LossOverData:
    """A model's loss over its training examples.

    Args:
        model: as the loop trains it.
        loss: of a batch's output and targets.
        data: see `Data`.

    Attributes:
        examples: N.
        pass_seconds: how long a pass through all of them takes at least, as far as is known.

    Raises:
        ConfigError: for data of unknown number, and for a loss that is neither a mean nor a sum, where they are taken
            in pieces. Whatever the model, the loss or the data raise is passed on.
    """

    def __init__(self, model: nn.Module, loss: Loss, data: Data) -> None:
        if not count(data):
            raise ConfigError("the data have no examples, or do not say how many")
        device = next(model.parameters()).device
        self._device = device
        self._trained = {name for name, _ in trainable(model)}
        with _no_trace(device):
            source = _source(data, device)
            problem = Problem(model, loss, source, RandomState.now(device))
            self._problem = Problem(model, loss, source, problem.random_state, reduction=reduction_of(problem))
            self.examples = len(source)
            few = torch.arange(min(_FEW, self.examples))
            began = time.perf_counter()
            passes(Problem(model, loss, source, problem.random_state, train=few), model)
            self.pass_seconds = (time.perf_counter() - began) * self.examples / len(few)

    def passes(self) -> Passes:
        """Go through all examples with the model as it stands."""
        began = time.perf_counter()
        with _no_trace(self._device):
            found = passes(self._problem, self._problem.model)
        # the least of all: one that was held up by something else says nothing of the next one
        self.pass_seconds = min(self.pass_seconds, time.perf_counter() - began)
        return found

    def survey(
        self, at: Callable[[Tensor], Tensor], plane: int, window: Window, columns: int, rows: int
    ) -> Iterator[Surveyed | None]:
        """The landscape on a window of a plane, in pieces; None while there is nothing to be seen of it yet.

        Args:
            at: the parameters at points of the plane.
            plane: the plane's number.
            window, columns, rows: the grid.
        """
        with _no_trace(self._device):
            stages = survey(self._problem, self._twin(), at, window, columns, rows)
        while True:
            with _no_trace(self._device):
                stage = next(stages, None)
            if stage is None:
                return
            seen = Surveyed(window, stage.values, stage.progress, plane, stage.examples)
            yield seen if stage.progress > 0 else None

    def possible_steps(self, origin: Origin, full: Tensor | None, plane: Plane, *, plain: bool) -> tuple[Cloud, Tensor]:
        """The steps that were possible where an update began, and the gradient over all examples there, shape (L,).

        Args:
            origin: where.
            full: that gradient, if it is known.
            plane: that they are seen on.
            plain: see `Update`.
        """
        with _no_trace(self._device):
            problem, module = self._problem, self._module_at(origin)
            if full is None:
                full = full_gradient(problem, module, batch_statistics=True)
            size, unknown = origin.batch_size, torch.empty(0, dtype=torch.int64)
            update = Update(float(origin.rate), size, size > self.examples, plain)
            own, basis = origin.gradient, plane.basis
            return possible_steps(problem, module, basis, update, unknown, own, full, _SHOWN, unloaded=True), full

    def load(self) -> None:
        """Have torch load what it needs for possible steps, which may take half a second."""
        with _no_trace(self._device):
            length = Layout.of(parameter for _, parameter in trainable(self._problem.model)).length
            few = torch.arange(min(_FEW, self.examples))
            cloud(self._problem, self._problem.model, torch.zeros(2, length), few, unloaded=True)

    def _twin(self) -> nn.Module:
        """A copy of the model: in it what was trained at first can be trained, whatever was frozen or freed since."""
        module = self._problem.twin(self._problem.model)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in self._trained)
        return module

    def _module_at(self, origin: Origin) -> nn.Module:
        """A copy of the model as it was where an update began; what is not recorded of it is as it is now."""
        module = self._twin()
        parameters = [parameter for _, parameter in trainable(module)]
        parts = Layout.of(parameters).split(origin.vector)
        with torch.no_grad():
            for ours, theirs in zip(parameters, parts, strict=True):
                ours.copy_(theirs)
        set_buffers(module, origin.buffers)
        return module


def _source(data: Data, device: torch.device) -> Source:
    if isinstance(data, DataLoader):
        data = data.dataset
    if isinstance(data, TensorDataset):
        data = data.tensors[0], data.tensors[1]
    if isinstance(data, tuple):
        inputs, targets = data
        return TensorSource(inputs, targets, device, inputs.dtype)
    source = DatasetSource(data, device)
    few = torch.arange(min(_FEW, len(source)))
    began = time.perf_counter()
    batch = source.take(few)
    seconds, size = time.perf_counter() - began, sum(part.nbytes for part in batch)
    share = len(few) / len(source)
    if seconds > share * _GATHERED or size > share * _GATHERED_BYTES:
        return source
    inputs, targets = source.take(torch.arange(len(source)))
    return TensorSource(inputs, targets, device, inputs.dtype)


@contextmanager
def _no_trace(device: torch.device) -> Iterator[None]:
    """Whatever torch, numpy and Python draw at random inside leaves no trace outside."""
    ours, theirs = random.getstate(), np.random.get_state()
    try:
        with undisturbed(device):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(theirs)
