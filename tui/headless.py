"""Runs without a screen: progress on stderr, a summary on stdout, an export to a file."""

import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import numpy as np

from sim.experiment.config import Experiment, Limit
from sim.experiment.errors import ConfigError
from sim.experiment.resolved import Lineage, Resolved
from sim.problems.card import Card
from sim.protocol.answers import Advanced, Answer, Failed, Members, Opened, PlaneNews, Trouble
from sim.protocol.commands import Advance, Command, Open, Save, SetPlane
from sim.protocol.trace import BANDS, Rows, Status, forked
from sim.recording.writer import CHECKPOINTS_EVERY, Writer
from tui import export, plain_text
from tui.draw.numbers import count, decimal
from tui.progress import progress
from tui.scene.outcomes import statuses_in_words, whereabouts
from tui.session.resuming import Resumption
from tui.session.trails import PlaneTrails

INTERRUPTED = 130  # the shells' exit code after Ctrl-C
_TROUBLE = 2
_MANY = 1_000_000  # moments asked for at once; the budget ends them earlier
_BUDGET = 0.2  # seconds between two looks at the progress bar and at Ctrl-C
_COLUMN_OF_UNIT = {"updates": "update", "epochs": "epoch", "seconds": "seconds"}


@dataclass(slots=True)
class Outcome:
    """What came of an experiment that ran without a screen.

    Attributes:
        opened: what the engine said at the start.
        lineages: the runs, those that were forked off among them.
        blocks: the trace, in the order of its moments.
        trails: where the runs went.
        members: of each run where they are made from several seeds; else none.
        failures: why runs failed.
        troubles: a sentence for each thing that went wrong.
        interrupted: it was stopped by Ctrl-C before its end.
    """

    opened: Opened
    lineages: tuple[Lineage, ...]
    blocks: list[Rows]
    trails: PlaneTrails
    members: tuple[Members, ...] = ()
    failures: list[Trouble] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def rows(self) -> Rows:
        """The whole trace, as it ended."""
        rows = np.concatenate(self.blocks)
        return export.with_failures(rows[np.argsort(rows["moment"], kind="stable")], self.failures)

    @property
    def names(self) -> list[str]:
        """The runs' names."""
        return [lineage.newest.name for lineage in self.lineages]

    def take(self, answer: Advanced) -> None:
        """Record what the runs did; what a fork has in common with its parent is the fork's, too."""
        for lineage in answer.lineages[len(self.lineages) :]:
            parents = np.concatenate([block[block["run"] == lineage.parent] for block in (*self.blocks, answer.rows)])
            self.blocks.append(forked(parents, lineage, len(self.lineages)))
            self.lineages = (*self.lineages, lineage)
        self.lineages = answer.lineages
        self.blocks.append(answer.rows)
        self.trails.take(answer.plane, answer.lineages)
        self.members = answer.members
        for trouble in answer.troubles:
            self.failures.append(trouble)
            self.troubles.append(trouble.sentence)


def run_headless(experiment: Experiment, card: Card, export_path: Path | None, ask: Callable[[Command], Answer]) -> int:
    """Run an experiment to its limit, export its trace and print a summary.

    After Ctrl-C, what there is so far is exported and summed up all the same.

    Args:
        experiment: with a limit.
        card: its problem's.
        export_path: where the trace goes; None: nowhere.
        ask: an engine.

    Returns:
        The exit code: 0, 2 when a run failed, 130 after Ctrl-C.

    Raises:
        ConfigError: if the experiment cannot be opened.
        ExportError: if the trace could not be saved.
    """
    outcome = descend(experiment, ask)
    resolved = outcome.opened.experiment
    if outcome.opened.note:
        print(outcome.opened.note, file=sys.stderr)
    for sentence in outcome.troubles:
        print(sentence, file=sys.stderr)
    exported = 0
    try:
        if export_path is not None:
            exported = _export(experiment, outcome, export_path, ask)
    finally:
        print(summary(resolved, card, outcome))
    if export_path is not None:
        print(f"\n{count(exported)} rows in {export_path}")
    if outcome.interrupted:
        return INTERRUPTED
    return _TROUBLE if outcome.troubles else 0


def _export(experiment: Experiment, outcome: Outcome, path: Path, ask: Callable[[Command], Answer]) -> int:
    """Export what the runs did, of many seeds one by one; how many rows there are.

    What one seed did is what it does alone, so that no more than that has to be in memory. After Ctrl-C, it is the
    seeds that are complete.
    """
    if experiment.seeds == 1:
        export.write(outcome.rows, outcome.names, path, outcome.trails)
        return len(outcome.rows)

    def each_seed() -> Iterator[tuple[int, Rows, PlaneTrails]]:
        for seed in range(experiment.seed, experiment.seed + experiment.seeds):
            if outcome.interrupted:
                return
            one = descend(replace(experiment, seed=seed, seeds=1, backend="compiled"), ask)
            outcome.interrupted = one.interrupted
            if not one.interrupted:
                yield seed, one.rows, one.trails

    return export.write_seeds(each_seed(), outcome.names, path)


def descend(experiment: Experiment, ask: Callable[[Command], Answer]) -> Outcome:
    """Run an experiment until every run is at its limit or has stopped, or until Ctrl-C.

    Raises:
        ConfigError: if the experiment cannot be opened.
    """
    with _ctrl_c() as stop:
        opened = ask(Open(experiment))
        if not isinstance(opened, Opened):
            raise ConfigError(_sentence(opened))
        outcome = Outcome(opened, opened.experiment.lineages, [opened.rows], PlaneTrails(opened.plane))
        if opened.past is not None:
            outcome.take(opened.past)
        try:
            with progress() as show:
                while not stop.is_set() and _advance(outcome, ask):
                    show(_progress(experiment, outcome))
        except KeyboardInterrupt:  # the second Ctrl-C, in the midst of a long update
            stop.set()
        outcome.interrupted = stop.is_set()
        if (kind := outcome.trails.plane.kind) != "identity":
            # the planes on the way were fitted whenever an answer was due; a last one depends on the runs alone
            last = ask(SetPlane(kind, afresh=True))
            if isinstance(last, PlaneNews):
                outcome.trails.take(last)
    return outcome


def recorded(ask: Callable[[Command], Answer], writer: Writer | None) -> Callable[[Command], Answer]:
    """An engine whose answers are recorded, too, where there is a writer; it waits while the disk is behind."""
    if writer is None:
        return ask

    def ask_and_record(command: Command) -> Answer:
        answer = ask(command)
        writer.take(command, answer)
        if isinstance(answer, Opened):
            save = Save(CHECKPOINTS_EVERY)
            writer.take(save, ask(save))
        writer.wait()
        return answer

    return ask_and_record


def resumed(ask: Callable[[Command], Answer], resumption: Resumption) -> Callable[[Command], Answer]:
    """An engine whose experiment goes on where a recording ends."""

    def go_on(command: Command) -> Answer:
        if isinstance(command, Open):
            return resumption.answer(ask(resumption.question(command)))
        return ask(command)

    return go_on


def _advance(outcome: Outcome, ask: Callable[[Command], Answer]) -> bool:
    """Go on for a moment of wall time; whether there is more to do."""
    answer = ask(Advance(_MANY, math.inf, _BUDGET))
    if not isinstance(answer, Advanced):
        outcome.troubles.append(_sentence(answer))
        return False
    outcome.take(answer)
    return not answer.finished


def _sentence(answer: Answer) -> str:
    """What an answer that was not hoped for says, with the traceback where the engine itself is at fault."""
    assert isinstance(answer, Failed)
    if answer.config or answer.theirs or not answer.details:
        return answer.sentence
    return f"{answer.details}\n{answer.sentence}"


@contextmanager
def _ctrl_c() -> Iterator[Event]:
    """Within, the first Ctrl-C only sets the event, so that no row is lost; the second one interrupts at once."""
    stop = Event()

    def note(_signal: int, _frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _last_rows(outcome: Outcome, runs: int) -> Rows:
    """The last row of each run, looked for from the end of the trace."""
    last: dict[int, np.void] = {}
    for block in reversed(outcome.blocks):
        for run in set(range(runs)) - set(last):
            indices = np.flatnonzero(block["run"] == run)
            if len(indices):
                last[run] = block[indices[-1]]
        if len(last) == runs:
            break
    return np.array([last[run] for run in range(runs)])


def _progress(experiment: Experiment, outcome: Outcome) -> float:
    """How much of the way to the limit is done, 0 to 1; a run that stopped has done its part."""
    limit = experiment.limit
    assert limit is not None
    last = _last_rows(outcome, len(outcome.lineages))
    parts = np.minimum(last[_COLUMN_OF_UNIT[limit.unit]] / limit.value, 1.0)
    return float(np.where(last["status"] >= Status.DIVERGED, 1.0, parts).mean())


def summary(experiment: Resolved, card: Card, outcome: Outcome) -> str:
    """How each run ended, as plain text: what was run, then a table."""
    rows = outcome.rows
    note = f" ({card.note})" if card.note else ""
    end = () if experiment.limit is None else (_end_in_words(experiment.limit),)
    facts = (*end, seeds_in_words(experiment), f"{experiment.backend} on {outcome.opened.device}")
    title = plain_text.visible(f"{card.title}{note}")
    lines = [title, " · ".join((f"{count(experiment.examples)} examples", *facts)), ""]
    if outcome.interrupted:
        lines[1] += " · interrupted"
    tested = outcome.opened.tests > 0
    many = experiment.seeds > 1
    titles = ("run", "batch size", "optimizer", "rate", "updates", "epochs", "examples", "seconds")
    own = ("median loss", "10%", "90%") if many else ("loss", *(("test loss", "test accuracy") if tested else ()))
    columns = ("loss", *(BANDS["loss"] if many else ("test_loss", "test_accuracy") if tested else ()))
    table = [(*titles, *own, "status")]
    for index, run in enumerate(lineage.newest for lineage in outcome.lineages):
        last = rows[np.flatnonzero(rows["run"] == index)[-1]]
        table.append(
            (
                run.name,
                "all" if run.full_batch else str(run.batch_size),
                run.optimizer,
                decimal(run.lr),
                count(int(last["update"])),
                decimal(float(last["epoch"])),
                count(int(last["examples"])),
                decimal(float(last["seconds"])),
                *(decimal(_newest(rows, index, name)) for name in columns),
                statuses_in_words(outcome.members[index]) if outcome.members else _in_words(last),
            )
        )
    words = (0, 2, len(table[0]) - 1)
    numbers = [column for column in range(len(table[0])) if column not in words]
    return "\n".join(lines + plain_text.table(table, numbers) + _whereabouts(card, outcome))


def seeds_in_words(experiment: Resolved) -> str:
    """From which seeds each run is made."""
    first = experiment.seed
    return f"seeds {first} to {first + experiment.seeds - 1}" if experiment.seeds > 1 else f"seed {first}"


def _whereabouts(card: Card, outcome: Outcome) -> list[str]:
    """Where the members of each run went, a line each, where there is something to say."""
    lines = [(name, whereabouts(card, members)) for name, members in zip(outcome.names, outcome.members, strict=False)]
    return ["", *plain_text.table(lines)] if any(words for _, words in lines) else []


def _end_in_words(limit: Limit) -> str:
    """How far each run was to come."""
    return f"each run for {limit.value:,g} {limit.unit if limit.value != 1 else limit.unit[:-1]}"


def _newest(rows: Rows, run: int, column: str) -> float:
    """A run's last value in a column that is not evaluated at every update; NaN if it never was."""
    evaluated = rows[column][(rows["run"] == run) & ~np.isnan(rows[column])]
    return float(evaluated[-1]) if len(evaluated) else math.nan


def _in_words(last: np.void) -> str:
    status = Status(last["status"])
    word = status.name.lower()
    return f"{word} at update {count(int(last['update']))}" if status is Status.DIVERGED else word
