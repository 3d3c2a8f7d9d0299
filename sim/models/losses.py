"""What can be found out about a loss: how it adds up over batches, and which classes outputs and targets stand for."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from sim.experiment.errors import ConfigError
from sim.models.decision import IGNORED, Decision
from sim.models.evaluation import evaluating
from sim.models.problem import Loss, Problem
from sim.models.reduction import Reduction
from sim.models.sources import Batch, TensorSource, evenly

_FEW, _MANY = 32, 256  # examples
_ROUNDING = 100  # units in the last place
_PROBES = (0.05, 0.2, 0.4, 0.7, 0.95)  # outputs that may be probabilities
_ALIKE = 0.01  # how far a loss may be from a symmetry, of its length over the probes


# -- over batches -----------------------------------------------------------------------------------------------------


def torchs_own(loss: Loss) -> bool:
    """Whether a loss is one of `torch.nn`'s, which add up over the examples of a batch."""
    return type(loss).__module__ == "torch.nn.modules.loss"


def reduction_of(problem: Problem) -> Reduction:
    """What the loss does with the examples of a batch: known of torch's own, tried on examples of any other.

    Raises:
        ConfigError: if it cannot be put together from the chunks in which the data are gone through.
    """
    loss = problem.loss
    kind = getattr(loss, "reduction", None)
    if torchs_own(loss):
        if isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) and kind == "mean":
            return Reduction("mean", loss.ignore_index, loss.weight)
        return Reduction("sum" if kind == "sum" else "mean")
    most = max(problem.examples, 0 if problem.test is None else len(problem.test))
    chunked = most > problem.chunk_size
    output, targets = _outputs(problem, problem.chunk_size if chunked else _FEW)
    for reduction in (Reduction("mean"), Reduction("sum")):
        if _adds_up(reduction, loss, output, targets):
            return reduction
    if chunked:
        raise ConfigError(
            f"The loss is neither the mean nor the sum over a batch, so that {most:,} examples cannot be taken in "
            f"chunks of {problem.chunk_size:,}; return the mean, or use an nn.CrossEntropyLoss with its weights."
        )
    return Reduction()


def _outputs(problem: Problem, most: int) -> Batch:
    """What the model, as it was made, says of so many training examples, evenly chosen, and their targets."""
    inputs, targets = problem.batch(evenly(problem.examples, most))
    with torch.no_grad(), evaluating(problem.model, problem.device):
        return problem.model(inputs), targets


def _adds_up(reduction: Reduction, loss: Loss, output: Tensor, targets: Tensor) -> bool:
    """Whether the loss of a batch follows from those of two parts, of unlike sizes and unlike targets, as it says."""
    try:
        # with others' targets besides, lest all losses be 0
        output, targets = torch.cat([output, output.flip(0)]), torch.cat([targets, targets])
        order = targets.reshape(len(targets), -1).double().sum(dim=1).argsort()
        batches = [(output[part], targets[part]) for part in (order, *order.tensor_split([len(order) // 3]))]
        with torch.no_grad():
            whole, *parts = [loss(given, wanted.clone()).item() for given, wanted in batches]
    except Exception:  # as a loss of the user's own refuses batches that it does not know
        return False
    weights = [reduction.weight(wanted) for _, wanted in batches[1:]]
    shares = [weight / reduction.divisor(sum(weights)) for weight in weights]
    added = sum(value * share for value, share in zip(parts, shares, strict=True))
    size = sum(abs(value) * share for value, share in zip(parts, shares, strict=True))
    precisions = [torch.float32, output.dtype] if output.is_floating_point() else [torch.float32]
    rounding = min(0.05, _ROUNDING * max(torch.finfo(kind).eps for kind in precisions))
    return abs(whole - added) <= rounding * size


# -- classes ----------------------------------------------------------------------------------------------------------


def ignored_label(loss: Loss) -> int:
    """The label that the loss, or a part of it, leaves out."""
    parts = loss.modules() if isinstance(loss, nn.Module) else ()
    labels = (int(part.ignore_index) for part in parts if isinstance(part, nn.CrossEntropyLoss | nn.NLLLoss))
    return next(labels, IGNORED)


def decision_of(problem: Problem) -> Decision | None:
    """How classes are predicted from the model's outputs; None where they are quantities."""
    if problem.task != "classification":
        return None
    loss = problem.loss
    decision = Decision(ignored=ignored_label(loss))
    output, targets = _outputs(problem, _FEW)
    if isinstance(loss, nn.CrossEntropyLoss) and targets.is_floating_point() and targets.shape == output.shape:
        return replace(decision, soft=True)
    if output.numel() != targets.numel():
        return decision
    output, targets = _outputs(problem, _MANY)
    labels = problem.source.targets if isinstance(problem.source, TensorSource) else targets
    if (labels[decision.known(labels)].double() < 0).any():
        decision = replace(decision, labels=(-1, 1))
    return replace(decision, threshold=_threshold(loss, output.cpu(), targets.cpu(), decision.labels))


def _threshold(loss: Loss, output: Tensor, targets: Tensor, labels: tuple[int, int]) -> float:
    """0.5 for probabilities, 0 for logits and margins: about which the losses of the two classes mirror each other.

    They may differ by a factor, the weight of a class. Where they mirror each other about neither, outputs that all lie
    from 0 to 1 are probabilities.
    """
    loss = copy.deepcopy(loss).cpu() if isinstance(loss, nn.Module) else loss

    def at(outputs: list[float], label: int) -> Tensor:
        """The loss at each of some outputs, if all examples are of a class, as a vector of length 1."""
        truths = torch.full_like(targets, label)
        losses = torch.stack([loss(torch.full_like(output, value), truths.clone()).reshape(()) for value in outputs])
        return nn.functional.normalize(losses.double(), dim=0)

    unlike = {}
    for threshold in (0.5, 0.0):
        try:
            with torch.no_grad():
                mirrored = at([2 * threshold - value for value in _PROBES], labels[0])
                unlike[threshold] = float((at(list(_PROBES), labels[1]) - mirrored).abs().max())
        except Exception:  # as the user's own loss refuses what is no probability
            continue
    likely = min((value for value in unlike if unlike[value] < _ALIKE), key=lambda value: unlike[value], default=None)
    if likely is not None:
        return likely
    return 0.5 if bool(((output >= 0) & (output <= 1)).all()) else 0.0
