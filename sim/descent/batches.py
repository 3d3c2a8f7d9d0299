"""The batches of a run, update by update: through torch's DataLoader, or straight from tensors."""

from collections.abc import Iterator
from multiprocessing import get_all_start_methods
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sim.descent.sampling import Sampler
from sim.models.flat import ALIGNMENT
from sim.models.problem import Problem
from sim.models.sources import Batch, Source


def batches_of(problem: Problem, sampler: Sampler) -> "LoadedBatches | ResidentBatches":
    """The batches of the run with that sampler, by the problem's loader."""
    if problem.loader == "dataloader":
        return LoadedBatches(problem.source, sampler, problem.train, problem.workers)
    return ResidentBatches(problem, sampler)


class ResidentBatches:
    """A run's batches straight from the source.

    Small data are gathered once an epoch, of which the batches are slices, if these lie in memory as tensors of their
    own do: a matrix product may sum in another order where they do not.
    """

    def __init__(self, problem: Problem, sampler: Sampler) -> None:
        self._problem, self._sampler = problem, sampler
        one, _ = problem.batch(torch.zeros(1, dtype=torch.int64))
        self._sliced = problem.examples <= problem.chunk_size and one.nbytes % ALIGNMENT == 0
        self._gathered: tuple[int, Batch] | None = None

    def batch(self, update: int) -> Batch:
        """The batch of an update, counted from 1."""
        if not self._sliced:
            return self._problem.batch(self._sampler.batch(update))
        epoch, begin = self._sampler.position_in_epoch(update)
        if self._gathered is None or epoch != self._gathered[0]:
            self._gathered = epoch, self._problem.batch(self._sampler.order(epoch))
        inputs, targets = self._gathered[1]
        end = begin + self._sampler.batch_size
        return inputs[begin:end], targets[begin:end]


class LoadedBatches:
    """A run's batches through torch's DataLoader, with the run's sampler as its batch sampler."""

    def __init__(self, source: Source, sampler: Sampler, chosen: Tensor | None, workers: int) -> None:
        self._source = source
        self._sampler = sampler
        self._chosen = chosen
        self._workers = workers
        self._next = 0
        self._batches: Iterator[Any] = iter(())

    def batch(self, update: int) -> Batch:
        """The batch of an update, counted from 1; they are to be asked for in order, after any first one."""
        if update != self._next:
            self._batches, self._next = iter(self._loader(update)), update
        self._next += 1
        return self._source.to_device(next(self._batches))

    def _loader(self, update: int) -> "DataLoader[Any]":
        return DataLoader(
            self._source.dataset(),
            batch_sampler=_Endless(self._sampler, self._chosen, update),
            num_workers=self._workers,
            # a worker that does not share this process's memory could not find the user's own file
            multiprocessing_context="fork" if self._workers and "fork" in get_all_start_methods() else None,
            pin_memory=self._source.device.type == "cuda",
            persistent_workers=self._workers > 0,
            # the base seed that a loader draws for its workers must not come from the model's own random state
            generator=torch.Generator().manual_seed(self._sampler.seed),
        )


class _Endless:
    """The lists of examples of a run's updates, from one of them on, for ever."""

    def __init__(self, sampler: Sampler, chosen: Tensor | None, update: int) -> None:
        self._sampler, self._chosen, self._update = sampler, chosen, update

    def __iter__(self) -> Iterator[list[int]]:
        update = self._update
        while True:
            batch = self._sampler.batch(update)
            yield (batch if self._chosen is None else self._chosen[batch]).tolist()
            update += 1
