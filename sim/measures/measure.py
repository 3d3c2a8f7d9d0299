"""What a measure is, and what it may look at. Imports no torch, except for the names of types."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from sim.experiment.geometry import Point

if TYPE_CHECKING:
    from torch import Tensor

Cost = Literal["step", "pass", "gradient", "free"]
"""How dear a measure is, and so when it is taken.

"step" costs next to nothing and is taken at each update, of a `Step`; "pass" costs going through all examples and is
taken every `loss_every` updates, of a `Passes`; "gradient" costs the gradient over all examples and is taken of an
update that is looked at, of a `Gradients`; "free" follows from what was recorded, at the cursor, of a `Standing`.
"""

Unit = Literal["", "%", "°", "/s"]


@dataclass(frozen=True)
class Step:
    """An update that was just made.

    A measure of the way travelled would need the parameters before the update, too, of which steppers keep no copy.

    Attributes:
        batch_loss: the mean over its batch, at the parameters before it.
        gradient: of that loss, shape (L,).
        lr: the rate that it used.
        vector: the parameters after it, shape (L,); for measures of them, such as the length of a model's weights.
    """

    batch_loss: float
    gradient: "Tensor"
    lr: float
    vector: "Tensor"

    @cached_property
    def grad_norm(self) -> float:
        """The length of the gradient, in its own type; whether a run has converged or diverged depends on it."""
        return float(self.gradient.norm())


class Figures(NamedTuple):
    """What one pass over some examples found.

    Attributes:
        loss: over all of them, as if taken in one go; NaN without any.
        accuracy: the share of their labels predicted correctly; NaN where outputs are not classes, or no label is one.
    """

    loss: float
    accuracy: float


class Passes(NamedTuple):
    """What passes over all examples found, at the same parameters."""

    training: Figures
    testing: Figures


class Gradients(NamedTuple):
    """The gradient that an update used and the one over all examples at the same parameters, shape (L,) each."""

    own: "Tensor"
    full: "Tensor"


class Standing(NamedTuple):
    """A run at the cursor.

    Attributes:
        point: on the plane.
        minima: of the loss, those known.
        off_plane: how far it is from the plane; NaN where all parameters lie on it.
        updates, examples, seconds: made, read and spent over its last updates.
    """

    point: Point
    minima: Sequence[Point]
    off_plane: float
    updates: int
    examples: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A number about a run.

    Attributes:
        name: of its column in the trace and in exports.
        title: the same in words.
        short: the same in few letters.
        sentence: what it says, for people.
        cost: how dear it is.
        unit: what it is counted in; a share is shown in percent.
        of: its value, of the view that goes with its cost; NaN where there is none.
    """

    name: str
    title: str
    short: str
    sentence: str
    cost: Cost
    unit: Unit
    of: Callable[[Any], float]


declared: dict[str, Measure] = {}

Function = TypeVar("Function", bound=Callable[[Any], float])


def measure(
    title: str, sentence: str, *, cost: Cost, unit: Unit = "", short: str = ""
) -> Callable[[Function], Function]:
    """Declare the decorated function as a measure under its own name."""

    def declare(function: Function) -> Function:
        name = function.__name__
        declared[name] = Measure(name, title, short or title, sentence, cost, unit, function)
        return function

    return declare
