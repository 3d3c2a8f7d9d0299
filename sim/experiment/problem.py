"""What is minimised, as asked for. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

from sim.experiment.choices import DATASETS, MODELS, NETWORKS, Loader, Scale, Task
from sim.experiment.errors import ConfigError, choose, suggest
from sim.experiment.own_files import named_file
from sim.experiment.words import shown

MAX_WORKERS = 128  # processes of each run, which import torch anew


@dataclass(frozen=True, slots=True)
class ProblemConfig:
    """Which two-parameter problem, on which data.

    Attributes:
        name: a registered problem's name, or a Python file with a formula: "FILE.py" or "FILE.py:NAME".
        data: a CSV, TSV, Parquet or NPZ file instead of the bundled data (linear and logistic only).
        features, target: the columns to use from that file.
        scale: what to do with the inputs; None: what suits the problem best.
        axes: what the plane's two directions are called as long as nothing more is known.
        refusal: why it cannot be begun here; "": it can.
        any_optimizer: whether its runs may name optimizers that are not ours.
        one_seed: why its runs cannot be made from many seeds at once; "": they can.
    """

    name: str = "linear"
    data: str | None = None
    features: tuple[str, ...] = ()
    target: str | None = None
    scale: Scale | None = None

    axes: ClassVar = ("first parameter", "second parameter")
    refusal: ClassVar = ""
    any_optimizer: ClassVar = False
    one_seed: ClassVar = ""

    def __post_init__(self) -> None:
        if self.scale is not None:
            choose(self.scale, get_args(Scale), "scale")
        if self.data is None and (self.features or self.target):
            raise ConfigError("--features and --target name columns of a file; give the file with --data.")

    @property
    def own_file(self) -> tuple[str, str] | None:
        """The user's own file and the function in it; None for the problems that come with gdsim."""
        return named_file(self.name, "output")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which model, on which data.

    Attributes:
        model: one of `NETWORKS`, or a Python file with a function that makes one: "FILE.py" or "FILE.py:NAME".
        dataset: bundled data, or "synthetic"; not used where `data` is given or the model's file has data of its own.
        data: a CSV, TSV or Parquet file; an NPZ file with X and y; or two NPY files, "X.npy,y.npy".
        features, target: the columns to use from a table; no features: all but the target.
        scale: what to do with a table's inputs (statistics of the training examples); None: standard.
        examples: how many synthetic ones.
        hidden: the sizes of the MLP's hidden layers.
        task: what the targets are; "auto": inferred from them.
        test_fraction: the share of the examples kept for testing.
        loader: how batches get to the device.
        workers: processes of the DataLoader.
        axes: the names of the plane's two directions.
        refusal: why it cannot be begun here; "": it can.
        any_optimizer: as `ProblemConfig` has it.
    """

    model: str = "mlp"
    dataset: str = "digits"
    data: str | None = None
    features: tuple[str, ...] = ()
    target: str | None = None
    scale: Scale | None = None
    examples: int = 100_000
    hidden: tuple[int, ...] = (64, 64)
    task: Task = "auto"
    test_fraction: float = 0.2
    loader: Loader = "auto"
    workers: int = 0

    axes: ClassVar = ("direction 1", "direction 2")
    refusal: ClassVar = ""
    any_optimizer: ClassVar = False

    def __post_init__(self) -> None:
        if self.model not in NETWORKS and not self.own_file:
            raise ConfigError(f"Unknown model {self.model!r}; {suggest(self.model, MODELS)}")
        choose(self.dataset, DATASETS, "data set")
        choose(self.task, get_args(Task), "task")
        choose(self.loader, get_args(Loader), "loader")
        if self.scale is not None:
            choose(self.scale, get_args(Scale), "scale")
        if any(size < 1 for size in self.hidden):
            raise ConfigError(
                f"--hidden must be positive whole numbers, such as 64,64; got {','.join(map(str, self.hidden))!r}."
            )
        if not 0 <= self.test_fraction < 1:
            raise ConfigError(f"--test-fraction must be at least 0 and below 1, not {self.test_fraction!r}.")
        if self.examples < 10:
            raise ConfigError(f"--examples must be at least 10, not {self.examples}.")
        if not 0 <= self.workers <= MAX_WORKERS:
            raise ConfigError(f"--workers must be 0 to {MAX_WORKERS}, not {self.workers}.")
        if self.workers and self.loader == "resident":
            raise ConfigError("--workers belong to a DataLoader; leave out --loader resident, or the workers.")
        if self.data is not None and self.dataset != "digits":
            raise ConfigError(f"--data and --dataset {self.dataset} both name data; choose one of them.")

    @property
    def one_seed(self) -> str:
        """As `ProblemConfig` has it."""
        return f"--seeds is for two-parameter problems, and {self.model} is a model."

    @property
    def name(self) -> str:
        """What it is called; of a file without its folder."""
        return Path(self.model).name

    @property
    def own_file(self) -> tuple[str, str] | None:
        """The user's own file and the function in it; None for the models that come with gdsim."""
        return named_file(self.model, "model")


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """A training loop of the user's own, which was recorded: it cannot be begun here.

    Attributes:
        name: of the script.
        title: what learns, and how.
        axes: the names of the plane's two directions.
        data, own_file: none is read.
        any_optimizer, one_seed: as `ProblemConfig` has them.
    """

    name: str
    title: str
    axes: tuple[str, ...] = ModelConfig.axes

    data: ClassVar[str | None] = None
    own_file: ClassVar[tuple[str, str] | None] = None
    any_optimizer: ClassVar = True
    one_seed: ClassVar = "--seeds is for two-parameter problems, and this is a recorded loop."

    def __post_init__(self) -> None:
        if len(self.axes) != 2 or not all(isinstance(axis, str) for axis in self.axes):
            raise ConfigError(f"The axes of a recorded loop are two texts, not {self.axes!r}.")

    @property
    def refusal(self) -> str:
        """Why it cannot be begun here."""
        return f"A loop of your own was recorded here; only its own script, {shown(self.name)}, runs it."


AnyProblem = ProblemConfig | ModelConfig | LoopConfig
