"""What the tests of real models share: problems, and the loop that anybody would write."""

import itertools
import math
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import sklearn.datasets
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

from sim.engine import Engine
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.models.build import model_problem
from sim.models.problem import Problem
from sim.protocol.answers import Advanced, Failed, Opened
from sim.protocol.commands import Advance, Open, Retention
from tests.sim.one_run import OneRun

BATCH_NORM = """
    from torch import nn

    def model():
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10)
        )
"""
DROPOUT = BATCH_NORM.replace("nn.BatchNorm1d(16), ", "")

LINEAR = """
    import torch
    from torch import nn

    def model():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""
FORWARD = """
    import sys
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.calls = nn.Linear(64, 10), 0

        def forward(self, inputs):
            self.calls += 1
            {body}
            return self.layer(inputs.flatten(1))

    def model():
        return Model()
"""


def problem_of(device: str, seed: int = 0, **fields: Any) -> Problem:
    """A model's problem as the engine makes it."""
    return model_problem(ModelConfig(**fields), seed, torch.device(device))


def descent_of(problem: Problem, run: RunConfig, **fields: Any) -> OneRun:
    """A run at its start, at the problem's own rate where it names none."""
    return OneRun(problem, run, rate=None, **fields)


def opened(experiment: Experiment, retention: Retention | None = None) -> tuple[Engine, Opened]:
    """An engine with an experiment open."""
    engine = Engine()
    answer = engine.ask(Open(experiment, retention or Retention()))
    assert isinstance(answer, Opened), answer
    return engine, answer


def advanced(engine: Engine, moments: int = 10, span: float = math.inf, budget: float = 60.0) -> Advanced:
    """What the runs did in so many moments."""
    answer = engine.ask(Advance(moments, span, budget))
    assert isinstance(answer, Advanced), answer
    return answer


def refused(device: str, **fields: Any) -> Failed:
    """The answer to opening an experiment that cannot be."""
    answer = Engine().ask(Open(Experiment(ModelConfig(**fields), device=device)))
    assert isinstance(answer, Failed), answer
    return answer


def own_file(folder: Path, text: str, name: str = "own.py") -> str:
    """A file with a model of the user's own."""
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return str(path)


@cache
def digits() -> TensorDataset:
    """scikit-learn's digits as images from 0 to 1."""
    data = sklearn.datasets.load_digits()
    images = torch.tensor(data.images[:, None] / 16, dtype=torch.float32)
    return TensorDataset(images, torch.tensor(data.target, dtype=torch.int64))


def digits_mlp() -> nn.Module:
    """The mlp (64-64), written out."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def training_part(dataset: "Dataset[Any]", fraction: float = 0.2, seed: int = 0) -> "Dataset[Any]":
    """The part that is left for training by torch's own split."""
    if not fraction:
        return dataset
    examples = len(dataset)  # type: ignore[arg-type]
    test = round(examples * fraction)
    return random_split(dataset, [examples - test, test], generator=torch.Generator().manual_seed(seed))[0]


def plain_loop(
    train: "Dataset[Any]",
    make_model: Callable[[], nn.Module],
    loss_of: nn.Module,
    make_optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer],
    batch_size: int,
    updates: int,
    device: str,
    seed: int = 0,
) -> tuple[list[float], nn.Module]:
    """What anybody would write: the loss of each batch, and the model after so many updates."""
    generator = torch.Generator().manual_seed(seed)
    loader: DataLoader[Any] = DataLoader(train, batch_size, shuffle=True, generator=generator)
    torch.manual_seed(seed)
    model = make_model().to(device)
    optimizer = make_optimizer(model.parameters())
    losses = []
    epochs = itertools.chain.from_iterable(iter(loader) for _ in itertools.count())
    for inputs, targets in itertools.islice(epochs, updates):
        optimizer.zero_grad()
        loss = loss_of(model(inputs.to(device)), targets.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, model


def flat(model: nn.Module) -> Tensor:
    """All parameters end to end, on the CPU."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()]).cpu()
