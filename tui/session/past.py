"""What a recording has of its runs, any part of which is read when it is wanted. Imports no torch."""

import asyncio
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.protocol.trace import Excerpt, Rows
from sim.recording.reader import Recording

Value = TypeVar("Value")
Found = TypeVar("Found")


class Past:
    """The past of runs that were recorded.

    Attributes:
        overview: where they were at the ends of the recording's parts.
        news: what is in none of them.
        journal: what was changed on the way, or was to be.
        ends: where each run had come to; see `Recording`.

    Raises:
        ConfigError: where the recording is damaged.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording, self._reading = recording, Lock()
        self.journal, self.ends = recording.journal, recording.ends
        self.overview, self.news = recording.overview(), recording.news()

    @property
    def part_ends(self) -> NDArray[np.int64]:
        """See `Recording`."""
        return self._recording.part_ends

    @property
    def forked_in(self) -> tuple[int, ...]:
        """See `Recording`."""
        return self._recording.forked_in

    async def part(self, number: int) -> Excerpt:
        """One of the recording's parts.

        Raises:
            ConfigError: where it is damaged.
        """
        return await asyncio.to_thread(self.alone, self._recording.part, number)

    def alone(self, read: Callable[[Value], Found], what: Value) -> Found:
        """What comes of reading in the recording, which one at a time may do."""
        with self._reading:
            return read(what)

    def pieces(self) -> Iterator[tuple[Rows, NDArray[np.float64]]]:
        """All of it, as `Recording` has it."""
        return self._recording.pieces()

    def let_go(self, meanwhile: Callable[[], None]) -> None:
        """Have something done with the file while nobody reads it."""
        with self._reading, self._recording.let_go():
            meanwhile()

    def close(self) -> None:
        """Let go of the file."""
        with self._reading:
            self._recording.close()
