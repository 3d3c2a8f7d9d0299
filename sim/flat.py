"""A module whose parameters are views of one vector."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn


class FlatModel:
    """A module with its trainable parameters, and their gradients, laid end to end.

    The optimizer sees one parameter instead of many, the whole gradient has one norm, and a place in parameter space
    is one vector. Elementwise optimizers give the same bits either way.

    Attributes:
        module: the module, whose parameters are views from here on.
        vector: all parameters, shape (P,); a leaf to optimise, whose `.grad` is `gradient`.
        gradient: all gradients, shape (P,).
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        named = trainable(module)
        self.vector = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for _, parameter in named]))
        self.gradient = torch.zeros_like(self.vector)
        self.vector.grad = self.gradient
        shapes = [parameter.shape for _, parameter in named]
        for (_, parameter), value, slope in zip(
            named, split(self.vector.data, shapes), split(self.gradient, shapes), strict=True
        ):
            parameter.data = value
            parameter.grad = slope


def trainable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that descent changes, each once, by name."""
    return [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]


def split(vector: Tensor, shapes: list[torch.Size]) -> Iterator[Tensor]:
    """Views of a vector of shape (P,), one a shape, in order."""
    begin = 0
    for shape in shapes:
        end = begin + shape.numel()
        yield vector[begin:end].view(shape)
        begin = end


def named_views(module: nn.Module, vector: Tensor) -> dict[str, Tensor]:
    """The vector cut into the module's parameters, for `torch.func.functional_call`."""
    named = trainable(module)
    return dict(zip([name for name, _ in named], split(vector, [p.shape for _, p in named]), strict=True))
