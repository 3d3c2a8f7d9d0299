"""Records runs, each in a process of its own that is killed at a seeded moment: `python -m tests.tui.killed FOLDER`."""

import gc
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from sim.experiment.config import Experiment, Limit
from sim.experiment.journal import ClockChange, Fork, Removal, RunChange
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.protocol.answers import Answer
from sim.protocol.commands import Advance, Command, Open, Retention, Save
from sim.recording import writer as writing
from sim.recording.writer import Writer
from tui.session.link import InlineLink

LIMIT = Limit("updates", 20)
CHANGES = (
    ClockChange(4, "examples"),
    RunChange(7, "batch", {"lr": 0.05}),
    Fork(10, "mini-batch", 3, {"name": "small", "batch_size": 8}),
    Removal(16, "stochastic"),
)
EXPERIMENTS = (
    Experiment(ProblemConfig("sine"), backend="torch", limit=LIMIT, changes=CHANGES),
    Experiment(ModelConfig("mlp", dataset="iris", hidden=(4,)), limit=LIMIT, changes=CHANGES),
    Experiment(backend="torch", clock="examples", limit=LIMIT),
)
KILLED = 50


def which(number: int) -> int:
    """Which of the experiments the process of a number runs: the model, which takes longest, least often."""
    return (0, 2, 0, 2, 0, 1)[number % 6]


@dataclass(frozen=True)
class Opened:
    """An experiment that is open: the command that opened it, the answer, and the engine to go on with."""

    command: Open
    answer: Answer
    ask: Callable[[Command], Answer]


def _opened(experiment: Experiment) -> Opened:
    command, ask = Open(experiment, Retention()), InlineLink().ask
    return Opened(command, ask(command), ask)


def _record(opened: Opened, path: Path, progress: int) -> None:
    """Run and record, with a byte for each moment, until somebody ends it."""
    writing._EVERY = 0.003  # so often that the end comes in the midst of writing, too
    ask, save, writer = opened.ask, Save(0.02), Writer(path)
    writer.take(opened.command, opened.answer)
    writer.take(save, ask(save))
    with writer._changed:
        writer._changed.wait_for(lambda: not writer._waiting)
    while True:
        command = Advance(1, float("inf"), 1.0)
        writer.take(command, ask(command))
        os.write(progress, b".")


def _run_and_kill(number: int, opened: Opened, folder: Path) -> None:
    moments = random.Random(number).randrange(30)
    come, progress = os.pipe()
    process = os.fork()
    if not process:
        os.close(come)  # else it would go on for ever where nobody reads any more
        try:
            _record(opened, folder / f"{number}.gdsim", progress)
        finally:
            os._exit(1)
    os.close(progress)
    for _ in range(moments + 1):
        assert os.read(come, 1), "it ended by itself"
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(come)


if __name__ == "__main__":
    torch.set_num_threads(1)  # no thread may be lost with a fork
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])  # the first one imports much
    opened = [_opened(experiment) for experiment in EXPERIMENTS]
    gc.freeze()  # what no fork looks through for garbage none has to copy
    for number in range(KILLED):
        _run_and_kill(number, opened[which(number)], Path(sys.argv[1]))
