"""The words that an experiment is configured with, and a sentence about each. Imports no torch."""

from collections.abc import Callable
from typing import Literal, NamedTuple

Clock = Literal["updates", "examples", "seconds"]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad"]
Schedule = Literal["constant", "step", "cosine", "one-cycle"]
Sampling = Literal["shuffle", "replacement", "sequential"]
Scale = Literal["standard", "minmax", "none"]
Task = Literal["auto", "classification", "regression"]
Loader = Literal["auto", "dataloader", "resident"]
Backend = Literal["torch", "compiled"]
BackendChoice = Literal["auto", "torch", "compiled"]
PlaneKind = Literal["pca", "random", "heads"]
PlaneName = PlaneKind | Literal["identity"]


_MANY = 100_000  # examples from which on the seconds clock plays in real time


class ClockKind(NamedTuple):
    """A clock: what runs are kept equal in.

    Attributes:
        sentence: about it, for people.
        column: of the trace that it reads.
        pace: units of it for each second of playing, for a problem of so many examples that has no pace of its own.
        measured: whether it is known only once an update was made.
    """

    sentence: str
    column: str
    pace: Callable[[int], float]
    measured: bool = False


class OptimizerKind(NamedTuple):
    """One of torch's optimizers.

    Attributes:
        sentence: about it, for people.
        rate: for models that name none; None: the problem's own.
        momentum: whether it has one to set.
    """

    sentence: str
    rate: float | None = None
    momentum: bool = False


CLOCKS: dict[Clock, ClockKind] = {
    "updates": ClockKind(
        "every run makes the same number of updates: what a step is worth", "update", lambda _examples: 30.0
    ),
    "examples": ClockKind(
        "every run reads the same number of examples: what an example is worth",
        "examples",
        lambda examples: examples / 2,
    ),
    "seconds": ClockKind(
        "every run gets the same computing time of the backend: what a second is worth there",
        "seconds",
        lambda examples: 1.0 if examples >= _MANY else 0.1,
        measured=True,
    ),
}
OPTIMIZERS: dict[Optimizer, OptimizerKind] = {
    "sgd": OptimizerKind(
        "the plain gradient step, with momentum and Nesterov's variant on request (torch.optim.SGD)", momentum=True
    ),
    "adam": OptimizerKind("steps scaled by running means of the gradient and its square (torch.optim.Adam)", 1e-3),
    "adamw": OptimizerKind("Adam with weight decay apart from the gradient (torch.optim.AdamW)", 1e-3),
    "rmsprop": OptimizerKind(
        "steps divided by a running root mean square of the gradient (torch.optim.RMSprop)", 1e-3, momentum=True
    ),
    "adagrad": OptimizerKind("steps divided by the root of all squared gradients so far (torch.optim.Adagrad)", 1e-2),
}
SCHEDULES: dict[Schedule, str] = {
    "constant": "the same learning rate throughout",
    "step": "the rate times 0.1 after each third of schedule_updates (torch StepLR)",
    "cosine": "half a cosine from the rate down to 0 over schedule_updates (torch CosineAnnealingLR)",
    "one-cycle": "up to the rate and far below it again over schedule_updates (torch OneCycleLR)",
}
SAMPLINGS: dict[Sampling, str] = {
    "shuffle": "a new random order each epoch, every example once (DataLoader's shuffle=True)",
    "replacement": "each example drawn at random from all of them, repeats possible",
    "sequential": "the data's own order, epoch after epoch",
}
SCALES: dict[Scale, str] = {
    "standard": "mean 0, standard deviation 1",
    "minmax": "smallest value 0, largest 1",
    "none": "as in the file",
}
MODELS: dict[str, str] = {
    "mlp": "a multi-layer perceptron: layers of --hidden units with ReLU between them",
    "cnn": "a small convolutional network: two convolutions with ReLU and pooling, then one linear layer",
    "FILE.py[:NAME]": "your own: a function (`model` by default) that returns an nn.Module",
}
NETWORKS = tuple(name for name in MODELS if name.isidentifier())
"""The models that come with gdsim."""
DATASETS: dict[str, str] = {
    "digits": "1,797 handwritten digits of 8x8 pixels, 10 classes",
    "breast-cancer": "569 tumours by 30 measurements, 2 classes",
    "wine": "178 wines by 13 measurements, 3 classes",
    "iris": "150 flowers by 4 measurements, 3 classes",
    "diabetes": "442 patients by 10 measurements; the disease's progression, a quantity",
    "synthetic": "as many as --examples says by 64 features, 10 classes, made from the seed",
}
PLANES: dict[PlaneKind, str] = {
    "pca": "the two directions in which the runs have moved most so far",
    "random": "two random directions, each filter as long as the model's (Li et al. 2018)",
    "heads": "through where the runs are now",
}
BACKENDS: dict[BackendChoice, str] = {
    "auto": "compiled for many small updates without a screen on the CPU, where that can be done; else torch",
    "torch": "PyTorch's autograd and optimizers, one update at a time: the reference",
    "compiled": "machine code, for two-parameter problems and dense networks; on a GPU, CUDA graphs: much faster",
}
