"""Where the numbers are computed."""

import torch

from sim.experiment import ConfigError


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


def describe(device: torch.device) -> str:
    """The device in words for the screen."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
