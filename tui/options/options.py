"""The options that every way of starting gdsim shares. Imports no torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

from sim.experiment.choices import BackendChoice, Clock, Loader, Optimizer, PlaneKind, Sampling, Scale, Schedule, Task
from tui.options.values import number, whole


def _reader(read: Callable[[str], Any]) -> Callable[[Any, Sequence[Token]], Any]:
    """A cyclopts converter; its own would round 1.5 to a whole 2."""
    return lambda _type, tokens: read(tokens[0].value)


def _split_runs(_type: Any, value: str, delimiter: str | None = None) -> list[str]:
    """Several runs in one environment variable: names may hold spaces, so that semicolons part them."""
    return [part for part in value.split(delimiter or ";") if part.strip()]


Number = Annotated[float, Parameter(converter=_reader(number), metavar="X")]
Whole = Annotated[int, Parameter(converter=_reader(whole), metavar="N")]

EXPERIMENT = Group("Experiment", sort_key=4)
_DATA = Parameter(group=Group("Problem and data", sort_key=1))
_MODEL = Parameter(group=Group("A real model, instead of a problem", sort_key=2))
_RUNS = Parameter(group=Group("Runs", sort_key=3))
_EXPERIMENT = Parameter(group=EXPERIMENT)
_SWITCH = Parameter(negative=(), show_default=False)
_SEVERAL = Parameter(metavar="KEY=VALUE,...", env_var_split=_split_runs, show_default=False, negative=())


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
        run: A run instead of the default three, up to 9 times: name=big,batch_size=128,lr=0.05,optimizer=adam ...
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
        seeds: Make each run from so many seeds at once, this one and those that follow it (two-parameter problems).
        clock: What the runs are kept equal in.
        device: auto, cpu, cuda, cuda:N or mps; auto is a GPU for models, where there is one, and the CPU for the rest.
        backend: Who makes the updates; see gdsim list.
        loss_every: Evaluate the loss over all examples every so many updates.
        change: Something else from a moment on, several times if wanted: moment=50,clock=examples, or a run's settings,
            moment=50,run=batch,lr=0.1, or a run that begins where another was after an update,
            moment=50,fork=batch,update=20,name=slow,lr=0.1.
        config: A TOML file with any of these options, instead of your own gdsim.toml.
    """

    data: Annotated[str | None, _DATA, Parameter(metavar="FILE")] = None
    features: Annotated[str | None, _DATA, Parameter(metavar="NAMES")] = None
    target: Annotated[str | None, _DATA, Parameter(metavar="NAME")] = None
    scale: Annotated[Scale | None, _DATA] = None
    start: Annotated[str | None, _DATA, Parameter(allow_leading_hyphen=True, metavar="A,B")] = None
    model: Annotated[str | None, _MODEL, Parameter(metavar="MODEL")] = None
    dataset: Annotated[str, _MODEL, Parameter(metavar="NAME")] = "digits"
    hidden: Annotated[str, _MODEL, Parameter(metavar="SIZES")] = "64,64"
    task: Annotated[Task, _MODEL] = "auto"
    test_fraction: Annotated[Number, _MODEL] = 0.2
    examples: Annotated[Whole, _MODEL] = 100_000
    loader: Annotated[Loader, _MODEL] = "auto"
    workers: Annotated[Whole, _MODEL] = 0
    plane: Annotated[PlaneKind, _MODEL] = "pca"
    run: Annotated[tuple[str, ...], _RUNS, _SEVERAL] = ()
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
    seeds: Annotated[Whole, _EXPERIMENT] = 1
    clock: Annotated[Clock, _EXPERIMENT] = "updates"
    device: Annotated[str, _EXPERIMENT, Parameter(metavar="DEVICE")] = "auto"
    backend: Annotated[BackendChoice, _EXPERIMENT] = "auto"
    loss_every: Annotated[Whole | None, _RUNS] = None
    change: Annotated[tuple[str, ...], _SEVERAL, _EXPERIMENT] = ()
    config: Annotated[str | None, _EXPERIMENT, Parameter(metavar="FILE")] = None


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Options)}
