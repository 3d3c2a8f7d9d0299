"""What is changed while an experiment is under way, and when. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from sim.experiment.choices import Clock
from sim.experiment.errors import ConfigError, choose

Settings = Mapping[str, Any]
"""What is otherwise about a run, by the names of `RunConfig`; the rest stays."""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The runs are kept equal in something else.

    Attributes:
        moment: the last one that is as it was before.
        clock: what counts from then on.
    """

    moment: int
    clock: Clock

    def __post_init__(self) -> None:
        _check_moment(self.moment)
        choose(self.clock, get_args(Clock), "clock")


@dataclass(frozen=True, slots=True)
class RunChange:
    """A run goes on with other settings.

    Attributes:
        moment: the last one that is as it was before.
        run: its name.
        settings: what is otherwise from its next update on.
    """

    moment: int
    run: str
    settings: Settings

    def __post_init__(self) -> None:
        _check_moment(self.moment)


@dataclass(frozen=True, slots=True)
class Fork:
    """A run goes on a second time, from where it was after one of its updates.

    Attributes:
        moment: the last one without the new run.
        run: the name of the one that it branches off.
        update: the last one that both have in common; 0 for the start.
        settings: what is otherwise about the new run, its name in any case.
    """

    moment: int
    run: str
    update: int
    settings: Settings

    def __post_init__(self) -> None:
        _check_moment(self.moment)
        if self.update < 0:
            raise ConfigError(f"A fork begins after an update of 0 or more, not {self.update!r}.")
        if "name" not in self.settings:
            raise ConfigError(f"A fork needs a name of its own, such as name={self.run}-2.")


@dataclass(frozen=True, slots=True)
class Removal:
    """A run goes on no more, and is not shown.

    Attributes:
        moment: the last one at which it was there.
        run: its name.
    """

    moment: int
    run: str

    def __post_init__(self) -> None:
        _check_moment(self.moment)


Change = ClockChange | RunChange | Fork | Removal

Journal = tuple[Change, ...]
"""Changes in the order in which they are made; of clocks, one at a moment at most."""


def _check_moment(moment: int) -> None:
    if moment < 0:
        raise ConfigError(f"A change comes at a moment of 0 or more, not {moment!r}.")


def noted(journal: Journal, change: Change) -> Journal:
    """The journal with one more change, made at present.

    A change of the clock replaces one at the same moment. What was planned for later is dropped: its moments would be
    others.
    """
    before = (earlier for earlier in journal if earlier.moment <= change.moment)
    return (*(one for one in before if not _replaces(change, one)), change)


def _replaces(change: Change, earlier: Change) -> bool:
    return isinstance(change, ClockChange) and isinstance(earlier, ClockChange) and earlier.moment == change.moment


def clock_after(clock: Clock, journal: Journal, moment: int) -> Clock:
    """What the runs are kept equal in after so many moments, if they begin on a clock."""
    changes = (one for one in reversed(journal) if isinstance(one, ClockChange))
    return next((change.clock for change in changes if change.moment <= moment), clock)
