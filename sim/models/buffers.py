"""The buffers of a module: some are None until it is used, some are replaced by others, perhaps of another shape."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all that a module has, by name."""
    return {name: buffer.detach().clone() for name, buffer in module.named_buffers()}


@torch.no_grad()
def set_buffers(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Have a module hold copies of these buffers and no others; one that says the same stays.

    Some cannot be written to.
    """
    held = dict(module.named_buffers())
    for name in held.keys() | values.keys():
        buffer, value = held.get(name), values.get(name)
        if buffer is None or value is None or (buffer.shape, buffer.dtype) != (value.shape, value.dtype):
            owner, _, own_name = name.rpartition(".")
            module.get_submodule(owner).register_buffer(own_name, None if value is None else value.clone())
        elif not torch.equal(buffer, value):
            buffer.copy_(value)
