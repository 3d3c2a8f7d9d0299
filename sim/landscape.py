"""The loss over all examples as a function of the parameters: at one place, its gradient there, on a grid."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, vmap

from sim.experiment import Window
from sim.flat import named_views
from sim.problem import Problem

_GRID_WORK = 2_000_000  # outputs held at once: about 16 MB of float64


def loss_at(problem: Problem, vector: Tensor, examples: Tensor | None = None) -> Tensor:
    """The loss at the parameters `vector`, shape (P,), over all examples or those given (int64, shape (B,))."""
    inputs = problem.inputs if examples is None else problem.inputs[examples]
    targets = problem.targets if examples is None else problem.targets[examples]
    output = functional_call(problem.model, named_views(problem.model, vector), (inputs,))
    return problem.loss(output, targets)


def gradient_at(problem: Problem, vector: Tensor, examples: Tensor | None = None) -> Tensor:
    """The gradient of `loss_at` with respect to the vector, shape (P,)."""
    vector = vector.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_at(problem, vector, examples), vector)
    return gradient


def grid(window: Window, columns: int, rows: int) -> NDArray[np.float64]:
    """The centres of a window's cells, top row first: shape (rows, columns, 2)."""
    xs = window.left + (np.arange(columns) + 0.5) * ((window.right - window.left) / columns)
    ys = window.top - (np.arange(rows) + 0.5) * ((window.top - window.bottom) / rows)
    return np.stack(np.meshgrid(xs, ys), axis=-1)


def survey(problem: Problem, window: Window, columns: int, rows: int) -> NDArray[np.float64]:
    """The loss over all examples at the centres of a window's cells: shape (rows, columns), top row first.

    What is no number counts as infinite.
    """
    places = torch.as_tensor(grid(window, columns, rows).reshape(-1, 2)).to(problem.inputs)
    at_places = vmap(lambda vector: loss_at(problem, vector), chunk_size=max(1, _GRID_WORK // problem.examples))
    with torch.no_grad():
        losses = at_places(places)
    return (
        torch.nan_to_num(losses, nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
        .reshape(rows, columns)
        .cpu()
        .numpy()
        .astype(np.float64)
    )
