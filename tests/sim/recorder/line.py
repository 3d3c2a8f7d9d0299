"""The model of two parameters whose loops are recorded."""

import torch
from torch import Tensor, nn


class Line(nn.Module):
    """A slope and an intercept, in 64 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.intercept = (nn.Parameter(torch.zeros((), dtype=torch.float64)) for _ in range(2))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.slope * inputs + self.intercept
