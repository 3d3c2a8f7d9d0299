"""The options that every way of starting gdsim shares, and the experiment that they ask for. Imports no torch."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter, Token

from sim.experiment.choices import Clock, Loader, Optimizer, PlaneKind, Sampling, Scale, Schedule, Task
from sim.experiment.config import Experiment, ModelConfig, ProblemConfig, RunConfig, default_runs
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.geometry import Point

if TYPE_CHECKING:
    from sim.data.arrays import Card


def number(text: str) -> float:
    """A number as people write it.

    Raises:
        ValueError: a sentence without a subject ("must be a number, not 'x'.").
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number, not {text!r}.") from None


def whole(text: str) -> int:
    """A whole number as people write it; 1e3 is one.

    Raises:
        ValueError: a sentence without a subject.
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
        if value == int(value):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"must be a whole number, not {text!r}.")


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError(f"must be true or false, not {text!r}.")
    return words[text.lower()]


def _batch_size(text: str) -> int | str:
    if text == "all":
        return text
    try:
        return whole(text)
    except ValueError:
        raise ValueError(f"must be a positive whole number or 'all', not {text!r}.") from None


RUN_KEYS: dict[str, Callable[[str], Any]] = {
    "name": str,
    "batch_size": _batch_size,
    "lr": number,
    "optimizer": str,
    "momentum": number,
    "nesterov": _flag,
    "sampling": str,
    "drop_last": _flag,
    "schedule": str,
    "schedule_updates": whole,
}
"""What a `--run` or a `[[runs]]` table may say, and how each value is read. The fields of RunConfig, in its order."""

SHARED_KEYS = tuple(key for key in RUN_KEYS if key not in ("name", "batch_size"))


def _reader(read: Callable[[str], Any]) -> Callable[[Any, Sequence[Token]], Any]:
    """A cyclopts converter; its own would round 1.5 to a whole 2."""
    return lambda _type, tokens: read(tokens[0].value)


def _split_runs(_type: Any, value: str, delimiter: str | None = None) -> list[str]:
    """Several runs in one environment variable: names may hold spaces, so that semicolons part them."""
    return [part for part in value.split(delimiter or ";") if part.strip()]


Number = Annotated[float, Parameter(converter=_reader(number))]
Whole = Annotated[int, Parameter(converter=_reader(whole))]

EXPERIMENT = Group("Experiment", sort_key=4)
_DATA = Parameter(group=Group("Problem and data", sort_key=1))
_MODEL = Parameter(group=Group("A real model, in place of a problem", sort_key=2))
_RUNS = Parameter(group=Group("Runs", sort_key=3))
_EXPERIMENT = Parameter(group=EXPERIMENT)
_SWITCH = Parameter(negative=(), show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `gdsim` and `gdsim run` both take.

    The options of the runs hold for each of the three default runs. With `--run` they hold for the keys that it
    leaves out (for `batch_size` that is `--mini-batch-size`).

    Attributes:
        data: Your own .csv, .tsv, .parquet or .npz file (linear, logistic, --model), or X.npy,y.npy (--model).
        features: Columns of that file to use as inputs, separated by commas.
        target: The column of that file to predict.
        scale: What to do with the inputs.
        start: Where all runs begin: two numbers, such as --start -1,2.
        model: mlp, cnn, or FILE.py[:NAME], a function of your own that returns an nn.Module.
        dataset: Data for the model; see gdsim list.
        hidden: Sizes of the mlp's hidden layers, separated by commas.
        task: What the targets are; by default text, or at most 20 different whole numbers, are classes.
        test_fraction: Share of the examples kept for testing; 0 for none.
        examples: How many examples the synthetic data set has.
        loader: Whether batches come through a DataLoader or from tensors resident on the device.
        workers: Processes of the DataLoader.
        plane: How a model's parameters are seen in two dimensions.
        run: A run in place of the default three, up to 9 times: name=big,batch_size=128,lr=0.05,optimizer=adam ...
        lr: Learning rate.
        optimizer: Optimizer, from torch.optim.
        momentum: Momentum, for sgd and rmsprop.
        nesterov: Nesterov's variant of momentum, for sgd.
        mini_batch_size: Examples an update of the mini-batch run; by default 32, fewer for small data.
        sampling: Which examples an update uses.
        drop_last: Leave out an epoch's last batch when it is not full.
        schedule: The course of the learning rate.
        schedule_updates: How many updates the schedule takes; the final rate is held afterwards.
        seed: Seed of the order of the examples.
        clock: What the runs are kept equal in.
        device: auto, cpu, cuda, cuda:N or mps.
        loss_every: Evaluate the loss over all examples every so many updates.
        config: A TOML file with any of these options, in place of your own gdsim.toml.
    """

    data: Annotated[str | None, _DATA, Parameter(metavar="FILE")] = None
    features: Annotated[str | None, _DATA, Parameter(metavar="NAMES")] = None
    target: Annotated[str | None, _DATA, Parameter(metavar="NAME")] = None
    scale: Annotated[Scale | None, _DATA] = None
    start: Annotated[str | None, _DATA, Parameter(allow_leading_hyphen=True, metavar="A,B")] = None
    model: Annotated[str | None, _MODEL, Parameter(metavar="MODEL")] = None
    dataset: Annotated[str, _MODEL] = "digits"
    hidden: Annotated[str, _MODEL, Parameter(metavar="SIZES")] = "64,64"
    task: Annotated[Task, _MODEL] = "auto"
    test_fraction: Annotated[Number, _MODEL] = 0.2
    examples: Annotated[Whole, _MODEL] = 100_000
    loader: Annotated[Loader, _MODEL] = "auto"
    workers: Annotated[Whole, _MODEL] = 0
    plane: Annotated[PlaneKind, _MODEL] = "pca"
    run: Annotated[tuple[str, ...], Parameter(env_var_split=_split_runs, show_default=False, negative=()), _RUNS] = ()
    lr: Annotated[Number | None, _RUNS] = None
    optimizer: Annotated[Optimizer, _RUNS] = "sgd"
    momentum: Annotated[Number, _RUNS] = 0.0
    nesterov: Annotated[bool, _RUNS, _SWITCH] = False
    mini_batch_size: Annotated[Whole | None, _RUNS] = None
    sampling: Annotated[Sampling, _RUNS] = "shuffle"
    drop_last: Annotated[bool, _RUNS, _SWITCH] = False
    schedule: Annotated[Schedule, _RUNS] = "constant"
    schedule_updates: Annotated[Whole, _RUNS] = 1000
    seed: Annotated[Whole, _EXPERIMENT] = 0
    clock: Annotated[Clock, _EXPERIMENT] = "updates"
    device: Annotated[str, _EXPERIMENT] = "auto"
    loss_every: Annotated[Whole | None, _EXPERIMENT] = None
    config: Annotated[str | None, _EXPERIMENT, Parameter(metavar="FILE")] = None


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Options)}
MODEL_KEYS = ("dataset", "hidden", "task", "test_fraction", "examples", "loader", "workers", "plane")
"""The options that only a model takes."""


def prepare(problem: str, options: Options) -> "tuple[Experiment, Card]":
    """The experiment that the options ask for, resolved, and what is known of its problem beforehand.

    Raises:
        ConfigError: for whatever cannot be done.
    """
    # numpy: not for `gdsim --version`
    from sim.data.arrays import describe_model
    from sim.problems import build_formula

    card: Card
    config = _model_config(problem, options) if options.model else _problem_config(problem, options)
    card = describe_model(config) if isinstance(config, ModelConfig) else build_formula(config)
    runs = _runs(options)
    if options.schedule_updates != DEFAULTS["schedule_updates"] and all(run.schedule == "constant" for run in runs):
        raise ConfigError("--schedule-updates needs a schedule; add one, such as --schedule cosine.")
    experiment = Experiment(
        problem=config,
        runs=runs,
        seed=options.seed,
        clock=options.clock,
        device=options.device,
        loss_every=options.loss_every,
    )
    return experiment.resolved(card.lr, card.start, card.examples), card


def _problem_config(problem: str, options: Options) -> ProblemConfig:
    for key in MODEL_KEYS:
        if getattr(options, key) != DEFAULTS[key]:
            raise ConfigError(f"--{key.replace('_', '-')} is for models; say which with --model, such as --model mlp.")
    return ProblemConfig(
        name=problem,
        data=options.data,
        features=_names(options.features),
        target=options.target,
        scale=options.scale,
        start=None if options.start is None else _point(options.start),
    )


def _model_config(problem: str, options: Options) -> ModelConfig:
    if problem != ProblemConfig().name:
        raise ConfigError(f"Both the problem {problem} and --model {options.model} are named; choose one of them.")
    if options.start is not None:
        raise ConfigError("--start is for two-parameter problems; a model begins as it was made from the seed.")
    assert options.model is not None
    _refuse_unused(options, "hidden", options.model == "mlp", "--model mlp")
    _refuse_unused(options, "examples", options.dataset == "synthetic", "--dataset synthetic")
    try:
        hidden = tuple(whole(part) for part in options.hidden.split(",") if part.strip())
    except ValueError:
        words = f"--hidden must be whole numbers separated by commas, such as 64,64; got {options.hidden!r}."
        raise ConfigError(words) from None
    return ModelConfig(
        model=options.model,
        dataset=options.dataset,
        data=options.data,
        features=_names(options.features),
        target=options.target,
        scale=options.scale,
        examples=options.examples,
        hidden=hidden,
        task=options.task,
        test_fraction=options.test_fraction,
        loader=options.loader,
        workers=options.workers,
        plane=options.plane,
    )


def _refuse_unused(options: Options, key: str, used: bool, where: str) -> None:
    """Refuse an option that would change nothing."""
    if not used and getattr(options, key) != DEFAULTS[key]:
        raise ConfigError(f"--{key} is for {where}; leave it out, or add that.")


def _runs(options: Options) -> tuple[RunConfig, ...]:
    """The runs that the options describe: those of `--run`, or the default three."""
    shared: dict[str, Any] = {key: getattr(options, key) for key in SHARED_KEYS}
    if not options.run:
        return tuple(replace(run, **shared) for run in default_runs(options.mini_batch_size))
    return tuple(
        RunConfig(**{"name": f"run {place}", "batch_size": options.mini_batch_size, **shared, **parse_run(text)})
        for place, text in enumerate(options.run, start=1)
    )


def parse_run(text: str) -> dict[str, Any]:
    """The keys and values of one `--run`, such as "name=big,batch_size=128,lr=0.05".

    Raises:
        ConfigError: for an unknown key (naming the nearest right one), or a value of the wrong kind.
    """
    values: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        key = key.replace("-", "_")
        if not equals:
            raise ConfigError(f"A run is written key=value,key=value, such as name=big,lr=0.05; got {part.strip()!r}.")
        if key not in RUN_KEYS:
            raise ConfigError(f"Unknown key {key!r} in the run {text!r}; {suggest(key, RUN_KEYS)}")
        if key in values:
            raise ConfigError(f"The run {text!r} says {key} twice; say it once.")
        try:
            values[key] = RUN_KEYS[key](value)
        except ValueError as error:
            raise ConfigError(f"Run {text!r}: {key} {error}") from None
    return values


def _names(text: str | None) -> tuple[str, ...]:
    """Column names separated by commas; a name with a comma stands in double quotes."""
    if text is None:
        return ()
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))


def _point(text: str) -> Point:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"The start must be two finite numbers, such as --start -1,2; got {text!r}.") from None
    return Point(x, y)
