"""Where the numbers are computed."""

import torch

from sim.experiment.errors import ConfigError

_ALL_THREADS = torch.get_num_threads()
_THREADED_WORK = 50_000_000


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is a CUDA device if there is one, else the CPU.

    Raises:
        ConfigError: if there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        raise ConfigError(f"There is no {name} here ({torch.cuda.device_count()} CUDA devices); use --device cpu.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("There is no mps device here; use --device cpu.")
    return device


def use_threads_for(work: float) -> None:
    """Let torch use all threads for so many multiplications in one go, or a single one where they are few.

    Waiting for each other costs threads more than a small batch takes: 30 times as long where another process, such
    as the screen, has one of two cores.
    """
    torch.set_num_threads(_ALL_THREADS if work > _THREADED_WORK else 1)


def describe(device: torch.device) -> str:
    """The device in words for the screen."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
