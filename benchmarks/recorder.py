"""What recording a loop of one's own costs: the loop with `sim.recorder`, and beside it, at the same time, without.

The mlp (64-64) on the digits at a batch size of 32, on one thread of the CPU: DataLoader, nn.Module, torch.optim.SGD,
each turn a loop of its own from its first update on. A machine is not equally fast from one second to the next, so that
the two run at once, in a process and on a core each; they change processes after each turn, and cores after each other
one. The time is that which the process, with the thread that writes, had of the processor; beginning and ending a
recording are beside it, since they do not grow with the loop. It asserts that the parameters at the end are the same,
bit for bit.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.turns import Line, line
from sim.data.table import load_bundled
from sim.recorder import Recorder

THREADS = (1,)
UPDATES, TURNS, BATCH_SIZE, GOAL = 12_000, 16, 32, 1.05


def loop(dataset: TensorDataset, path: Path | None) -> tuple[float, bytes]:
    """Microseconds of an update, and the bits of the parameters at the end."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)
    loader, update = DataLoader(dataset, BATCH_SIZE, shuffle=True), 0
    recorder = None if path is None else Recorder(path, model, optimizer, loss=loss_of, data=dataset)
    with recorder or nullcontext():
        began = time.process_time()
        while update < UPDATES:
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = loss_of(model(inputs), targets)
                loss.backward()
                optimizer.step()
                batch_loss = loss.item()  # as anybody would log it
                if recorder is not None:
                    recorder.update(batch_loss, len(inputs))
                update += 1
        spent = time.process_time() - began
    return spent / update * 1e6, nn.utils.parameters_to_vector(model.parameters()).detach().numpy().tobytes()


def turns(index: int, together: Barrier, answer: Connection) -> None:
    """The loop, as often as there are turns; a process of its own, the first or the second."""
    torch.set_num_threads(1)
    table = load_bundled("digits")
    inputs = torch.tensor(table.inputs.reshape(-1, 1, 8, 8), dtype=torch.float32) / 16
    dataset = TensorDataset(inputs, torch.tensor(table.targets, dtype=torch.int64))
    cores = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS + 1):  # the first is the warm-up
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, {cores[(turn // 2 + index) % len(cores)]})
            together.wait()
            recorded = (turn + index) % 2 == 0
            answer.send((recorded, *loop(dataset, Path(folder, f"{turn}.gdsim") if recorded else None)))


def lines() -> Iterator[Line]:
    """The loop with the recorder, against the one without."""
    processes = multiprocessing.get_context("spawn")
    together, answers = processes.Barrier(2), list[Connection]()
    for index in range(2):
        here, there = processes.Pipe()
        processes.Process(target=turns, args=(index, together, there), daemon=True).start()
        there.close()
        answers.append(here)
    found = [sorted((answer.recv() for answer in answers), reverse=True) for _ in range(TURNS + 1)][1:]
    assert all(ended == expected for (*_, ended), (*_, expected) in found), "the recorder changed the loop"
    ours, peer = zip(*([spent for _, spent, _ in turn] for turn in found), strict=True)
    yield line("mlp on digits, batches of 32", ours, peer, "us", GOAL, at_most=True)
