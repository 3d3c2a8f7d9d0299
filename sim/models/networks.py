"""The models that come with gdsim."""

import math
from itertools import pairwise

import torch
from torch import nn

from sim.experiment.errors import ConfigError
from sim.experiment.memory import require_memory

_SMALLEST_IMAGE = 4  # pixels a side, which two poolings leave 1 of


def mlp(shape: tuple[int, ...], hidden: tuple[int, ...], outputs: int) -> nn.Module:
    """A multi-layer perceptron with ReLU, for inputs of shape (N, *shape).

    Raises:
        ConfigError: if memory is too small for it and one run, which has a copy of its own and a gradient.
    """
    sizes = (math.prod(shape), *hidden)
    parameters = sum((size + 1) * following for size, following in pairwise((*sizes, outputs)))
    units = ",".join(map(str, hidden))
    require_memory(f"A model with --hidden {units} and a run of it", 3 * parameters * torch.float32.itemsize)
    layers: list[nn.Module] = [nn.Flatten()]
    for size, following in pairwise(sizes):
        layers += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))


def cnn(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Two convolutions of 16 and 32 filters with ReLU and pooling, then a linear layer, for inputs (N, C, H, W).

    Raises:
        ConfigError: for inputs that are no images.
    """
    if len(shape) != 3 or min(shape[1:]) < _SMALLEST_IMAGE:
        found = ", ".join(map(str, ("N", *shape)))
        raise ConfigError(f"A cnn needs images of shape (N, C, H, W), 4 x 4 at least; these inputs are ({found}).")
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), outputs),
    )
