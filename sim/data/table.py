"""Data sets as tables: the bundled ones, and scaling. Imports no torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sim.data.scaling import TOO_SMALL, Floats, fit
from sim.experiment.choices import Scale
from sim.experiment.errors import ConfigError, choose
from sim.experiment.words import quoted

SCALE_NOTES: dict[Scale, str] = {
    "standard": "inputs standardised",
    "minmax": "inputs in 0..1",
    "none": "inputs as in the file",
}

_BUNDLED: dict[str, tuple[str, tuple[str, ...]]] = {
    "diabetes": ("diabetes.csv", ()),
    "breast_cancer": ("breast_cancer.csv", ("malignant", "benign")),
    "digits": ("digits.csv.gz", tuple("0123456789")),
    "wine": ("wine.csv", ("class_0", "class_1", "class_2")),
    "iris": ("iris.csv", ("setosa", "versicolor", "virginica")),
}
"""Each bundled data set's file and the names of its classes (none: its target is a quantity)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Inputs and a target, by column.

    Attributes:
        name: of the data set or file, fit to be shown, as all names here.
        columns: the names of the inputs, in order.
        inputs: shape (N, K), float64, finite.
        target: the name of the target.
        targets: shape (N,), float64, finite; class numbers from 0 where there are classes.
        classes: the names of the classes, in the order of their numbers; empty where the target is a quantity.
    """

    name: str
    columns: tuple[str, ...]
    inputs: Floats
    target: str
    targets: Floats
    classes: tuple[str, ...] = ()

    @property
    def task(self) -> Literal["regression", "classification"]:
        """What there is to learn."""
        return "classification" if self.classes else "regression"

    def select(self, *columns: str) -> "Table":
        """The same table with these inputs only."""
        indices = [self.columns.index(column) for column in columns]
        return replace(self, columns=columns, inputs=self.inputs[:, indices])


def load_bundled(name: str) -> Table:
    """One of the data sets that come with the package: see `sim/data/datasets/README.md`.

    Raises:
        ConfigError: for a name that is not among them.
    """
    file, classes = _BUNDLED[choose(name, _BUNDLED, "data set")]
    path = Path(__file__).parent / "datasets" / file
    *columns, target = np.loadtxt(path, str, delimiter=",", max_rows=1).tolist()
    values = np.loadtxt(path, np.float64, delimiter=",", skiprows=1)
    return Table(name.replace("_", " "), tuple(columns), values[:, :-1], target, values[:, -1], classes)


# -- scaling ----------------------------------------------------------------------------------------------------------


def scaled(table: Table, scale: Scale) -> Floats:
    """The inputs, shape (N, K), each column scaled on its own by all rows; see `fit`.

    Raises:
        ConfigError: for a column that is constant.
    """
    x = table.inputs
    for column, lowest, highest in zip(table.columns, x.min(axis=0), x.max(axis=0), strict=True):
        _reject_constant(column, lowest, highest)
    return x if scale == "none" else fit(x, scale).apply(x)


def standardised(table: Table) -> Floats:
    """The targets, shape (N,), with mean 0 and population standard deviation 1.

    Raises:
        ConfigError: if they are all the same.
    """
    y = table.targets
    _reject_constant(table.target, y.min(), y.max())
    return fit(y, "standard").apply(y)


def _reject_constant(column: str, lowest: float, highest: float) -> None:
    if highest - lowest < TOO_SMALL:
        raise ConfigError(f"Column {quoted(column)} is {lowest:g} in every row; choose one that varies.")
