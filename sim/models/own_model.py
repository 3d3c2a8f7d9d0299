"""The user's own file: the model, the data and the loss that it defines, and whether they can serve."""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from sim.experiment.errors import ConfigError, require_file, suggest
from sim.experiment.own_files import loaded
from sim.models.problem import Loss
from sim.models.sources import DatasetSource, Source, TensorSource

_PRIVATE_NAME = "_gdsim_own_model"
_TAKEN = ("sim", "tui")  # the packages of gdsim


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A Python file with a function that makes a model, and perhaps `data()` and `loss(output, target)`.

    Attributes:
        path: as the user named it.
        module: the file, loaded.
        dtype, device: torch's defaults that it set, in which its functions are called.
    """

    path: str
    module: ModuleType
    dtype: torch.dtype
    device: torch.device

    def model(self, name: str) -> nn.Module:
        """Have the function of that name make the model.

        Raises:
            ConfigError: if there is no such function, or it makes something else. What it raises itself is passed on.
        """
        make = getattr(self.module, name, None)
        if make is None:
            raise ConfigError(f"{self.path} has no function {name!r}; {suggest(name, self._functions())}")
        if isinstance(make, nn.Module) or not callable(make):
            raise ConfigError(f"{name} in {self.path} must be a function that returns an nn.Module; {_is_a(make)}.")
        model = self._call(make, name)
        if not isinstance(model, nn.Module):
            raise ConfigError(f"{name}() must return an nn.Module; it returned {type(model).__name__}.")
        if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
            raise ConfigError(
                "The model has lazy modules, whose parameters the first forward pass makes; give their sizes instead."
            )
        made_in_inference = any(tensor.is_inference() for tensor in (*model.parameters(), *model.buffers()))
        return copy.deepcopy(model) if made_in_inference else model  # a copy can be trained

    def loss(self, device: torch.device) -> Loss | None:
        """Its loss, on the device; None where it defines none.

        Raises:
            ConfigError: if it is no function, or has parameters, which no run would train.
        """
        loss = self._defined("loss")
        if loss is None:
            return None
        if not callable(loss):
            raise ConfigError(f"loss in {self.path} must be a function of output and target; {_is_a(loss)}.")
        if isinstance(loss, nn.Module):
            if any(parameter.requires_grad for parameter in loss.parameters()):
                raise ConfigError("The loss has parameters of its own, which no run trains; move them into the model.")
            return loss.to(device)
        found: Loss = loss
        return found

    def source(self, device: torch.device) -> tuple[Source, Tensor] | None:
        """Its data, and some or all of their targets; None where it defines none.

        Raises:
            ConfigError: for data that do not serve. What `data()` raises itself is passed on.
        """
        make = self._defined("data")
        if make is None:
            return None
        if not callable(make):
            raise ConfigError(f"data in {self.path} must be a function that returns X, y or a Dataset; {_is_a(make)}.")
        data = self._call(make, "data")
        if type(data) is TensorDataset:  # a class of the user's own may make something else of its tensors
            data = data.tensors
        found = _from_dataset(data, device) if isinstance(data, Dataset) else _from_tensors(data, device)
        if len(found[0]) < 2:
            raise ConfigError(f"data() returned {len(found[0])} examples; at least 2 are needed.")
        return found

    def _call(self, make: Callable[[], Any], name: str) -> Any:
        try:
            inspect.signature(make).bind()
        except TypeError as error:
            raise ConfigError(f"{name}() in {self.path} must need no arguments: {error}.") from None
        with self.device, _users_code(self.path):  # a device that it sets is taken back first
            torch.set_default_dtype(self.dtype)
            return make()

    def _defined(self, name: str) -> Any:
        """What the file calls by a name; None also for an imported module, such as torch.utils.data."""
        value = getattr(self.module, name, None)
        return None if isinstance(value, ModuleType) else value

    def _functions(self) -> list[str]:
        """The names of its own functions, those for models."""
        names = (word for word, value in vars(self.module).items() if inspect.isfunction(value))
        own = (word for word in names if getattr(self.module, word).__module__ == self.module.__name__)
        return [word for word in own if word not in ("data", "loss")]


def load_own_file(path: str) -> OwnFile:
    """The user's file as a module under a private name, its folder importable as if it had been run.

    Raises:
        ConfigError: if there is no such file. Whatever the file itself raises is passed on.
    """
    require_file(Path(path), "model")
    with _users_code(path):
        module = loaded(path, _PRIVATE_NAME)
        return OwnFile(path, module, torch.get_default_dtype(), torch.get_default_device())


@contextmanager
def _users_code(path: str) -> Iterator[None]:
    """Whatever the user's code sets of torch's modes inside, outside they are what they were.

    Raises:
        ConfigError: if it looks for a package of its own in one of ours.
    """
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        with torch.inference_mode(False):  # its end also restores whether there are gradients
            yield
    except (ImportError, AttributeError) as error:
        if (name := _taken_name(error, Path(path).resolve().parent)) is None:
            raise
        raise ConfigError(
            f"{path} looks for its own {name!r} and finds gdsim's package of that name; give yours another name."
        ) from error
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_num_threads(threads)


def _taken_name(error: ImportError | AttributeError, folder: Path) -> str | None:
    """The name of what lies in the folder and was looked for in a package of gdsim that has it, too; None if none."""
    missing = error.name if isinstance(error, ImportError) else getattr(error.obj, "__name__", None)
    name = str(missing).partition(".")[0]
    beside = (folder / name).is_dir() or (folder / f"{name}.py").is_file()
    return name if name in _TAKEN and beside else None


def _from_dataset(data: "Dataset[Any]", device: torch.device) -> tuple[Source, Tensor]:
    if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
        kind = type(data).__name__
        raise ConfigError(f"data() must return a Dataset with __len__ and __getitem__; {kind} has not both.")
    source = DatasetSource(data, device)
    if not len(source):
        return source, torch.empty(0)
    example = data[0]
    if not (isinstance(example, tuple | list) and len(example) == 2):
        many = f" of {len(example)}" if isinstance(example, tuple | list) else ""
        raise ConfigError(f"An example of data() must be a pair of input and target; it is a {_kind(example)}{many}.")
    for part, what in zip(example, ("input", "target"), strict=True):
        if not _is_numeric(part):
            raise ConfigError(f"The {what} of an example of data() must be a tensor or a number, not {_kind(part)}.")
    return source, source.take(torch.zeros(1, dtype=torch.int64))[1]


def _is_numeric(part: object) -> bool:
    """Whether DataLoader makes a tensor of such parts."""
    return isinstance(part, Tensor | int | float) or type(part).__module__ == "numpy"


def _from_tensors(data: object, device: torch.device) -> tuple[Source, Tensor]:
    if not (isinstance(data, tuple) and len(data) == 2 and all(isinstance(part, Tensor) for part in data)):
        many = f" of {len(data)}" if isinstance(data, tuple) and len(data) != 2 else ""
        raise ConfigError(f"data() must return a Dataset or tensors X, y; it returned {_kind(data)}{many}.")
    inputs, targets = data
    if not (inputs.ndim and targets.ndim):
        raise ConfigError("X and y from data() must have an example in each row; one of them is a single number.")
    if len(inputs) != len(targets):
        raise ConfigError(f"data() returned {len(inputs)} inputs and {len(targets)} targets; they must be as many.")
    for part, what in ((inputs, "X"), (targets, "y")):
        bad = torch.nonzero(~torch.isfinite(part.reshape(len(part), -1)).all(dim=1)) if len(part) else part
        if len(bad):
            raise ConfigError(
                f"Row {int(bad[0])} (from 0) of {what} from data() holds NaN or infinity; every number must be finite."
            )
    return TensorSource(inputs, targets, device, inputs.dtype), targets


def _kind(value: object) -> str:
    return type(value).__name__


def _is_a(value: object) -> str:
    return f"it is {'an' if _kind(value)[0] in 'aeiouAEIOU' else 'a'} {_kind(value)}"
