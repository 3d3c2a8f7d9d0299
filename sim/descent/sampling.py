"""Which examples each update uses: the batches that a DataLoader would yield, for any update, past or to come."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.experiment.choices import Sampling

Integers = NDArray[np.int64]
Count = TypeVar("Count", int, Integers)

_CHECKPOINT_WORK = 65_536  # examples to permute at most between two kept generator states
MOST_CHECKPOINTS = 1024
"""Generator states of 5 KB that are kept at most."""

_MOST_SHUFFLED = (2**32 - 1) // 20 - 1  # examples; of more, torch.randperm draws numbers of 64 bits
_STATE = 5056  # bytes of a generator's state, where it is the one that is known
_PIECE = 32  # examples that RandomSampler draws at once with replacement


Words = NDArray[np.uint64]
Shuffle = Callable[[Words, Words, Integers, int, int], None]
"""Fills in the orders of some epochs, from one to before another, of an array of shape (K, E, N), each row from a
generator of its own whose state, in words of 64 bits, moves on; and the state before the last of these epochs."""

Spread = Callable[[Callable[[int, int], object], int, int], None]
"""Does work on so many items, from one to before another at a time; the last number is how much there is to do."""


def one_by_one(work: Callable[[int, int], object], items: int, _size: int) -> None:
    """See `Spread`: without threads."""
    work(0, items)


@dataclass(frozen=True, slots=True, eq=False)
class OrderState:
    """The state of a sampler: from here on it can draw the order of the examples.

    Attributes:
        epoch: the next one to draw, from 0.
        generator: the state of the generator before it.
    """

    epoch: int
    generator: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where an order of the examples begins: at the start of a run, or where another one was broken off.

    Attributes:
        update, examples, epoch: how far the run had come by then.
        generator: the state that the order is drawn from; None: as it is seeded.
    """

    update: int = 0
    examples: int = 0
    epoch: float = 0.0
    generator: Tensor | None = None


START = Origin()


class Sampler:
    """The order of the examples of one run.

    With `shuffle`, the batches are exactly those of `DataLoader(dataset, batch_size, shuffle=True, drop_last=drop_last,
    generator=torch.Generator().manual_seed(seed))` with a fresh iterator each epoch. An exhausted epoch draws a base
    seed with `random_()`, one `randperm(N)` that is used, and a second one that RandomSampler discards. With
    `replacement`, they are those of the same loader given `RandomSampler(dataset, replacement=True, generator=...)`.

    Updates are counted from 1. Any update's batch can be asked for: generator states kept now and then let a past
    epoch be drawn again without disturbing the present one.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        sampling: Sampling,
        drop_last: bool,
        seed: int,
        origin: Origin = START,
        checkpoints: int = MOST_CHECKPOINTS,
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.origin = origin
        self._examples = examples
        self._sampling = sampling
        whole, rest = divmod(examples, batch_size)
        self.updates_per_epoch = whole if drop_last or not rest else whole + 1
        self.examples_per_epoch = whole * batch_size if drop_last else examples
        # before the next epoch, as a generator has it when it is asked
        self._live = torch.Generator().manual_seed(seed).get_state() if origin.generator is None else origin.generator
        self._begun = self._restored = self._after_past = OrderState(0, self._live)
        self._next_epoch = 0
        self._checkpoints = {0: self._begun.generator}
        self._checkpoint_every = max(1, _CHECKPOINT_WORK // examples)
        self._most_checkpoints = checkpoints
        self._orders: dict[int, Tensor] = {}
        self._base_seed = torch.empty((), dtype=torch.int64)  # of a loader's workers, drawn again each epoch

    def batch(self, update: int) -> Tensor:
        """The examples that an update uses, in order: int64, shape (batch size,), on the CPU."""
        epoch, begin = self.position_in_epoch(update)
        return self.order(epoch)[begin : begin + self.batch_size]

    def position_in_epoch(self, update: int) -> tuple[int, int]:
        """The epoch of an update, from 0 at the origin, and where in its order the update's batch begins."""
        epoch, updates_before = divmod(update - self.origin.update - 1, self.updates_per_epoch)
        return epoch, updates_before * self.batch_size

    def order(self, epoch: int) -> Tensor:
        """All N examples in the order of an epoch (from 0): int64, shape (N,)."""
        if (found := self._orders.get(epoch)) is not None:
            return found
        order = self._draw_live(epoch) if epoch >= self._next_epoch else self._draw_again(epoch)
        # the live epoch and one looked back at: more would be memory for nothing
        self._orders = {kept: self._orders[kept] for kept in list(self._orders)[-1:]} | {epoch: order}
        return order

    def orders(self, first: int, last: int, shuffle: Shuffle) -> Integers:
        """The orders of all epochs from one to another, int64, shape (epochs, N): new ones many at a time."""
        if first == last and (known := self._orders.get(first)) is not None:
            return known.numpy()[None]
        orders: Integers = np.empty((1, last + 1 - first, self._examples), np.int64)
        draw([self], first, orders, 0, shuffle)
        self._orders = {last: torch.from_numpy(orders[0, -1].copy())}
        own: Integers = orders[0]
        return own

    def at_once(self, epoch: int, shuffle: Shuffle) -> int:
        """How many epochs from one on can be drawn at once: before none of the others the state is to be kept."""
        if epoch != self._next_epoch or self._sampling != "shuffle" or self._examples > _MOST_SHUFFLED:
            return 0
        if not _draws_alike(shuffle):
            return 0
        self._keep_state()
        return self._checkpoint_every - epoch % self._checkpoint_every

    def examples_after(self, updates: Count) -> Count:
        """How many examples have been read after so many updates: a number, or an array of int64 of any shape."""
        since = updates - self.origin.update
        epochs, rest = since // self.updates_per_epoch, since % self.updates_per_epoch
        return self.origin.examples + epochs * self.examples_per_epoch + rest * self.batch_size

    def epochs_after(self, updates: Integers) -> NDArray[np.float64]:
        """The same in passes through the examples of an epoch."""
        since = self.examples_after(updates) - self.origin.examples
        return self.origin.epoch + since / self.examples_per_epoch

    def broken_off(self, update: int) -> Origin:
        """Where another order takes over after an update.

        What was drawn for the epoch under way stays drawn, as with a DataLoader whose iterator is dropped.
        """
        epoch, read = self.position_in_epoch(update + 1)
        generator = _generator_at(self._before(epoch))
        if read:
            self._draw(generator, read)
        epochs = float(self.epochs_after(np.array(update)))
        return Origin(update, self.examples_after(update), epochs, generator.get_state())

    def state(self, update: int) -> OrderState:
        """From where on the batches after so many updates can be drawn, if none beyond the next was asked for."""
        epoch, _ = self.position_in_epoch(update + 1)
        return self._begun if self._begun.epoch <= epoch else OrderState(epoch, self._before(epoch))

    def restore(self, state: OrderState) -> None:
        """Be able to draw from there on, without all the epochs before."""
        self._restored = state
        if state.epoch > self._next_epoch:
            self._begun, self._next_epoch, self._live = state, state.epoch, state.generator

    def _draw_live(self, epoch: int) -> Tensor:
        while True:
            self._keep_state()
            generator = _generator_at(self._live)
            order = self._draw(generator)
            self._live = generator.get_state()
            self._next_epoch += 1
            if self._next_epoch > epoch:
                return order

    def _keep_state(self) -> None:
        """Keep the state of the generator before the next epoch, until that after it or for good."""
        if self._begun.epoch != self._next_epoch:
            self._begun = OrderState(self._next_epoch, self._live)
        if self._next_epoch % self._checkpoint_every == 0:
            self._checkpoints[self._next_epoch] = self._begun.generator
        if len(self._checkpoints) > self._most_checkpoints:
            self._checkpoint_every *= 2
            every = self._checkpoint_every
            self._checkpoints = {epoch: one for epoch, one in self._checkpoints.items() if epoch % every == 0}

    def _draw_again(self, epoch: int) -> Tensor:
        generator = _generator_at(self._before(epoch))
        order = self._draw(generator)
        self._after_past = OrderState(epoch + 1, generator.get_state())  # the next one is likely to follow
        return order

    def _before(self, epoch: int) -> Tensor:
        """The state of the generator before an epoch that was drawn before."""
        checkpoint = max(known for known in self._checkpoints if known <= epoch)
        known = (OrderState(checkpoint, self._checkpoints[checkpoint]), self._restored, self._after_past)
        nearest = max((one for one in known if one.epoch <= epoch), key=lambda one: one.epoch)
        generator = _generator_at(nearest.generator)
        for _ in range(nearest.epoch, epoch):
            self._draw(generator)
        return generator.get_state()

    def _draw(self, generator: torch.Generator, read: int | None = None) -> Tensor:
        """Draw an epoch's order; or as much of it as so many examples need."""
        self._base_seed.random_(generator=generator)
        if self._sampling == "sequential":
            return torch.arange(self._examples)
        if self._sampling == "replacement":
            needed = self._examples if read is None else min(self._examples, _PIECE * math.ceil(read / _PIECE))
            return torch.randint(self._examples, (needed,), generator=generator)
        order = torch.randperm(self._examples, generator=generator)
        if read is None:
            torch.randperm(self._examples, generator=generator)
        return order


def _generator_at(state: Tensor) -> torch.Generator:
    """A generator in a state. Torch takes the memory of the whole of which the state may be a part: so it is a copy."""
    generator = torch.Generator()
    generator.set_state(state.clone())
    return generator


def draw(
    samplers: Sequence[Sampler],
    first: int,
    orders: Integers,
    known: int,
    shuffle: Shuffle,
    spread: Spread = one_by_one,
) -> None:
    """Fill in the orders of K samplers from an epoch on, shape (K, E, N), but for so many that are there: as many at
    a time as all of them can."""
    begin, epochs = known, orders.shape[1]
    while begin < epochs:
        end = min(epochs, begin + min(sampler.at_once(first + begin, shuffle) for sampler in samplers))
        if begin < end:
            _draw_at_once(samplers, orders, begin, end, shuffle, spread)
        else:
            for sampler, own in zip(samplers, orders, strict=True):
                own[begin] = sampler.order(first + begin).numpy()
        begin = max(begin + 1, end)


def _draw_at_once(
    samplers: Sequence[Sampler], orders: Integers, begin: int, end: int, shuffle: Shuffle, spread: Spread = one_by_one
) -> None:
    """Draw the next epochs of all samplers, to be some of those of an array."""
    live = torch.stack([sampler._live for sampler in samplers])
    before_last = torch.empty_like(live)
    words, words_before = (states.numpy().view(np.uint64) for states in (live, before_last))

    def work(low: int, high: int) -> None:
        shuffle(words[low:high], words_before[low:high], orders[low:high], begin, end)

    spread(work, len(samplers), (end - begin) * len(samplers) * orders.shape[2])
    for sampler, after, before in zip(samplers, live.unbind(), before_last.unbind(), strict=True):
        sampler._next_epoch += end - begin
        sampler._live, sampler._begun = after, OrderState(sampler._next_epoch - 1, before)


@cache
def _draws_alike(shuffle: Shuffle) -> bool:
    """Whether it makes the same of a generator's state as this version of torch, whose format is torch's own affair."""
    ours, theirs = (Sampler(5, 5, "shuffle", False, 0) for _ in range(2))
    if ours._live.nbytes != _STATE:
        return False
    orders = np.empty((1, 2, 5), np.int64)
    _draw_at_once([ours], orders, 0, 2, shuffle)
    return orders[0].tolist() == [theirs.order(epoch).tolist() for epoch in range(2)] and torch.equal(
        ours._live, theirs._live
    )
