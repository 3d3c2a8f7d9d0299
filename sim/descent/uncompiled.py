"""torch.optim without torch.compile, which nothing here uses.

An optimizer's methods load it to say that they are not for it: with sympy and 800 modules more it takes half as long as
all of torch.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer

_METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@cache
def uncompiled(kind: type[Optimizer]) -> Callable[..., Optimizer]:
    """The same optimizer, whose methods are those beneath torch's wrappers; its updates are the same, bit for bit."""
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _METHODS}
    step: Any = torch.no_grad()(inspect.unwrap(kind.step))
    step.hooked = True  # else an optimizer wraps it for torch's profiler, which takes as long as the step
    return type(kind.__name__, (kind,), methods | {"step": step})
