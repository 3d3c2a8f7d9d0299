"""A module whose parameters are views of one vector."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call


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


def call_at(module: nn.Module, vector: Tensor, inputs: Tensor) -> Tensor:
    """The module's output with its trainable parameters taken from a vector of shape (P,).

    As `torch.func.functional_call`, also for parameters, and modules, that are used in several places: each place is
    named once, since naming a shared module twice would leave the vector's parts in it.
    """
    shared = [parameter for _, parameter in trainable(module)]
    parts = dict(zip(map(id, shared), split(vector, [parameter.shape for parameter in shared]), strict=True))
    places = {
        f"{path}.{name}" if path else name: parts[id(parameter)]
        for path, part in module.named_modules()
        for name, parameter in part.named_parameters(recurse=False, remove_duplicate=False)
        if id(parameter) in parts
    }
    output: Tensor = functional_call(module, places, (inputs,), tie_weights=False)
    return output
