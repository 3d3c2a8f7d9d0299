"""Whether a problem is a dense network: a chain of linear and elementwise stages, whoever wrote it; a plain loss."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from sim.models.flat import Layout, trainable
from sim.models.problem import Loss, Problem
from sim.models.sources import TensorSource

Kind = Literal["linear", "relu", "tanh", "sigmoid", "gelu"]
LossKind = Literal["cross entropy", "squared error"]

_KINDS: dict[Any, Kind] = {
    nn.Linear: "linear",
    **dict.fromkeys((nn.ReLU, F.relu, torch.relu, "relu"), "relu"),
    **dict.fromkeys((nn.Tanh, F.tanh, torch.tanh, "tanh"), "tanh"),
    **dict.fromkeys((nn.Sigmoid, F.sigmoid, torch.sigmoid, "sigmoid"), "sigmoid"),
    **dict.fromkeys((nn.GELU, F.gelu), "gelu"),
}
_LEFT_AS_IS = {nn.Flatten, nn.Identity, torch.flatten, "flatten", "view", "reshape"}
"""What leaves each number of an example what it is, and a row of them to the linear stage after it."""
_SIZES = {getattr, operator.getitem, "size"}
_LOSSES: dict[Any, LossKind] = {F.cross_entropy: "cross entropy", F.mse_loss: "squared error"}
_PLAIN = {"weight": None, "reduction": "mean", "label_smoothing": 0.0}


class NotDenseError(Exception):
    """The problem is no dense network; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a chain.

    Attributes:
        kind: what it does.
        width: how many numbers an example has after it.
        weights, biases: where in the vector of parameters those of a linear stage begin; None where it has none.
    """

    kind: Kind
    width: int
    weights: int | None = None
    biases: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A dense network on its data.

    Attributes:
        stages: in their order.
        loss: the mean of what.
        inputs: float32, shape (rows of the data, K).
        targets: classes, int64, shape (rows,), or quantities, float32, shape (rows, M).
    """

    stages: tuple[Stage, ...]
    loss: LossKind
    inputs: Tensor
    targets: Tensor


def chain_of(problem: Problem) -> Chain:
    """The chain that a problem's model is, with its data and its loss.

    Raises:
        NotDenseError: if it is none.
    """
    source, parameters = problem.source, [parameter for _, parameter in trainable(problem.model)]
    if not isinstance(source, TensorSource) or problem.loader != "resident":
        raise NotDenseError("these examples come through a DataLoader")
    if {source.inputs.dtype, *(parameter.dtype for parameter in parameters)} != {torch.float32}:
        raise NotDenseError("these data or parameters are not of float32")
    inputs, loss = source.inputs.flatten(1), _loss_of(problem.loss)
    begins = dict(zip(map(id, parameters), Layout.of(parameters).begins, strict=True))
    stages = tuple(_stages(problem.model, inputs.shape[1], begins))
    return Chain(stages, loss, inputs, _fitting(source.targets, loss, stages[-1].width))


# -- the model --------------------------------------------------------------------------------------------------------


def _stages(model: nn.Module, width: int, begins: dict[int, int]) -> Iterator[Stage]:
    """The stages of a model, for so many inputs, and the beginnings of its parameters by their ids."""
    for part in _parts(nn.Sequential(model)):
        if not isinstance(part, nn.Linear):
            yield Stage(_KINDS[part], width)
            continue
        if part.in_features != width:
            raise NotDenseError("this model has a Linear over some of an example's numbers")
        width = part.out_features
        own = [begins.pop(id(parameter), None) for parameter in (part.weight, part.bias) if parameter is not None]
        if None in own:
            raise NotDenseError("this model has a Linear whose parameters are fixed, or shared with another")
        yield Stage("linear", width, *own)


def _parts(model: nn.Module) -> Iterator[Any]:
    """What a model does to its inputs, one after the other: a linear module, or what `_KINDS` knows."""
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception as error:  # whatever the model's own code raises where there are no values yet
        raise NotDenseError("what this model does depends on its inputs") from error
    modules, last = dict(model.named_modules()), None
    for node in graph.nodes:
        if node.op == "placeholder" or node.target in _SIZES:  # a view may ask how many examples there are
            last = last or node
            continue
        if node.args[:1] != (last,):
            raise NotDenseError("this model is more than a chain")
        if node.op == "output":
            return
        part = modules[str(node.target)] if node.op == "call_module" else node.target
        kind = type(part) if isinstance(part, nn.Module) else part
        smooth = getattr(part, "approximate", node.kwargs.get("approximate", "none"))
        if smooth != "none" or not (kind in _KINDS or kind in _LEFT_AS_IS):
            raise NotDenseError(f"this model has {getattr(kind, '__name__', kind)}")
        if kind in _KINDS:
            yield part if kind is nn.Linear else kind
        last = node


# -- loss and targets -------------------------------------------------------------------------------------------------


def _loss_of(loss: Loss) -> LossKind:
    """What a loss is the mean of."""
    # a function of torch's own is to be seen, not what it does
    traced = loss if isinstance(loss, nn.Module) else lambda output, target: loss(output, target)
    try:
        graph = fx.symbolic_trace(traced).graph
    except Exception as error:  # as with a model
        raise NotDenseError("what this loss does depends on its inputs") from error
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    (returned,) = next(node for node in graph.nodes if node.op == "output").args
    given = (*returned.args, *(returned.kwargs[name] for name in ("input", "target") if name in returned.kwargs))
    if returned.target not in _LOSSES or list(given[:2]) != inputs:
        raise NotDenseError("this loss is neither the cross entropy nor the squared error alone")
    if any(returned.kwargs.get(name, plain) != plain for name, plain in _PLAIN.items()):
        raise NotDenseError("this loss is no plain mean")
    return _LOSSES[returned.target]


def _fitting(targets: Tensor, loss: LossKind, width: int) -> Tensor:
    """The targets of all examples as the kernels take them, for so many outputs."""
    if loss == "squared error":
        if targets.dtype != torch.float32 or targets.flatten(1).shape[1] != width:
            raise NotDenseError("these targets are not of float32")
        return targets.flatten(1)
    if targets.dtype != torch.int64 or targets.ndim != 1 or not 0 <= int(targets.min()) <= int(targets.max()) < width:
        raise NotDenseError("these targets are not a class each")
    return targets
