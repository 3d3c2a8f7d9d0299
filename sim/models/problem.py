"""What PyTorch users already have: a module, a loss and a data set. The engine asks for nothing else."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

import torch
from torch import Tensor, nn

from sim.data.scaling import Scaling
from sim.experiment.choices import OPTIMIZERS, Optimizer
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.resolved import Facts
from sim.models.buffers import buffers_of, set_buffers
from sim.models.decision import Decision
from sim.models.flat import trainable
from sim.models.random_state import RandomState
from sim.models.reduction import Reduction
from sim.models.sources import Batch, DatasetSource, Pass, Source, TensorSource
from sim.problems.formula import Formula

Loss = Callable[[Tensor, Tensor], Tensor]
"""`loss(output, target)`: of a batch, a scalar: mostly the mean over it."""

_CHUNK_BYTES = 4 * 2**20  # of inputs at once where all examples are gone through
_ONE_GO = 4  # chunks that are taken in one go if there are no more: as a plain loop has it, bit for bit


@dataclass(frozen=True)
class Problem:
    """A module to train, as it stands at the start, with its loss and its data.

    Attributes:
        model: every run starts from a copy of it.
        loss: see `Loss`.
        source: all examples.
        train: which of them are for training (int64, shape (N,)); None: all, in their order.
        test: which are for testing; None: none.
        random_state: of torch, right after the model was made; each run's own starts there.
        loader: whether batches come through a DataLoader or straight from the source.
        workers: processes of the DataLoader.
        task: what the outputs are.
        classes: the names of the classes, as far as they have any.
        target_scale: what quantities were scaled by, which the loss sees; None where they are in the data's own units.
        rates: the learning rate of each optimizer for runs that name none.
        start: where runs begin on a plane of two parameters; None for a model, which begins as it was made.
        formula: what the module computes, with two parameters; None for a model.
        reduction: how the loss of many examples follows from those of batches of them.
        decision: how classes are predicted from outputs; None where they are not.
    """

    model: nn.Module
    loss: Loss
    source: Source
    random_state: RandomState
    train: Tensor | None = None
    test: Tensor | None = None
    loader: Literal["dataloader", "resident"] = "resident"
    workers: int = 0
    task: Literal["classification", "regression", "formula"] = "formula"
    classes: tuple[str, ...] = ()
    target_scale: Scaling | None = None
    rates: Mapping[Optimizer, float] = field(default_factory=dict)
    start: Point | None = None
    formula: Formula | None = None
    reduction: Reduction = field(default_factory=Reduction)
    decision: Decision | None = None

    @property
    def facts(self) -> Facts:
        """What an experiment needs to know of it."""
        return Facts(
            examples=self.examples,
            parameters=sum(parameter.numel() for _, parameter in trainable(self.model)),
            rates=self.rates,
            start=self.start,
            one_by_one=isinstance(self.source, DatasetSource),
        )

    @property
    def examples(self) -> int:
        """N, the number of training examples."""
        return len(self.source) if self.train is None else len(self.train)

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.source.device

    def twin(self, module: nn.Module) -> nn.Module:
        """A copy of a run's module."""
        try:
            return copy.deepcopy(module)
        except RuntimeError:
            # it keeps tensors of its last forward pass, which cannot be copied; as it was made, it had none
            copied = copy.deepcopy(self.model)
            with torch.no_grad():
                for ours, theirs in zip(copied.parameters(), module.parameters(), strict=True):
                    ours.copy_(theirs)
            set_buffers(copied, buffers_of(module))
            return copied

    def batch(self, examples: Tensor) -> Batch:
        """Inputs and targets of training examples (int64 from 0 to N - 1, on the CPU), on the device."""
        return self.source.take(self.rows(examples))

    def rows(self, examples: Tensor) -> Tensor:
        """The rows of the data, from 0, that training examples (int64 from 0 to N - 1) stand in."""
        return examples if self.train is None else self.train.index_select(0, examples)

    @cached_property
    def chunk_size(self) -> int:
        """How many examples to go through at once where all are."""
        inputs, _ = self.source.take(torch.zeros(1, dtype=torch.int64))
        chunk = max(64, _CHUNK_BYTES // max(1, inputs.numel() * inputs.element_size()))
        return chunk if self.examples > _ONE_GO * chunk else _ONE_GO * chunk

    @cached_property
    def training(self) -> Pass:
        """A pass through the training examples, in their order."""
        return Pass(self.source, torch.arange(len(self.source)) if self.train is None else self.train, self.chunk_size)

    @cached_property
    def testing(self) -> Pass | None:
        """A pass through the test examples; None without any."""
        return None if self.test is None else Pass(self.source, self.test, self.chunk_size)


class FormulaModule(nn.Module):
    """A formula as a module with two scalar parameters of float64, named as the formula names them."""

    def __init__(self, formula: Formula, start: Point) -> None:
        super().__init__()
        self._names = formula.parameters
        self._output = formula.output
        for name, value in zip(self._names, start, strict=True):
            self.register_parameter(name, nn.Parameter(torch.tensor(float(value), dtype=torch.float64)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Per-example outputs, shape (N,)."""
        a, b = (getattr(self, name) for name in self._names)
        return cast(Tensor, self._output(torch, a, b, inputs))


def _mean(output: Tensor, _target: Tensor) -> Tensor:
    return output.mean()


_LOSSES: dict[str, Loss] = {
    "mean_squared_error": nn.MSELoss(),
    "binary_cross_entropy": nn.BCEWithLogitsLoss(),
    "mean": _mean,
}


def formula_problem(formula: Formula, start: Point, device: torch.device) -> Problem:
    """The problem that a formula describes, in float64.

    Raises:
        ConfigError: on a device without float64.
    """
    if device.type == "mps":
        raise ConfigError("A two-parameter problem is computed in float64, which mps has not; use --device cpu.")
    inputs = torch.as_tensor(formula.inputs, dtype=torch.float64, device=device)
    targets = torch.as_tensor(formula.targets, dtype=torch.float64, device=device)
    return Problem(
        model=FormulaModule(formula, start).to(device),
        loss=_LOSSES[formula.loss],
        source=TensorSource(inputs, targets, device, torch.float64),
        random_state=RandomState.now(device),
        rates=dict.fromkeys(OPTIMIZERS, formula.lr),
        start=start,
        formula=formula,
    )
