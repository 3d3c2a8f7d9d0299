"""A recorder for a training loop of one's own."""

import warnings
from collections.abc import Callable
from operator import index
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor, nn

from sim.experiment.errors import ConfigError
from sim.experiment.words import first_line, shown_path
from sim.models.problem import Loss
from sim.recorder.data import Data
from sim.recorder.record import Record


class Recorder:
    """Records what a training loop does, for any module and any optimizer:

        with Recorder("mine.gdsim", model, optimizer, loss=loss, data=dataset) as recorder:
            for inputs, targets in loader:
                ...
                optimizer.step()
                recorder.update(batch_loss, len(inputs))

    `gdsim replay mine.gdsim` shows it, also while the loop still runs. The loop goes on as it would without: neither
    the model nor any random state changes, and trouble with the recording is a warning. No file is ever replaced:
    where there is one, the recording is `mine-2.gdsim`.

    With loss and data, the loss over all examples is recorded now and then, the landscape, and of some updates the
    steps that were possible and the angle to the full gradient: some of it meanwhile, in about a hundredth of the time
    that the loop takes, and the rest within four seconds when the loop is done.

    Args:
        path: of the recording; it ends in .gdsim.
        model: what is trained, on whatever device; not wrapped or compiled, but what is inside. Recorded are the
            parameters that require gradients when it begins.
        optimizer: that trains it.
        loss: of output and target, the mean or the sum over a batch; None: nothing is known of all examples.
        data: the training examples, as a `Dataset` of pairs, two tensors, or a `DataLoader` of one of them; None: no
            epochs, either.

    Raises:
        ConfigError: for a loss without data.
    """

    def __init__(
        self,
        path: str | Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        loss: Loss | None = None,
        data: Data | None = None,
    ) -> None:
        if loss is not None and data is None:
            raise ConfigError("A loss over all examples needs them: give data, too.")
        self._path = Path(path)
        self._within = False
        self._begin: Callable[[], Record] = lambda: Record(self._path, model, optimizer, loss, data)
        self._record: Record | None = None

    def __enter__(self) -> "Recorder":
        """Begin where the model stands now."""
        self._within = True
        try:
            self._record = self._begin()
        except Exception as error:  # whatever it is, the loop is to go on
            self._give_up(error)
        self._say()
        return self

    def update(self, batch_loss: Tensor | float, examples: int) -> None:
        """Record an update, right after `optimizer.step()`: the gradients are still there, the rate is still its own.

        Args:
            batch_loss: the mean over its batch, at the parameters before it.
            examples: how many it used, 1 at least.

        Raises:
            RuntimeError: outside of the recorder's own `with` block.
        """
        if not self._within:
            raise RuntimeError("A Recorder records within its own block: with Recorder(...) as recorder.")
        if self._record is None:
            return
        try:
            if self._record.take(batch_loss, index(examples)):
                self._say()
        except Exception as error:
            self._give_up(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what is left. What the loop raised goes on its way."""
        self._within = False
        if self._record is None:
            return
        try:
            self._record.close(in_haste=kind is not None)
        except Exception as trouble:
            self._give_up(trouble)
        self._say()

    def _say(self) -> None:
        for sentence in self._record.sentences() if self._record is not None else ():
            warnings.warn(sentence, stacklevel=3)

    def _give_up(self, error: Exception) -> None:
        why = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {first_line(error)}."
        warnings.warn(f"{shown_path(self._path)} is recorded no further, the loop goes on: {why}", stacklevel=3)
        if self._record is not None:
            self._record.abandon()
            self._record = None
