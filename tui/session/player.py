"""Playing and pausing, how fast, and how fast really: pure data."""

import math
from dataclasses import dataclass

_FASTEST_STATED = 1024.0
_MOST_OWED = 0.25  # seconds: after a hold-up playing goes on, it does not rush to make up for it


@dataclass(slots=True)
class Player:
    """What plays the race: whether time goes on, and how fast.

    Attributes:
        playing: whether time goes on.
        speed: 1 is the problem's own pace; infinite: as fast as possible.
        owed: seconds of playing at speed 1 that are due but not yet shown.
    """

    playing: bool = False
    speed: float = 1.0
    owed: float = 0.0

    def toggle(self) -> None:
        """Play or pause."""
        self.playing = not self.playing
        self.owed = 0.0

    def pause(self) -> None:
        """Stand still."""
        self.playing = False
        self.owed = 0.0

    def multiply_speed(self, factor: float) -> None:
        """Faster or slower; beyond a certain speed as fast as possible, and from there back to it."""
        if math.isinf(self.speed):
            if factor < 1:
                self.speed = _FASTEST_STATED
        else:
            faster = self.speed * factor
            self.speed = max(1 / _FASTEST_STATED, faster) if faster <= _FASTEST_STATED else math.inf
        self.owed = 0.0

    def elapse(self, seconds: float) -> None:
        """So much wall time went by."""
        if self.playing and seconds > 0:  # 0 times an infinite speed is no number
            self.owed = min(self.owed + seconds * self.speed, max(_MOST_OWED, seconds) * self.speed)


@dataclass(slots=True)
class Meter:
    """A meter of how fast the clock really goes: slower than was asked for where updates take long.

    Attributes:
        rate: units of the clock for each second of playing, over the last window; NaN while unknown.
    """

    rate: float = math.nan
    _of: object = None
    _seconds: float = 0.0
    _covered: float = 0.0

    def elapse(self, seconds: float, of: object, window: float = 1.0) -> None:
        """So much wall time of playing went by.

        Args:
            seconds: how much.
            of: on which clock and at which speed: another one begins anew.
            window: over how many seconds it is measured.
        """
        if of != self._of:
            self.rate, self._of, self._seconds, self._covered = math.nan, of, 0.0, 0.0
        self._seconds += seconds
        if self._seconds >= window:
            self.rate, self._seconds, self._covered = self._covered / self._seconds, 0.0, 0.0

    def cover(self, distance: float) -> None:
        """The clock went on by so much."""
        self._covered += distance
