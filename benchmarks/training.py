"""What training costs: updates a second against a plain loop of PyTorch.

The mlp (64-64) on the digits at batch sizes 1, 32 and all, on the CPU. The plain loop is DataLoader, nn.Module and
torch.optim.SGD, and logs the loss with `.item()`; ours is the engine, which records every update and keeps the trail
on the plane besides. Neither evaluates the loss over all examples. The two take turns in one process, which also
asserts that the losses are those of the plain loop, bit for bit: on the one thread that the engine chooses for so small
a model, since more threads sum in another order.
"""

import itertools
import math
from collections import deque
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from benchmarks.turns import TURNS, Line, line, pace
from sim.data.table import load_bundled
from sim.engine import Engine
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.protocol.answers import Advanced
from sim.protocol.commands import Advance, Open

Size = int | Literal["all"]

THREADS = (1, 2)
SEED, LR = 0, 0.1
TARGETS: dict[Size, float] = {1: 1.0, 32: 1.4, "all": 4.0}
UPDATES: dict[Size, int] = {1: 1500, 32: 1000, "all": 60}
NEVER = 10**9


def plain_loop(batch_size: Size) -> Iterator[float]:
    """The batch loss of each update, for ever: what anybody would write."""
    table = load_bundled("digits")
    inputs = torch.tensor(table.inputs.reshape(-1, 1, 8, 8), dtype=torch.float32) / 16
    dataset = TensorDataset(inputs, torch.tensor(table.targets, dtype=torch.int64))
    train, _ = random_split(dataset, [1438, 359], generator=torch.Generator().manual_seed(SEED))
    torch.manual_seed(SEED)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), LR)
    size = len(train) if batch_size == "all" else batch_size
    loader = DataLoader(train, size, shuffle=True, generator=torch.Generator().manual_seed(SEED))
    while True:
        for batch, targets in loader:
            optimizer.zero_grad()
            loss = loss_of(model(batch), targets)
            loss.backward()
            optimizer.step()
            yield loss.item()


def engine_with(batch_size: Size) -> Engine:
    """An engine at update 0 of the same run."""
    engine = Engine()
    run = RunConfig("run", batch_size, lr=LR, loss_every=NEVER)
    engine.ask(Open(Experiment(ModelConfig(), runs=(run,), seed=SEED, device="cpu")))
    return engine


def advance(engine: Engine, updates: int) -> list[float]:
    """The batch losses of the next updates."""
    answer = engine.ask(Advance(updates, math.inf, math.inf))
    assert isinstance(answer, Advanced), answer
    return list(np.asarray(answer.rows["batch_loss"]))


def measure(batch_size: Size) -> Line:
    """The line of a batch size."""
    updates, threads = UPDATES[batch_size], torch.get_num_threads()
    engine, loop = engine_with(batch_size), plain_loop(batch_size)
    engine_threads = torch.get_num_threads()
    first = advance(engine, updates)  # warms up, too
    assert first == list(itertools.islice(plain_loop(batch_size), updates)), "the losses differ"
    ours, theirs = [], []
    for _ in range(TURNS):
        torch.set_num_threads(engine_threads)
        ours.append(pace(lambda count: advance(engine, count), updates))
        torch.set_num_threads(threads)
        theirs.append(pace(lambda count: deque(itertools.islice(loop, count), maxlen=0), updates))
    return line(f"mlp, batch size {batch_size}", ours, theirs, goal=TARGETS[batch_size])


def lines() -> Iterator[Line]:
    """Each batch size."""
    return map(measure, TARGETS)
