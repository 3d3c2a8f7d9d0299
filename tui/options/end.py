"""The options that say where runs end. Imports no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from tui.options.options import Number, Whole

if TYPE_CHECKING:
    from sim.experiment.config import Limit

_END = Parameter(group=Group("Where the runs end (exactly one)", sort_key=5))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """Where the runs end.

    Attributes:
        updates: After so many updates of each run.
        epochs: After so many passes through the data.
        seconds: After so many seconds of computing.
    """

    updates: Annotated[Whole | None, _END] = None
    epochs: Annotated[Number | None, _END] = None
    seconds: Annotated[Number | None, _END] = None

    @property
    def limit(self) -> "Limit | None":
        """The one that was given; None if none was.

        Raises:
            ConfigError: for several.
        """
        from sim.experiment.config import Limit  # which the help does without

        return Limit.among({"updates": self.updates, "epochs": self.epochs, "seconds": self.seconds})
