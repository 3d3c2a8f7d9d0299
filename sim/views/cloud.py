"""Where each single example would take a run: per-example derivatives along two directions of the parameter space."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from sim.experiment.resolved import Run
from sim.models.evaluation import batch_gradient, evaluating, without_fused_recurrence
from sim.models.flat import Layout, call_at, trainable
from sim.models.losses import torchs_own
from sim.models.problem import Problem
from sim.models.sources import Batch, evenly
from sim.protocol.cloud import Cloud, Floats, covariance_of

MOST_EXAMPLES = 2048
_MOST_ONE_BY_ONE = 256
_CHECKED = 2  # examples, by which a faster way is held against autograd
_ACCURACY = 0.01  # of the largest of them; forward mode follows what `torch.no_grad` hides, which is off by far more
_ROUNDING = 100  # units in the last place of the product of the lengths of gradient and direction


class Slopes(NamedTuple):
    """The derivatives of single examples' losses along two directions.

    Attributes:
        along: shape (M, 2), the derivative of each one's loss along the two directions.
        examples: shape (M,), int64: which training examples they are.
    """

    along: Tensor
    examples: Tensor


class Update(NamedTuple):
    """What is known of how an update is made.

    Attributes:
        rate: that it uses.
        batch_size: B, how many examples.
        replacement: whether its batch may hold one twice.
        plain: whether the optimizer goes minus the rate times the gradient.
    """

    rate: float
    batch_size: int
    replacement: bool
    plain: bool

    @classmethod
    def of(cls, run: Run, rate: float, batch_size: int) -> "Update":
        """One of a run."""
        return cls(rate, batch_size, run.sampling == "replacement", run.optimizer == "sgd" and not run.momentum)


def cloud(
    problem: Problem, module: nn.Module, directions: Tensor, examples: Tensor, *, unloaded: bool = False
) -> Slopes:
    """The derivative of each example's loss, as a batch of its own, along two directions, in eval mode.

    Forward mode gives those of many examples at once; where an operation has none, differentiating a gradient does;
    where that fails, too, or where examples depend on each other, they are taken one by one, but then of 256 evenly
    chosen ones at most. Neither the module nor any random state changes.

    Args:
        problem: whose loss and examples.
        module: where; it may be the run's own.
        directions: shape (2, P); the unit matrix where the two parameters are the plane.
        examples: of training examples, int64, shape (M,), on the CPU.
        unloaded: differentiate a gradient first, as for two parameters: torch takes a second to load forward mode.

    Raises:
        Exception: what the model or its loss raises for a batch of one example.
    """
    probe = _Probe(problem, problem.twin(module), directions)
    with evaluating(probe.module, problem.device), _differentiable(probe.module):
        batches = map(problem.batch, torch.split(examples, problem.chunk_size))
        first = next(batches)
        ways = (probe.forward, probe.backward_twice)
        for way in reversed(ways) if unloaded or problem.formula is not None else ways:
            slopes = _tried(way, first)
            if slopes is not None and probe.confirms(slopes, first):
                return Slopes(torch.cat([slopes, *map(way, batches)]), examples)
        few = examples[evenly(len(examples), _MOST_ONE_BY_ONE)]
        return Slopes(torch.stack([probe.alone(problem.batch(one))[0] for one in torch.split(few, 1)]), few)


def possible_steps(
    problem: Problem,
    module: nn.Module,
    directions: Tensor,
    update: Update,
    batch: Tensor,
    own: Tensor,
    full: Tensor,
    most: int = MOST_EXAMPLES,
    *,
    unloaded: bool = False,
) -> Cloud:
    """The cloud of possible steps from where a module is.

    A step is minus the rate times a gradient, as the plane shows it: the point of the plane nearest to where it leads.
    The mean of a batch's steps is the batch's own one unless the loss is no plain mean (class weights), or training
    mode makes a difference (dropout, batch statistics).

    Args:
        problem, module, directions: see `cloud`.
        update: how it is made.
        batch: the examples that it uses, int64, shape (B,); none where they are not known.
        own, full: the gradients of the batch's loss and of the loss over all examples, shape (P,).
        most: how many examples to take, evenly chosen, where there are more; those of the batch come on top.
        unloaded: see `cloud`.
    """
    sampled = cloud(problem, module, directions, evenly(problem.examples, most), unloaded=unloaded)
    slopes, examples = sampled
    others = torch.unique(batch[~torch.isin(batch, examples)])
    if len(others):
        more = cloud(problem, module, directions, others[evenly(len(others), most)], unloaded=unloaded)
        slopes, examples = torch.cat([slopes, more.along]), torch.cat([examples, more.examples])
    gradients = directions.to(own) @ torch.stack([own, full], dim=1)
    steps = _steps(torch.cat([slopes, gradients.T.to(slopes)]), directions, update.rate)
    return Cloud(
        steps=steps[:-2],
        examples=examples.numpy(),
        used=torch.isin(examples, batch).numpy(),
        sampled=len(sampled.examples),
        total=problem.examples,
        own=(float(steps[-2, 0]), float(steps[-2, 1])),
        full=(float(steps[-1, 0]), float(steps[-1, 1])),
        batch_size=update.batch_size,
        replacement=update.replacement,
        covariance=covariance_of(steps[: len(sampled.examples)], problem.examples),
        plain=update.plain,
    )


def _steps(slopes: Tensor, directions: Tensor, rate: float) -> Floats:
    """Steps on the plane, shape (K, 2), for slopes along its directions, which need not be orthonormal."""
    basis = directions.double().cpu()
    points: Floats = torch.linalg.solve(basis @ basis.T, slopes.double().cpu().T).T.numpy()
    return -rate * points


class _Probe:
    """A module, in eval mode, with two directions to differentiate along."""

    def __init__(self, problem: Problem, module: nn.Module, directions: Tensor) -> None:
        self.module, self._problem, self._loss = module, problem, problem.loss
        self._parameters = [parameter for _, parameter in trainable(module)]
        self._vector = Layout.of(self._parameters).join([parameter.detach() for parameter in self._parameters])
        self._directions = directions.to(self._vector)

    def forward(self, batch: Batch) -> Tensor:
        """The slopes of a batch's examples, shape (M, 2): outputs by forward mode, which their losses weigh."""
        inputs, targets = batch

        def moved(direction: Tensor) -> Any:
            return jvp(lambda vector: call_at(self.module, vector, inputs), (self._vector,), (direction,))

        with torch.no_grad():
            outputs, tangents = vmap(moved)(self._directions)
        weighed: Tensor = tangents * _loss_gradients(self._problem, outputs[0], targets)
        return weighed.reshape(2, len(inputs), -1).sum(dim=2).T

    def backward_twice(self, batch: Batch) -> Tensor:
        """The same by differentiating a weighted sum of gradients by its weights, of which it is a linear function:
        Townsend, "A new trick for calculating Jacobian vector products" (2017)."""
        inputs, targets = batch
        vector = self._vector.clone().requires_grad_()
        output = call_at(self.module, vector, inputs)
        losses = (output * _loss_gradients(self._problem, output, targets)).reshape(len(output), -1).sum(dim=1)
        weights = torch.ones_like(losses, requires_grad=True)
        (gradient,) = torch.autograd.grad(losses @ weights, vector, create_graph=True)
        slopes = [torch.autograd.grad(one @ gradient, weights, retain_graph=True)[0] for one in self._directions]
        return torch.stack(slopes, dim=1)

    def alone(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The slopes of one example, shape (2,), and the length of its gradient."""
        gradient = batch_gradient(self._loss, self.module, self._parameters, batch)
        return self._directions @ gradient, torch.linalg.vector_norm(gradient)

    def confirms(self, slopes: Tensor, batch: Batch) -> bool:
        """Whether slopes of a batch's examples, shape (M, 2), are what those with the largest ones say alone."""
        largest = slopes.abs().sum(dim=1).topk(min(_CHECKED, len(slopes))).indices.tolist()
        inputs, targets = batch
        alone = [self.alone((inputs[index : index + 1], targets[index : index + 1])) for index in largest]
        expected = torch.stack([slope for slope, _ in alone])
        longest = max(length for _, length in alone) * torch.linalg.vector_norm(self._directions, dim=1).max()
        rounding = _ROUNDING * torch.finfo(slopes.dtype).eps * longest
        allowed = torch.nan_to_num(_ACCURACY * expected.abs().max() + rounding).item()
        return torch.allclose(slopes[largest].to(expected), expected, _ACCURACY, allowed, equal_nan=True)


def _tried(way: Callable[[Batch], Tensor], batch: Batch) -> Tensor | None:
    """What a way finds; None where it fails."""
    try:
        return way(batch)
    except Exception:  # a module may refuse in many ways; what is really wrong shows one by one, too
        return None


def _loss_gradients(problem: Problem, output: Tensor, targets: Tensor) -> Tensor:
    """The gradient of each example's loss, as a batch of its own, by its own output; shaped as the output."""
    output, loss = output.detach().requires_grad_(), problem.loss
    if torchs_own(loss) and (times := problem.reduction.alone(targets)):
        (gradient,) = torch.autograd.grad(loss(output, targets), output)
        return times * gradient
    batches = output.unsqueeze(1), targets.unsqueeze(1)

    def scalar(one: Tensor, target: Tensor) -> Tensor:
        return loss(one, target).reshape(())

    try:
        losses = vmap(scalar)(*batches)
    except Exception:  # the user's own loss may do what vmap cannot follow
        losses = torch.stack([scalar(one, target) for one, target in zip(*batches, strict=True)])
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    return gradient


@contextmanager
def _differentiable(module: nn.Module) -> Iterator[None]:
    """Attention and recurrent layers without fused kernels, which have no forward mode, nor a second derivative."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), without_fused_recurrence(module):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
