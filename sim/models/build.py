"""A real model on real data as one more problem."""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sim.data.arrays import SYNTHETIC_CLASSES, SYNTHETIC_FEATURES, Arrays, load_arrays, split_sizes
from sim.data.scaling import Scaling, as_float32, fit, is_torch_type
from sim.experiment.choices import OPTIMIZERS, Optimizer
from sim.experiment.errors import ConfigError
from sim.experiment.memory import require_memory
from sim.experiment.problem import ModelConfig
from sim.experiment.words import shown_path
from sim.models.checks import check
from sim.models.copies import OnCopies, changes_in_place, on_copies
from sim.models.losses import decision_of, reduction_of
from sim.models.networks import cnn, mlp
from sim.models.own_model import OwnFile, load_own_file
from sim.models.problem import Loss, Problem
from sim.models.random_state import RandomState
from sim.models.sources import Source, TensorSource

_RESIDENT_SHARE = 0.5  # of a GPU's free memory that data may fill
_SYNTHETIC_CHUNK = 65_536


def model_problem(config: ModelConfig, seed: int, device: torch.device) -> Problem:
    """Data, split, model and loss as configured; the model is made right after the seed was set.

    Raises:
        ConfigError: for what does not fit together. Whatever the user's own code raises is passed on.
    """
    own = load_own_file(config.own_file[0]) if config.own_file else None
    problem = _with_data(config, own, seed, device)
    torch.manual_seed(seed)
    model = _make_model(config, own, problem).to(device)
    problem = replace(problem, model=model, random_state=RandomState.now(device))
    check(problem)
    return replace(_known(problem), rates=_rates(problem.task))


_CLASSIFICATION_RATE, _REGRESSION_RATE = 0.1, 0.02


def _rates(task: str) -> dict[Optimizer, float]:
    """The rate of each optimizer for runs that name none."""
    own = _REGRESSION_RATE if task == "regression" else _CLASSIFICATION_RATE
    return {name: kind.rate or own for name, kind in OPTIMIZERS.items()}


# -- data -------------------------------------------------------------------------------------------------------------


class _Data(NamedTuple):
    """Examples, which of them are for what, and what they are; see `Problem`."""

    source: Source
    task: Literal["classification", "regression"]
    train: Tensor | None
    test: Tensor | None
    classes: tuple[str, ...] = ()
    target_scale: Scaling | None = None


def _with_data(config: ModelConfig, own: OwnFile | None, seed: int, device: torch.device) -> Problem:
    """A problem whose model is still to come."""
    data = _data(config, own, seed, device)
    source, loader = _supplied(data.source, config)
    return Problem(
        model=nn.Identity(),
        loss=(own and own.loss(device)) or _default_loss(data.task),
        source=source,
        random_state=RandomState.now(device),
        train=data.train,
        test=data.test,
        loader=loader,
        workers=config.workers,
        task=data.task,
        classes=data.classes,
        target_scale=data.target_scale,
    )


def _data(config: ModelConfig, own: OwnFile | None, seed: int, device: torch.device) -> _Data:
    if own is not None and (given := own.source(device)) is not None:
        _refuse_other_data(config, own.path)
        source, targets = given
        classes = not targets.is_floating_point() if config.task == "auto" else config.task == "classification"
        split = _split(len(source), config.test_fraction, seed)
        return _Data(source, "classification" if classes else "regression", *split)
    arrays = load_arrays(config) or _synthetic_arrays(config, seed)
    train, test = _split(len(arrays.inputs), config.test_fraction, seed)
    inputs, targets, target_scale = _tensors(arrays, train)
    source = TensorSource(inputs, targets, device, torch.float32)
    return _Data(source, arrays.task, train, test, arrays.classes, target_scale)


def _refuse_other_data(config: ModelConfig, path: str) -> None:
    """Refuse what would change nothing, because the user's file has data of its own."""
    said = {
        "data": config.data,
        "dataset": config.dataset != ModelConfig().dataset,
        "features": config.features,
        "target": config.target,
        "scale": config.scale,
    }
    for option, value in said.items():
        if value:
            raise ConfigError(f"{shown_path(path)} has a data() of its own; leave out --{option}, or data().")


def synthetic(examples: int, seed: int) -> tuple[Tensor, Tensor]:
    """A seeded classification problem: float32 inputs of shape (N, 64), classes int64 of shape (N,).

    Inputs are standard normal; a class is the largest of ten random nonlinear scores plus noise, so that no model is
    perfect. Made in pieces, so that nothing larger than the data themselves is ever held.

    Raises:
        ConfigError: if memory is too small for so many.
    """
    each = SYNTHETIC_FEATURES * torch.float32.itemsize + torch.int64.itemsize
    require_memory(f"{examples:,} synthetic examples", examples * each)
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(SYNTHETIC_FEATURES, 32, generator=generator) / SYNTHETIC_FEATURES**0.5
    second = torch.randn(32, SYNTHETIC_CLASSES, generator=generator)
    inputs = torch.empty(examples, SYNTHETIC_FEATURES)
    targets = torch.empty(examples, dtype=torch.int64)
    for begin in range(0, examples, _SYNTHETIC_CHUNK):
        piece = inputs[begin : begin + _SYNTHETIC_CHUNK]
        piece.normal_(generator=generator)
        scores = (piece @ first).mul_(2).tanh_() @ second
        scores += torch.randn(scores.shape, generator=generator)
        targets[begin : begin + len(piece)] = scores.argmax(dim=1)
    return inputs, targets


def _synthetic_arrays(config: ModelConfig, seed: int) -> Arrays:
    inputs, targets = synthetic(config.examples, seed)
    return Arrays("synthetic", inputs.numpy(), targets.numpy(), "classification", scale=config.scale or "none")


def _tensors(arrays: Arrays, train: Tensor | None) -> tuple[Tensor, Tensor, Scaling | None]:
    """Inputs and targets on the CPU, and what the targets were scaled by, if they are quantities.

    What is scaled is scaled by what the training examples say. Memory-mapped inputs stay so, unless they are scaled or
    of a type that torch does not take.
    """
    inputs, targets = arrays.inputs, arrays.targets
    known = None
    if train is not None:
        known = np.zeros(len(inputs), np.bool_)
        known[train.numpy()] = True
    if arrays.scale != "none":
        inputs = as_float32(inputs, fit(inputs, arrays.scale, known))
    elif not (isinstance(inputs, np.memmap) and is_torch_type(inputs.dtype)):
        inputs = as_float32(inputs)
    if arrays.task == "classification":
        return torch.from_numpy(inputs), torch.from_numpy(targets), None
    target_scale = fit(targets, "standard", known)
    quantities = as_float32(targets[:, None], target_scale)
    return torch.from_numpy(inputs), torch.from_numpy(quantities), target_scale


def _split(examples: int, test_fraction: float, seed: int) -> tuple[Tensor | None, Tensor | None]:
    """Training and test examples, as torch.utils.data.random_split with this seed gives them."""
    train, test = split_sizes(examples, test_fraction)
    if not test:
        return None, None
    if not train:
        raise ConfigError(f"{examples} examples with --test-fraction {test_fraction} leave none for training.")
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(seed))
    return order[:train], order[train:]


def _supplied(source: Source, config: ModelConfig) -> tuple[Source, Literal["dataloader", "resident"]]:
    """The data on the device, where they are to be resident and fit; and how batches get to the model."""
    if not isinstance(source, TensorSource):
        if config.loader == "resident":
            raise ConfigError("--loader resident needs tensors; data() returned a Dataset, so use --loader dataloader.")
        return source, "dataloader"
    if config.loader == "dataloader" or config.workers:
        return source, "dataloader"
    if source.device.type == "cpu":
        return source, "resident"
    if config.loader == "auto" and source.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(source.device)
        if source.inputs.numel() * torch.float32.itemsize > free * _RESIDENT_SHARE:
            return source, "dataloader"
    inputs, targets = source.to_device((source.inputs, source.targets))
    return TensorSource(inputs, targets, source.device, inputs.dtype), "resident"


# -- model and loss ---------------------------------------------------------------------------------------------------


def _default_loss(task: str) -> Loss:
    return nn.CrossEntropyLoss() if task == "classification" else nn.MSELoss()


def _make_model(config: ModelConfig, own: OwnFile | None, problem: Problem) -> nn.Module:
    if config.own_file is not None and own is not None:
        return own.model(config.own_file[1])
    inputs, targets = problem.source.take(torch.zeros(1, dtype=torch.int64))
    shape = tuple(inputs.shape[1:])
    outputs = _outputs(problem) if problem.task == "classification" else targets[0].numel()
    networks = {"mlp": lambda: mlp(shape, config.hidden, outputs), "cnn": lambda: cnn(shape, outputs)}
    return networks[config.model]()


def _outputs(problem: Problem) -> int:
    """How many classes there are."""
    if problem.classes:
        return len(problem.classes)
    assert isinstance(problem.source, TensorSource)
    return int(problem.source.targets.max()) + 1


def has_batch_statistics(module: nn.Module) -> bool:
    """Whether what the module makes of an example depends on the others of its batch."""
    return any(isinstance(part, _BatchNorm) for part in module.modules())


def _known(problem: Problem) -> Problem:
    """The problem with all that can be found out about its model and its loss."""
    inputs_change, targets_change = changes_in_place(problem)
    return replace(
        problem,
        model=OnCopies(problem.model) if inputs_change else problem.model,
        loss=on_copies(problem.loss) if targets_change else problem.loss,
        reduction=reduction_of(problem),
        decision=decision_of(problem),
    )
