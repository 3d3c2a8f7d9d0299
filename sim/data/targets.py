"""Whether a target is a class or a quantity: one rule for every kind of file. Imports no torch."""

import numpy as np
from numpy.typing import NDArray

from sim.experiment.words import shown

MOST_CLASSES = 20


def are_classes(values: NDArray[np.generic]) -> bool:
    """Whether a target is a class, unless the user says otherwise.

    Text, true and false, and at most 20 different whole numbers do, of whatever type: a CSV file has no types.
    """
    if values.dtype.kind in "bU":
        return True
    found = np.unique(values)
    return len(found) <= MOST_CLASSES and bool((found == np.round(found)).all())


def class_numbers(values: NDArray[np.generic]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class numbers from 0, shape (N,), and the names of the classes in sorted order, fit to be shown."""
    found, numbers = np.unique(values, return_inverse=True)
    return numbers.astype(np.int64), tuple(_name(value) for value in found.tolist())


def _name(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return shown(str(int(value) if whole else value))  # type: ignore[call-overload]
