"""The order of the examples, held against torch's DataLoader."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler

from sim.descent.sampling import Sampler, draw
from sim.experiment.choices import SAMPLINGS
from sim.kernels.shuffling import shuffle


def loader_batches(examples, batch_size, sampling, drop_last, seed):
    """Batches of indices of a plain DataLoader, a fresh iterator each epoch, for ever."""
    generator = torch.Generator().manual_seed(seed)
    dataset = torch.arange(examples)
    how = {
        "shuffle": {"shuffle": True},
        "sequential": {"shuffle": False},
        "replacement": {"sampler": RandomSampler(dataset, replacement=True, generator=generator)},
    }
    loader = DataLoader(dataset, batch_size, drop_last=drop_last, generator=generator, **how[sampling])
    while True:
        yield from loader


CASES = [
    (examples, batch_size, sampling, drop_last, seed)
    for sampling in SAMPLINGS
    for examples, batch_size, drop_last, seed in (
        (10, 3, False, 0),
        (10, 3, True, 1),
        (64, 32, False, 2),
        (45, 45, False, 3),
        (45, 1, False, 4),
        (7, 7, True, 5),
    )
]


@pytest.mark.parametrize(("examples", "batch_size", "sampling", "drop_last", "seed"), CASES)
def test_batches_are_those_of_a_dataloader(examples, batch_size, sampling, drop_last, seed):
    sampler = Sampler(examples, batch_size, sampling, drop_last, seed)
    updates = 5 * sampler.updates_per_epoch
    expected = islice(loader_batches(examples, batch_size, sampling, drop_last, seed), updates)
    for update, batch in enumerate(expected, start=1):
        assert sampler.batch(update).tolist() == batch.tolist()


def test_past_batches_are_drawn_again_without_disturbing_the_present():
    sampler = Sampler(10_000, 2_500, "shuffle", False, 7)  # few epochs between kept generator states
    there = [sampler.batch(update).tolist() for update in range(1, 101)]
    for update in (1, 100, 57, 2, 99, 30):
        assert sampler.batch(update).tolist() == there[update - 1]
    ahead = [sampler.batch(update).tolist() for update in range(101, 111)]
    fresh = Sampler(10_000, 2_500, "shuffle", False, 7)
    assert [fresh.batch(update).tolist() for update in range(101, 111)] == ahead


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("examples", [1, 2, 45, 1000])
def test_orders_that_are_drawn_many_at_a_time_are_those_of_a_dataloader(examples, sampling):
    sampler = Sampler(examples, examples, sampling, False, 5, checkpoints=4)
    expected = [batch.tolist() for batch in islice(loader_batches(examples, examples, sampling, False, 5), 240)]
    first = 0
    for epochs in (1, 2, 1, 70, 5, 150):  # those that begin with the last one of those before
        assert sampler.orders(first, first + epochs - 1, shuffle).tolist() == expected[first : first + epochs]
        state, fresh = sampler.state(first + epochs), Sampler(examples, examples, sampling, False, 5)
        fresh.restore(state)
        assert fresh.order(first + epochs).tolist() == expected[first + epochs]
        first += epochs - 1
    assert sampler.order(17).tolist() == expected[17]
    assert sampler.order(first + 1).tolist() == expected[first + 1]


@pytest.mark.parametrize("ahead", [(), (0,), (0, 1, 2)])
def test_orders_of_many_samplers_are_those_of_a_dataloader_each_wherever_they_stand(ahead):
    samplers = [Sampler(45, 45, "shuffle", False, seed, checkpoints=4) for seed in range(3)]
    for seed in ahead:
        samplers[seed].order(5)
    loaders = [loader_batches(45, 45, "shuffle", False, seed) for seed in range(3)]
    expected = [[batch.tolist() for batch in islice(loader, 70)] for loader in loaders]
    orders = np.empty((3, 60, 45), np.int64)
    orders[:, 0] = [order[3] for order in expected]
    for sampler in samplers:
        sampler.order(3)
    draw(samplers, 3, orders, 1, shuffle)
    assert orders.tolist() == [order[3:63] for order in expected]
    assert [sampler.order(63).tolist() for sampler in samplers] == [order[63] for order in expected]


def test_past_orders_that_follow_one_another_are_drawn_once_each(monkeypatch):
    sampler, expected = Sampler(45, 45, "shuffle", False, 5), loader_batches(45, 45, "shuffle", False, 5)
    sampler.order(1400)
    drawn, draw = [], Sampler._draw
    monkeypatch.setattr(Sampler, "_draw", lambda *arguments: drawn.append(1) or draw(*arguments))
    there = [sampler.order(epoch).tolist() for epoch in range(1, 1001)]
    assert there == [batch.tolist() for batch in islice(expected, 1, 1001)]
    assert len(drawn) <= 1001


def test_orders_are_a_dataloader_s_where_torch_draws_otherwise_than_is_known():
    def unlike(_live, _before_last, orders, *_epochs):
        orders[:] = 0

    sampler, loader = Sampler(45, 45, "shuffle", False, 5), loader_batches(45, 45, "shuffle", False, 5)
    assert sampler.orders(0, 9, unlike).tolist() == [batch.tolist() for batch in islice(loader, 10)]


@pytest.mark.parametrize(("drop_last", "per_epoch"), [(False, 10), (True, 9)])
def test_counting_examples(drop_last, per_epoch):
    sampler = Sampler(10, 3, "shuffle", drop_last, 0)
    sizes = [len(sampler.batch(update)) for update in range(1, 30)]
    assert sampler.examples_after(np.arange(1, 30)).tolist() == np.cumsum(sizes).tolist()
    assert sampler.examples_per_epoch == per_epoch
