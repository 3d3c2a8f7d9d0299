"""Where the numbers are computed."""

import torch

from sim.experiment.errors import ConfigError

ALL_THREADS = torch.get_num_threads()
_THREADED_WORK = 50_000_000


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is a CUDA device if there is one, else the CPU.

    Raises:
        ConfigError: if there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda"):
        here = torch.cuda.device_count() if torch.cuda.is_available() else 0
        # compared as text: torch takes cuda:257 for cuda:1
        if not here or name not in ("cuda", *(f"cuda:{number}" for number in range(here))):
            raise ConfigError(f"There is no {name} here ({here} CUDA devices); use --device cpu.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("There is no mps device here; use --device cpu.")
    return torch.device(name)


def use_threads_for(work: float) -> None:
    """Let torch use all threads for so many multiplications in one go, or a single one where they are few.

    Waiting for each other costs threads more than a small batch takes: 30 times as long where another process, such
    as the screen, has one of two cores.
    """
    torch.set_num_threads(ALL_THREADS if work > _THREADED_WORK else 1)


def describe(device: torch.device) -> str:
    """The device in words for the screen."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
