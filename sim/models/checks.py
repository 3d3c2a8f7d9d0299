"""Whether a model, its loss and its data can be trained together."""

import torch
from torch import Tensor, nn

from sim.experiment.errors import ConfigError
from sim.experiment.words import first_line
from sim.models.evaluation import evaluating
from sim.models.flat import trainable
from sim.models.losses import ignored_label
from sim.models.problem import Problem
from sim.models.sources import TensorSource


def check(problem: Problem) -> None:
    """Refuse what cannot be trained: no parameters, shapes or labels that do not fit, outputs that are no numbers."""
    check_parameters(problem.model)
    kinds = {(parameter.dtype, parameter.device) for _, parameter in trainable(problem.model)}
    if len(kinds) > 1:
        raise ConfigError("The model's parameters differ in type or device; make them alike.")
    inputs, targets = problem.batch(torch.arange(min(2, problem.examples)))
    shapes = f"inputs of shape (N, {', '.join(map(str, inputs.shape[1:]))})"
    with torch.no_grad(), evaluating(problem.model, problem.device):
        try:
            output = problem.model(inputs)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            _check_types(trainable(problem.model)[0][1], inputs)
            raise ConfigError(f"The model does not fit the data, {shapes}: {first_line(error)}.") from error
        if not isinstance(output, Tensor):
            raise ConfigError(f"The model must return a tensor; it returned {type(output).__name__}.")
        if not torch.isfinite(output).all():
            raise ConfigError("The model returns NaN or infinity for the very first examples; look at its weights.")
        try:
            loss = problem.loss(output, targets)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            where = f"outputs of shape (N, {', '.join(map(str, output.shape[1:]))}), targets {_targets_words(targets)}"
            raise ConfigError(f"The labels do not fit the loss ({where}): {first_line(error)}.") from error
    learnable = bool((targets != ignored_label(problem.loss)).any())
    if learnable and isinstance(loss, Tensor) and not torch.isfinite(loss).all():
        raise ConfigError("The loss of the very first examples is NaN or infinite; look at the loss and the targets.")
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise ConfigError("loss(output, target) must return a scalar tensor, the mean over the batch.")
    _check_labels(problem, output, targets)


def check_parameters(model: nn.Module) -> None:
    """Refuse parameters that no plane shows, and tensors that cannot be compared and copied as others can."""
    named = trainable(model)
    if not named:
        raise ConfigError("The model has no parameters to train; some have to require gradients.")
    if sum(parameter.numel() for _, parameter in named) < 2:
        raise ConfigError("The model has a single parameter; a plane of them needs two at least.")
    for name, tensor in (*named, *model.named_buffers()):
        if tensor.layout is not torch.strided:
            raise ConfigError(f"{name} of the model is a sparse tensor; make it dense.")
        if tensor.requires_grad and tensor.is_complex():
            raise ConfigError(
                f"{name} of the model is complex, and a plane needs real parameters; use torch.view_as_complex of some."
            )


def _check_types(parameter: Tensor, inputs: Tensor) -> None:
    """Refuse, where a model failed, inputs of another precision than its parameters."""
    if inputs.is_floating_point() and inputs.dtype != parameter.dtype:
        given, needed = (str(tensor.dtype).removeprefix("torch.") for tensor in (inputs, parameter))
        raise ConfigError(f"The model's parameters are {needed} and its inputs {given}; make their types alike.")


def _check_labels(problem: Problem, output: Tensor, targets: Tensor) -> None:
    """Refuse what the default losses would only notice late, or never: labels of no class, shapes that broadcast."""
    if isinstance(problem.loss, nn.MSELoss) and output.shape != targets.shape:
        shape = ", ".join(map(str, ("N", *output.shape[1:])))
        raise ConfigError(
            f"The labels do not fit the loss: outputs of shape ({shape}), targets {_targets_words(targets)}; "
            "make their shapes alike."
        )
    if isinstance(problem.loss, nn.CrossEntropyLoss) and isinstance(problem.source, TensorSource):
        labels = problem.source.targets
        labels = labels[labels != problem.loss.ignore_index]
        classes = output.shape[1]
        if not labels.is_floating_point() and len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            found = f"{int(labels.min())} to {int(labels.max())}"
            raise ConfigError(
                f"The labels do not fit the model: they are {found}, and it distinguishes {classes} classes."
            )


def _targets_words(targets: Tensor) -> str:
    shape = ", ".join(map(str, ("N", *targets.shape[1:])))
    return f"({shape}) of {str(targets.dtype).removeprefix('torch.')}"
