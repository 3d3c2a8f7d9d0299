"""Runs without a screen: progress on stderr, a summary on stdout, an export to a file."""

import math
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.experiment.config import Experiment, Limit
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Fork
from sim.experiment.resolved import Resolved
from sim.problems.card import Card
from sim.protocol.answers import Advanced, Answer, Failed, Opened, PlaneNews
from sim.protocol.commands import Advance, Command, Open, Save, SetPlane
from sim.protocol.trace import BANDS, Rows, Status
from sim.recording.writer import CHECKPOINTS_EVERY, Writer
from tui import export, plain_text
from tui.draw.numbers import count, decimal
from tui.outcome import Outcome
from tui.progress import progress
from tui.scene.outcomes import statuses_in_words, whereabouts
from tui.session.change_words import begins_early
from tui.session.resuming import Resumption
from tui.spool import Spool

_KILLED = 128  # plus the number of the signal: the shells' exit code
_TROUBLE = 2
_MANY = 1_000_000  # moments asked for at once; the budget ends them earlier
_BUDGET = 0.2  # seconds between two looks at the progress bar and at Ctrl-C
_COLUMN_OF_UNIT = {"updates": "update", "epochs": "epoch", "seconds": "seconds"}


def run_headless(experiment: Experiment, card: Card, export_path: Path | None, ask: Callable[[Command], Answer]) -> int:
    """Run an experiment to its limit, export its trace and print a summary.

    After Ctrl-C or SIGTERM, what there is so far is exported and summed up all the same.

    Args:
        experiment: with a limit.
        card: its problem's.
        export_path: where the trace goes; None: nowhere.
        ask: an engine.

    Returns:
        The exit code: 0, 2 when a run failed, 130 after Ctrl-C, 143 after SIGTERM.

    Raises:
        ConfigError: if the experiment cannot be opened.
        ExportError: if the trace could not be saved.
    """
    forked = any(isinstance(change, Fork) for change in experiment.changes)
    folder = Path(tempfile.gettempdir()) if export_path is None else export_path.absolute().parent
    spooled = experiment.seeds == 1 and (export_path is not None or forked)
    with _first_signal():  # one that comes while the file is being written does not break it off
        outcome = descend(experiment, ask, Spool(folder) if spooled else None)
        if outcome.opened.note:
            print(outcome.opened.note, file=sys.stderr)
        early = (begins_early(lineage, outcome.lineages, experiment.changes) for lineage in outcome.lineages)
        for sentence in (*filter(None, early), *outcome.troubles):
            print(sentence, file=sys.stderr)
        exported = 0
        try:
            if export_path is not None:
                exported = _export(experiment, outcome, export_path, ask)
        finally:
            print(summary(outcome.opened.experiment, card, outcome))
    if export_path is not None:
        print(f"\n{count(exported)} rows in {export_path}")
    if outcome.stopped_by is not None:
        return _KILLED + outcome.stopped_by
    return _TROUBLE if outcome.troubles else 0


def _export(experiment: Experiment, outcome: Outcome, path: Path, ask: Callable[[Command], Answer]) -> int:
    """Export what the runs did, of many seeds one by one; how many rows there are.

    What one seed did is what it does alone. After a signal, it is the seeds that are complete.
    """
    if experiment.seeds == 1:
        return export.write_pieces(outcome.pieces, outcome.columns, outcome.names, path)

    def each_seed() -> Iterator[tuple[int, Iterator[Rows]]]:
        for seed in range(experiment.seed, experiment.seed + experiment.seeds):
            if outcome.stopped_by is not None:
                return
            alone, spool = replace(experiment, seed=seed, seeds=1, backend="compiled"), Spool(path.absolute().parent)
            one = descend(alone, ask, spool)
            outcome.stopped_by = one.stopped_by
            if one.stopped_by is None:
                yield seed, one.pieces()

    columns = [name for name in outcome.columns if name in (export.SEEN.names or ())]  # a single seed has no bands
    return export.write_seeds(each_seed(), columns, outcome.names, path)


def descend(experiment: Experiment, ask: Callable[[Command], Answer], spool: Spool | None = None) -> Outcome:
    """Run an experiment until every run is at its limit or has stopped, or until Ctrl-C or SIGTERM.

    Args:
        experiment: with a limit.
        ask: an engine.
        spool: where all rows go; None: they are not kept.

    Raises:
        ConfigError: if the experiment cannot be opened.
    """
    with _first_signal() as received:
        opened = ask(Open(experiment))
        if not isinstance(opened, Opened):
            raise ConfigError(_sentence(opened))
        outcome = Outcome(opened, spool)
        if opened.past is not None:
            outcome.take(opened.past)
        try:
            with progress() as show:
                while not received and _advance(outcome, ask):
                    show(_progress(experiment, outcome))
        except KeyboardInterrupt:  # the second Ctrl-C, in the midst of a long update
            pass
        outcome.stopped_by = received[0] if received else None
        if (kind := outcome.trails.plane.kind) != "identity":
            # the planes on the way were fitted whenever an answer was due; a last one depends on the runs alone
            last = ask(SetPlane(kind, afresh=True))
            if isinstance(last, PlaneNews):
                outcome.take_plane(last)
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
def _first_signal() -> Iterator[list[signal.Signals]]:
    """Within, the first Ctrl-C or SIGTERM is only noted, so that no row is lost; a second Ctrl-C interrupts at once."""
    received = list[signal.Signals]()

    def note(number: int, _frame: object) -> None:
        received.append(signal.Signals(number))
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(experiment: Experiment, outcome: Outcome) -> float:
    """How much of the way to the limit is done, 0 to 1; a run that stopped has done its part."""
    limit = experiment.limit
    assert limit is not None
    column, ends = _COLUMN_OF_UNIT[limit.unit], outcome.ends.rows.values()
    parts = [1.0 if Status(end["status"][0]).stopped else min(1.0, end[column][0] / limit.value) for end in ends]
    return float(np.mean(parts))


def summary(experiment: Resolved, card: Card, outcome: Outcome) -> str:
    """How each run ended, as plain text: what was run, then a table."""
    note = f" ({card.note})" if card.note else ""
    end = () if experiment.limit is None else (_end_in_words(experiment.limit),)
    facts = (*end, seeds_in_words(experiment), f"{experiment.backend} on {outcome.opened.device}")
    title = plain_text.visible(f"{card.title}{note}")
    if experiment.examples:
        facts = (f"{count(experiment.examples)} examples", *facts)
    lines = [title, " · ".join(facts), ""]
    if outcome.stopped_by is not None:
        lines[1] += " · interrupted"
    tested = outcome.opened.tests > 0
    many = experiment.seeds > 1
    titles = ("run", "batch size", "optimizer", "rate", "updates", "epochs", "examples", "seconds")
    own = ("median loss", "10%", "90%") if many else ("loss", *(("test loss", "test accuracy") if tested else ()))
    columns = ("loss", *(BANDS["loss"] if many else ("test_loss", "test_accuracy") if tested else ()))
    table = [(*titles, *own, "status")]
    for index, run in enumerate(lineage.newest for lineage in outcome.lineages):
        (last,) = outcome.ends.rows[index]
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
                *(decimal(outcome.newest(index, name)) for name in columns),
                statuses_in_words(outcome.members[index])
                if outcome.members
                else _in_words(outcome.status(index), int(last["update"])),
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


def _in_words(status: Status, update: int) -> str:
    word = status.name.lower()
    return f"{word} at update {count(update)}" if status is Status.DIVERGED else word
