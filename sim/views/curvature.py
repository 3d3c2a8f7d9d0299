"""How the loss of two parameters curves: what tells a minimum from a saddle and from a plateau."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, func, nn

from sim.models.evaluation import evaluating
from sim.models.flat import call_at
from sim.models.problem import Problem


def hessian(problem: Problem, module: nn.Module, place: Sequence[float]) -> Tensor:
    """The exact second derivatives of the loss over all training examples, float64, shape (2, 2), on the CPU.

    By forward mode over reverse mode (`torch.func.hessian`), whatever the module's own type. In eval mode; neither the
    module nor any random state changes.

    Args:
        problem: whose loss and examples.
        module: the buffers to use; it has two trainable parameters.
        place: their values.
    """
    probe = problem.twin(module).double()
    loss = copy.deepcopy(problem.loss).double() if isinstance(problem.loss, nn.Module) else problem.loss
    vector = torch.tensor([float(value) for value in place], dtype=torch.float64, device=problem.device)
    total = torch.zeros(2, 2, dtype=torch.float64, device=problem.device)
    with evaluating(probe, problem.device):
        for batch in problem.training:
            inputs, targets = (part.double() if part.is_floating_point() else part for part in batch)

            def loss_at(vector: Tensor, inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
                return loss(call_at(probe, vector, inputs), targets).reshape(())

            total += func.hessian(loss_at)(vector) * (len(inputs) / problem.examples)
    return total.cpu()
