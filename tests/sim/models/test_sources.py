"""Where batches come from, held against torch's own DataLoader."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sim.descent.batches import LoadedBatches
from sim.descent.sampling import Sampler
from sim.models.sources import DatasetSource, Pass, Source, TensorSource


class Squares(Dataset[tuple[Tensor, int]]):
    """Examples that are made one by one."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.tensor([index, index**2], dtype=torch.float32), index % 3


def sources(device: str) -> dict[str, Source]:
    inputs = torch.stack([Squares()[index][0] for index in range(23)])
    targets = torch.arange(23) % 3
    where = torch.device(device)
    return {
        "dataset": DatasetSource(Squares(), where),
        "tensors": TensorSource(inputs, targets, where, torch.float32),
        "whole numbers": TensorSource(inputs.long(), targets, where, torch.float32),
    }


def oracle(chosen: Tensor | None, drop_last: bool) -> list[list[Tensor]]:
    """Three epochs of a plain loader over the same examples."""
    dataset = TensorDataset(torch.stack([Squares()[i][0] for i in range(23)]), torch.arange(23) % 3)
    part = dataset if chosen is None else torch.utils.data.Subset(dataset, chosen.tolist())
    generator = torch.Generator().manual_seed(4)
    loader = DataLoader(part, 5, shuffle=True, drop_last=drop_last, generator=generator)
    return [batch for _ in range(3) for batch in loader]


@pytest.mark.parametrize("kind", ["dataset", "tensors", "whole numbers"])
@pytest.mark.parametrize("workers", [0, 2])
def test_loaded_batches_are_those_of_a_plain_loader(device: str, kind: str, workers: int) -> None:
    source = sources(device)[kind]
    for chosen, drop_last in itertools.product((None, torch.arange(1, 23, 2)), (False, True)):
        if workers and drop_last:
            continue
        sampler = Sampler(23 if chosen is None else 11, 5, "shuffle", drop_last, 4)
        loaded = LoadedBatches(source, sampler, chosen, workers)
        for update, (inputs, targets) in enumerate(oracle(chosen, drop_last), start=1):
            found = loaded.batch(update)
            assert torch.equal(found[0].cpu(), inputs)
            assert torch.equal(found[1].cpu(), targets)
            examples = sampler.batch(update)
            taken = source.take(examples if chosen is None else chosen[examples])
            assert torch.equal(taken[0].cpu(), inputs)
            assert taken[0].device.type == device


def test_loading_may_begin_and_go_on_at_any_update(device: str) -> None:
    expected = oracle(None, False)
    loaded = LoadedBatches(sources(device)["tensors"], Sampler(23, 5, "shuffle", False, 4), None, 0)
    for update in (7, 8, 2, 3, 15):
        assert torch.equal(loaded.batch(update)[0].cpu(), expected[update - 1][0])


def test_a_loader_draws_nothing_from_the_models_random_state(device: str) -> None:
    before = torch.get_rng_state()
    LoadedBatches(sources(device)["dataset"], Sampler(23, 5, "shuffle", False, 4), None, 0).batch(1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", ["dataset", "tensors"])
@pytest.mark.parametrize("chunk_size", [1, 4, 100])
def test_a_pass_goes_through_all_examples_in_their_order(kind: str, chunk_size: int, device: str) -> None:
    chosen = torch.tensor([5, 3, 22, 0, 7, 11])
    whole = Pass(sources(device)[kind], chosen, chunk_size)
    for _ in range(2):
        inputs = torch.cat([batch for batch, _ in whole])
        assert inputs[:, 0].tolist() == chosen.tolist()
    assert max(len(batch) for batch, _ in whole) <= chunk_size
    assert torch.cat([batch for batch, _ in whole.some(4)])[:, 0].tolist() == [5, 3, 0, 7]
    assert len(whole) == 6
