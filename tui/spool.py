"""Rows on their way into an export, on disk: they come in the order of time, and go out run by run."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from sim.experiment.resolved import Lineage
from sim.protocol.trace import Rows
from tui.export import SEEN

_AT_ONCE = 100_000  # rows


class Spool:
    """A file of rows for each run, without a name: nothing is left of it, however the program ends.

    Trouble with the disk is that of whoever reads: the runs go on without it.

    Args:
        folder: where the files are; None: where others of no name are.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: list[IO[bytes]] = []
        self._trouble: OSError | None = None

    def append(self, rows: Rows) -> None:
        """Add rows of dtype `SEEN`, each run's in the order of its updates."""
        try:
            for run in np.unique(rows["run"]).tolist() if self._trouble is None else ():
                while len(self._files) <= run:
                    self._files.append(tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115
                self._files[run].seek(0, os.SEEK_END)
                self._files[run].write(rows[rows["run"] == run].tobytes())
                self._files[run].flush()
        except OSError as error:
            self._trouble = error

    def past(self, lineage: Lineage, run: int) -> Iterator[Rows]:
        """The past that a run has in common with its parent, as its own."""
        assert lineage.parent is not None, "a fork has one"
        for rows in self._of_run(lineage.parent) if self._trouble is None else ():
            past = rows[rows["update"] <= lineage.update]
            past["run"] = run
            yield past

    def pieces(self) -> Iterator[Rows]:
        """All rows, run by run, in blocks.

        Raises:
            OSError: if not all of them could be kept.
        """
        if self._trouble is not None:
            raise self._trouble
        for run in range(len(self._files)):
            yield from self._of_run(run)

    def _of_run(self, run: int) -> Iterator[Rows]:
        file, begin = self._files[run], 0
        file.seek(0)
        while block := file.read(_AT_ONCE * SEEN.itemsize):
            yield np.frombuffer(block, SEEN).copy()
            begin += len(block)
            file.seek(begin)
