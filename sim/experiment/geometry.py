"""Points and rectangles of the plane that the parameters are seen on. Imports no torch."""

from typing import NamedTuple


class Point(NamedTuple):
    """A point of the plane that the runs are seen on."""

    x: float
    y: float


class Window(NamedTuple):
    """A rectangle of the plane."""

    left: float
    right: float
    bottom: float
    top: float
