"""What we say of the three clocks, of a real model in plain loops: a few seeds of the mlp on the wines."""

import pytest
import sklearn.datasets
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import TensorDataset, random_split

from tests.sim.real_models import plain_loop

TRAIN, TEST = 142, 36


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))


def loss_after(batch_size: int, updates: int, seed: int) -> float:
    """The loss over all training examples after so many updates of plain descent."""
    data = sklearn.datasets.load_wine()
    part, _ = random_split(range(TRAIN + TEST), [TRAIN, TEST], torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
    inputs = StandardScaler().fit_transform(data.data[part.indices])
    train = TensorDataset(torch.tensor(inputs, dtype=torch.float32), torch.tensor(data.target[part.indices]))
    loss_of = nn.CrossEntropyLoss()
    _, model = plain_loop(
        train, mlp, loss_of, lambda parameters: torch.optim.SGD(parameters, 0.1), batch_size, updates, "cpu", seed
    )
    return loss_of(model(train.tensors[0]), train.tensors[1]).item()


@pytest.mark.parametrize("seed", range(3))
def test_per_update_a_mini_batch_goes_with_batch_descent_and_stochastic_descent_lags(seed: int) -> None:
    batch, mini_batch, stochastic = (loss_after(size, 100, seed) for size in (TRAIN, 32, 1))
    assert mini_batch == pytest.approx(batch, rel=0.1)
    assert stochastic > max(batch, mini_batch)


@pytest.mark.parametrize("seed", range(3))
def test_per_example_the_smaller_a_batch_the_further_it_is_after_an_epoch(seed: int) -> None:
    batch, mini_batch, stochastic = (loss_after(size, -(-TRAIN // size), seed) for size in (TRAIN, 32, 1))
    assert stochastic < 0.3 * mini_batch < mini_batch < batch
