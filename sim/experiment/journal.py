"""What is changed while an experiment is under way, and when. Imports no torch."""

from dataclasses import dataclass
from typing import get_args

from sim.experiment.choices import Clock
from sim.experiment.errors import ConfigError, choose


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the clock at some moment.

    Attributes:
        moment: the last one that is as it was before.
        clock: what counts from then on.
    """

    moment: int
    clock: Clock

    def __post_init__(self) -> None:
        if self.moment < 0:
            raise ConfigError(f"A change comes at a moment of 0 or more, not {self.moment!r}.")
        choose(self.clock, get_args(Clock), "clock")


Journal = tuple[Change, ...]
"""Changes in the order of their moments, no two of which are the same."""


def noted(journal: Journal, change: Change) -> Journal:
    """The journal with one more change, which replaces those at the same moment or later."""
    return (*(earlier for earlier in journal if earlier.moment < change.moment), change)


def clock_after(clock: Clock, journal: Journal, moment: int) -> Clock:
    """What the runs are kept equal in after so many moments, if they begin on a clock."""
    return next((change.clock for change in reversed(journal) if change.moment <= moment), clock)
