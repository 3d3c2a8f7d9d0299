"""Where batches come from: tensors, wherever they lie, or a data set that makes its examples one by one."""

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset, default_collate

Batch = tuple[Tensor, Tensor]


def evenly(count: int, most: int) -> Tensor:
    """So many indices of a list of some length, at equal distances, or all: int64, increasing."""
    few = min(count, most)
    return torch.arange(few) * count // few


class Source(Protocol):
    """Where examples come from: all of them, by number."""

    device: torch.device

    def __len__(self) -> int:
        """How many there are."""

    def take(self, examples: Tensor) -> Batch:
        """Inputs and targets of some examples (int64, shape (B,), on the CPU), on the device, in that order."""

    def to_device(self, batch: Batch) -> Batch:
        """A batch of a DataLoader where, and of the type that, the model takes it."""

    def dataset(self) -> "Dataset[Any]":
        """The same as torch's DataLoader wants it."""


class TensorSource:
    """Inputs and targets as tensors: on the device (resident), in memory, or mapped from a file.

    Batches have the type `dtype` if the inputs are numbers of another one.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, device: torch.device, dtype: torch.dtype) -> None:
        self.inputs, self.targets = inputs, targets
        self.device = device
        self._dtype = dtype
        on_cpu = {inputs.device.type, targets.device.type, device.type} == {"cpu"}
        self._as_wanted = on_cpu and inputs.dtype == dtype  # a no-op of torch's costs nearly a microsecond

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, examples: Tensor) -> Batch:
        """See `Source`."""
        if self._as_wanted:
            return self.inputs.index_select(0, examples), self.targets.index_select(0, examples)
        examples = examples.to(self.inputs.device)
        return self.to_device((self.inputs.index_select(0, examples), self.targets.index_select(0, examples)))

    def to_device(self, batch: Batch) -> Batch:
        """See `Source`."""
        inputs, targets = batch
        return inputs.to(self.device, self._dtype, non_blocking=True), targets.to(self.device, non_blocking=True)

    def dataset(self) -> "Dataset[Any]":
        """See `Source`."""
        return TensorDataset(self.inputs, self.targets)


class DatasetSource:
    """A user's map-style data set, whose examples are collated as DataLoader does it."""

    def __init__(self, dataset: "Dataset[Any]", device: torch.device) -> None:
        self._dataset = dataset
        self.device = device

    def __len__(self) -> int:
        return len(self._dataset)  # type: ignore[arg-type]

    def take(self, examples: Tensor) -> Batch:
        """See `Source`."""
        return self.to_device(default_collate([self._dataset[index] for index in examples.tolist()]))

    def to_device(self, batch: Batch) -> Batch:
        """See `Source`."""
        inputs, targets = batch
        return inputs.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)

    def dataset(self) -> "Dataset[Any]":
        """See `Source`."""
        return self._dataset


class Pass:
    """A pass through some examples in chunks; small ones are kept, so that passing again costs no gathering."""

    def __init__(self, source: Source, examples: Tensor, chunk_size: int) -> None:
        self._source, self._examples, self._chunk_size = source, examples, chunk_size
        self._kept: list[Batch] | None = None

    def __len__(self) -> int:
        return len(self._examples)

    def __iter__(self) -> Iterator[Batch]:
        if self._kept is not None:
            return iter(self._kept)
        chunks = self._chunks(self._examples)
        if len(self._examples) > self._chunk_size or isinstance(self._source, DatasetSource):
            return chunks
        self._kept = list(chunks)
        return iter(self._kept)

    def some(self, count: int) -> Iterator[Batch]:
        """A pass through so many of them, evenly chosen: data may be sorted by class."""
        if count >= len(self):
            return iter(self)
        return self._chunks(self._examples[evenly(len(self), count)])

    def _chunks(self, examples: Tensor) -> Iterator[Batch]:
        return (self._source.take(part) for part in torch.split(examples, self._chunk_size))
