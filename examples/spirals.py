"""A model of one's own: two spirals to distinguish, a problem that no straight line solves.

gdsim looks in this file for a function that returns the model (`model`, or the one named after a colon), and beside it
for `data()` and `loss(output, target)`, which may both be left out.

    gdsim --model examples/spirals.py --optimizer adam --lr 0.01
    gdsim --model examples/spirals.py:deep --clock seconds --momentum 0.9
"""

import math

import torch
from torch import Tensor, nn


def data() -> tuple[Tensor, Tensor]:
    """600 points of the plane, and for each the spiral that it lies on: shapes (600, 2) and (600,)."""
    generator = torch.Generator().manual_seed(0)  # the same points for every seed of the model
    arm = torch.arange(600) % 2
    turn = 3 * torch.rand(600, generator=generator).sqrt()
    angle = math.pi * (turn + arm)
    points = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 3
    points += 0.02 * torch.randn(600, 2, generator=generator)
    return points, arm  # whole numbers are classes, so that accuracy is shown, too


def model() -> nn.Module:
    """Made once, right after torch.manual_seed(seed); every run starts from a copy."""
    return nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def deep() -> nn.Module:
    """The same with another layer, and with dropout."""
    hidden = [nn.Linear(32, 32), nn.Tanh(), nn.Dropout(0.1)]
    return nn.Sequential(nn.Linear(2, 32), nn.Tanh(), *hidden, nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def loss(output: Tensor, target: Tensor) -> Tensor:
    """The mean over the batch."""
    return nn.functional.binary_cross_entropy_with_logits(output[:, 0], target.float())
