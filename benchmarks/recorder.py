"""What recording a loop of one's own costs: the loop with and without `sim.recorder`, taking turns.

The mlp (64-64) on the digits at a batch size of 32, on one thread of the CPU: DataLoader, nn.Module, torch.optim.SGD,
each turn a loop of its own from its first update on. The time is that which the process, with the thread that writes,
had of the processor; beginning and ending a recording are beside it, since they do not grow with the loop. Asserts that
the parameters at the end are the same, bit for bit. Prints the median ratio of the turns, their range, and the ratio of
the fastest ones.

    python benchmarks/recorder.py
"""

import statistics
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from sim.data.table import load_bundled
from sim.recorder import Recorder

UPDATES, TURNS, BATCH_SIZE, TARGET = 4000, 15, 32, 1.05


def loop(dataset: TensorDataset, path: Path | None) -> tuple[float, float, Tensor]:
    """Processor seconds for the updates, and seconds for what is beside them, and the parameters at the end."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)
    loader = DataLoader(dataset, BATCH_SIZE, shuffle=True)
    opened, update = time.perf_counter(), 0
    recorder = None if path is None else Recorder(path, model, optimizer, loss=loss_of, data=dataset)
    with recorder or nullcontext():
        began, beside = time.process_time(), time.perf_counter() - opened
        while update < UPDATES:
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = loss_of(model(inputs), targets)
                loss.backward()
                optimizer.step()
                if recorder is None:
                    loss.item()  # as anybody would log it
                else:
                    recorder.update(loss.item(), len(inputs))
                update += 1
        spent, closed = time.process_time() - began, time.perf_counter()
    beside += time.perf_counter() - closed
    return spent, beside, nn.utils.parameters_to_vector(model.parameters()).detach()


def main() -> None:
    """Take turns, and print a line."""
    torch.set_num_threads(1)
    table = load_bundled("digits")
    inputs = torch.tensor(table.inputs.reshape(-1, 1, 8, 8), dtype=torch.float32) / 16
    dataset = TensorDataset(inputs, torch.tensor(table.targets, dtype=torch.int64))
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    plain, recorded, beside = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            seconds, _, expected = loop(dataset, None)
            plain.append(seconds)
            seconds, more, found = loop(dataset, Path(folder, f"{turn}.gdsim"))
            assert torch.equal(found, expected), "the recorder changed the loop"
            recorded.append(seconds)
            beside.append(more)
    ratios = [mine / theirs for mine, theirs in zip(recorded, plain, strict=True)]
    print(f"{UPDATES:,} updates with the recorder take {statistics.median(ratios):.3f} times as long as without")
    print(f"of all turns: {min(ratios):.3f} to {max(ratios):.3f}; target: at most {TARGET}")
    print(f"the fastest turn of each: {min(recorded) / min(plain):.3f}, which other programs disturb least")
    print(f"beginning and ending beside that: {statistics.median(beside):.1f} s")


if __name__ == "__main__":
    main()
