"""A module whose parameters are views of one vector."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

ALIGNMENT = 64
"""Bytes, to a multiple of which torch aligns the memory of every tensor on a CPU."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where parameters lie in a vector.

    Each begins where a tensor of its own could, since a matrix product may sum in another order where one does not;
    single numbers, of no dimension, lie close together. What is left between them is zero in every vector: parameters,
    gradients, directions. An optimizer leaves it so, and neither a length nor a distance depends on it.

    Attributes:
        shapes: of the parameters, in order.
        begins: where each begins.
        length: of the vector, L: at least the number of parameters, P.
    """

    shapes: tuple[torch.Size, ...]
    begins: tuple[int, ...]
    length: int

    @classmethod
    def of(cls, parameters: Iterable[Tensor]) -> "Layout":
        """The layout of some parameters, all of one type."""
        shapes, begins, length = [], [], 0
        for parameter in parameters:
            step = ALIGNMENT // parameter.element_size() if parameter.ndim else 1
            begin = -(-length // step) * step
            shapes.append(parameter.shape)
            begins.append(begin)
            length = begin + parameter.numel()
        return cls(tuple(shapes), tuple(begins), length)

    def split(self, vector: Tensor) -> Iterator[Tensor]:
        """Views of a vector of shape (L,), one a parameter."""
        for shape, begin in zip(self.shapes, self.begins, strict=True):
            yield vector[begin : begin + shape.numel()].view(shape)

    def join(self, tensors: Sequence[Tensor]) -> Tensor:
        """A vector of shape (L,) that holds copies of tensors, one a parameter."""
        vector = tensors[0].new_zeros(self.length)
        for part, tensor in zip(self.split(vector), tensors, strict=True):
            part.copy_(tensor)
        return vector

    def occupied(self) -> Tensor:
        """Which elements of a vector are parameters: bool, shape (L,)."""
        return self.join([torch.ones(shape, dtype=torch.bool) for shape in self.shapes])


class FlatModel:
    """A module with its trainable parameters, and their gradients, in one vector each.

    The optimizer sees one parameter instead of many, the whole gradient has one norm, and a point of the parameter
    space is one vector. Elementwise optimizers give the same bits either way.

    Attributes:
        module: the module, whose parameters are views from here on.
        layout: where they lie.
        vector: all parameters, shape (L,); a leaf to optimise, whose `.grad` is `gradient`.
        gradient: all gradients, shape (L,).
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        parameters = [parameter for _, parameter in trainable(module)]
        self.layout = Layout.of(parameters)
        self.vector = nn.Parameter(self.layout.join([parameter.detach() for parameter in parameters]))
        self.gradient = torch.zeros_like(self.vector)
        self.vector.grad = self.gradient
        for parameter, value, slope in zip(
            parameters, self.layout.split(self.vector.data), self.layout.split(self.gradient), strict=True
        ):
            parameter.data = value
            parameter.grad = slope


def trainable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that descent changes, each once, by name."""
    return [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]


def call_at(module: nn.Module, vector: Tensor, inputs: Tensor) -> Tensor:
    """The module's output with its trainable parameters taken from a vector of shape (L,).

    As `torch.func.functional_call`, also for parameters, and modules, that are used several times: each use is
    named once, since naming a shared module twice would leave the vector's parts in it.
    """
    shared = [parameter for _, parameter in trainable(module)]
    parts = dict(zip(map(id, shared), Layout.of(shared).split(vector), strict=True))
    values = {
        f"{path}.{name}" if path else name: parts[id(parameter)]
        for path, part in module.named_modules()
        for name, parameter in part.named_parameters(recurse=False, remove_duplicate=False)
        if id(parameter) in parts
    }
    output: Tensor = functional_call(module, values, (inputs,), tie_weights=False)
    return output
