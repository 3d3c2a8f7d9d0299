"""Reads a recording, also while another process still writes it. Imports no torch, and executes nothing of the file."""

import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from sim.experiment.choices import Optimizer
from sim.experiment.document import from_document, to_document
from sim.experiment.journal import Journal
from sim.experiment.resolved import Facts, Lineage, resolve
from sim.protocol.answers import Advanced, Opened, Trouble
from sim.protocol.checkpoint import Resume
from sim.protocol.results import Surveyed
from sim.protocol.trace import Excerpt, Rows
from sim.recording.checkpoints import read_resume
from sim.recording.file import all_of, has_writer, only, open_file, reading, require_file, trace_of
from sim.recording.looks import Looks
from sim.recording.parts import Parts
from sim.recording.private_copy import PrivateCopy, has_to_be_copied
from sim.recording.rows import count_rows, pieces
from sim.recording.trails_reader import TrailsReader
from sim.recording.values import checked, document, landscape_of, lineages_of, trouble_of, typed

_SILENCE = 6.0  # seconds without a batch, after which nobody writes any more

State = Literal["complete", "being written", "broken off"]
Floats = NDArray[np.float64]


class Recording:
    """A recording, read from its start on.

    Attributes:
        path: where it is.
        asked: the experiment as it was asked for.
        opened: the experiment at its start.
        gdsim: the version of the program that wrote it, or "".
        begun: when, in seconds since 1970, UTC.
        schema: the version of its tables.

    Raises:
        ConfigError: for what is no recording, a newer one, a damaged one, or one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._row, self._troubles, self._trails = 0, 0, TrailsReader()
        self._written: float | None = None
        self._seen = 0.0  # when that was seen first
        require_file(path)
        self._copy = PrivateCopy(path) if has_to_be_copied(path) else None
        self._database = self._open()
        with reading(path):
            found = only(self._database, "recording")
            ((self.schema,),) = self._database.execute("PRAGMA user_version")
            self.gdsim, self.begun = typed(found["gdsim"], str), typed(found["begun"], float)
            self.asked = from_document(document(found["asked"]))
            self.opened = self._opened(found)
            self._parts = Parts(self._database)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
        if self._copy is not None:
            self._copy.remove()

    @contextmanager
    def let_go(self) -> Iterator[None]:
        """Within, it keeps nobody from the file."""
        self._database.close()
        try:
            yield
        finally:
            self._database = self._parts.database = self._open()

    def _open(self) -> sqlite3.Connection:
        return open_file(self.path, None if self._copy is None else self._copy.file)

    @property
    def copied(self) -> bool:
        """Whether it is read from a copy, which takes longer the larger it is."""
        return self._copy is not None

    def _renew(self) -> None:
        """Read from the newest copy from here on."""
        if self._copy is not None and self._copy.stale:
            self._database.close()
            self._copy.renew()
            self._database = self._parts.database = self._open()

    @property
    def state(self) -> State:
        """Whether it was closed, is being written just now, or its program was killed."""
        self._renew()
        with reading(self.path):
            found = only(self._database, "recording")
            if found["ended"]:
                return "complete"
            written = typed(found["written"], float)
            if written != self._written:
                first = self._written is None
                self._seen, self._written = self._signed(written) if first else time.monotonic(), written
            silent = time.monotonic() - self._seen >= _SILENCE and not (self._copy is not None and self._copy.behind)
            return "broken off" if silent else "being written"

    def _signed(self, written: float) -> float:
        """When there was a sign of life first, as far as the first look says: never, where there is no writer."""
        if self._copy is None and not has_writer(self.path):
            return -math.inf
        return time.monotonic() - max(0.0, time.time() - written)  # by a clock that may be another machine's

    @property
    def journal(self) -> Journal:
        """What was changed on the way, or will be."""
        with reading(self.path):
            changes = [document(row["change"]) for row in all_of(self._database, "changes ORDER BY number")]
            return from_document({**to_document(self.asked), "changes": changes}).changes

    def overview(self) -> Excerpt:
        """Where the runs were at the ends of the parts that there are. What is in none of them is the next news."""
        with self._one_batch():
            lineages = self._lineages()
            self._parts.refresh(len(lineages))
            excerpt = self._parts.overview()
            self._row = max(self._parts.last_row, self._row)
            if self.opened.plane.flat and len(self._parts):
                self._trails.skip(self._database, self._parts.last_point)
            return replace(excerpt, rows=checked(excerpt.rows, len(lineages)))

    def part(self, number: int) -> Excerpt:
        """One of the parts, all of it."""
        with self._one_batch():
            excerpt = self._parts.read(number)
            return replace(excerpt, rows=checked(excerpt.rows, len(self._lineages())))

    @property
    def part_ends(self) -> NDArray[np.int64]:
        """The last moment of each part, as far as they were known when it was last asked for news."""
        return self._parts.moments

    @property
    def forked_in(self) -> tuple[int, ...]:
        """For each run that was forked off, the part in which it branched off."""
        with self._one_batch():
            lineages = self._lineages()
            part_of = self._parts.part_of
            return tuple(part_of(one.parent, one.update, lineages) for one in lineages if one.parent is not None)

    def news(self) -> Advanced:
        """What was written since it was last asked; at first all but the start, or but what the overview is of."""
        self._renew()
        with self._one_batch():
            lineages = self._lineages()
            self._parts.refresh(len(lineages))
            return Advanced(
                rows=self._new_rows(len(lineages)),
                covered=0.0,
                finished=bool(only(self._database, "recording")["finished"]),
                plane=self._trails.news(self._database, lineages),
                lineages=lineages,
                troubles=self._new_troubles(),
            )

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        """The runs, those that were forked off among them."""
        with reading(self.path):
            return self._lineages()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Why runs failed."""
        with reading(self.path):
            return tuple(map(trouble_of, all_of(self._database, "troubles ORDER BY rowid")))

    @property
    def ends(self) -> tuple[Rows, ...]:
        """Where each run has come to: its last row, and before it the one with its last loss, if that is another one.

        Those that a fork has in common with its parent are its own, too.
        """
        with self._one_batch():
            return self._ends(self._lineages())

    @property
    def count(self) -> int:
        """How many rows there are, those that a fork has in common with its parent once more."""
        with self._one_batch():
            return count_rows(self._database, self._lineages())

    def pieces(self) -> Iterator[tuple[Rows, Floats]]:
        """All that was recorded, as of one batch: run by run, in blocks.

        Yields the rows, those that a fork has in common with its parent as its own, and x, y and distance on the newest
        plane after these updates, shape (n, 3); NaN where that was not kept.
        """
        with self._one_batch():
            yield from pieces(self._database, self._lineages())

    @property
    def landscape(self) -> Surveyed | None:
        """The newest landscape of the newest plane; None without any."""
        with reading(self.path):
            found = all_of(self._database, "landscapes ORDER BY rowid DESC LIMIT 1")
            return landscape_of(found[0]) if found else None

    @property
    def looks(self) -> Looks:
        """What was looked at closely."""
        return Looks(self.path, self._database)

    @property
    def landscapes(self) -> int:
        """How many there are."""
        with reading(self.path):
            ((number,),) = self._database.execute("SELECT count(*) FROM landscapes")
            return typed(number, int)

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of the user's own files that the problem is made of, by their paths."""
        with reading(self.path):
            found = self._database.execute("SELECT CAST(path AS BLOB), sha256 FROM files")
            return {os.fsdecode(path): typed(digest, str) for path, digest in found}

    @property
    def resume(self) -> Resume:
        """Where the experiment goes on."""
        with self._one_batch():
            lineages = self._lineages()
            return read_resume(self._database, self.journal, lineages, self.opened.rows, self._ends(lineages))

    # -- the tables ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _one_batch(self) -> Iterator[None]:
        """Within, all that is read is as of one batch."""
        with reading(self.path), self._database:
            self._database.execute("BEGIN")
            yield

    def _opened(self, found: sqlite3.Row) -> Opened:
        experiment = from_document(document(found["resolved"]))
        facts = Facts(
            examples=typed(found["examples"], int),
            parameters=typed(found["parameters"], int),
            rates=cast(Mapping[Optimizer, float], document(found["rates"])),
            start=experiment.start,
            one_by_one=bool(found["one_by_one"]),
        )
        resolved = replace(resolve(experiment, facts, experiment.device), asked=self.asked.runs)
        starts, self._row = trace_of(self._database, "ORDER BY rowid LIMIT ?", len(resolved.runs))
        if starts["run"].tolist() != list(range(len(resolved.runs))) or starts["update"].any():
            raise ValueError("the start of a run is missing")
        return Opened(
            experiment=resolved,
            rows=starts,
            device=typed(found["device"], str),
            tolerance=typed(found["tolerance"], float),
            plane=self._trails.start(self._database, resolved.lineages),
            tests=typed(found["tests"], int),
            pass_seconds=typed(found["pass_seconds"], float),
        )

    def _lineages(self) -> tuple[Lineage, ...]:
        return lineages_of(self._database, len(self.opened.experiment.runs))

    def _ends(self, lineages: tuple[Lineage, ...]) -> tuple[Rows, ...]:
        runs = len(lineages)
        self._parts.refresh(runs)
        return tuple(checked(self._parts.newest(run, lineages), runs) for run in range(runs))

    def _new_rows(self, runs: int) -> Rows:
        rows, newest = trace_of(self._database, "WHERE rowid > ? ORDER BY rowid", self._row)
        self._row = max(newest, self._row)
        if (np.diff(rows["moment"]) < 0).any():
            raise ValueError("the order of the rows is not that of time")
        return checked(rows, runs)

    def _new_troubles(self) -> tuple[Trouble, ...]:
        rows = all_of(self._database, f"troubles ORDER BY rowid LIMIT -1 OFFSET {self._troubles}")
        self._troubles += len(rows)
        return tuple(map(trouble_of, rows))
