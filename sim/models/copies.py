"""Models and losses that change in place what they are given: they get copies, since data are kept and used again."""

from contextlib import suppress

import torch
from torch import Tensor, nn

from sim.models.problem import Loss, Problem
from sim.models.random_state import undisturbed
from sim.models.sources import evenly

_EXAMPLES = 32


class OnCopies(nn.Module):
    """A module that works on a copy of its input, which it changes in place."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """What the module makes of them."""
        output: Tensor = self.module(inputs.clone())
        return output


def on_copies(loss: Loss) -> Loss:
    """A loss that works on a copy of the targets, which it changes in place."""

    def of_copies(output: Tensor, target: Tensor) -> Tensor:
        return loss(output, target.clone())

    return of_copies


def changes_in_place(problem: Problem) -> tuple[bool, bool]:
    """Whether the model changes its inputs, and whether the loss changes its targets: tried once, on some examples.

    In the modes in which the model was made and in eval mode, on a twin, leaving no trace. What the model raises in
    training is left to the runs.
    """
    batch = problem.batch(evenly(problem.examples, _EXAMPLES))
    twins = [problem.twin(problem.model), problem.twin(problem.model).eval()]
    with undisturbed(problem.device):
        changed = [_changes(problem, twin, [part.clone() for part in batch]) for twin in twins]
    inputs, targets = map(any, zip(*changed, strict=True))
    return inputs, targets


def _changes(problem: Problem, module: nn.Module, batch: list[Tensor]) -> list[bool]:
    """Whether a forward pass and the loss change each of a batch's tensors, inputs and targets."""
    before = [(part._version, part.clone()) for part in batch]
    inputs, targets = batch
    with suppress(Exception, SystemExit):
        problem.loss(module(inputs), targets)
    # the version shows changes that these examples do not, the values those past autograd's back
    return [
        part._version != version or not torch.equal(part, value)
        for part, (version, value) in zip(batch, before, strict=True)
    ]
