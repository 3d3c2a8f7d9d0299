"""Runs without a screen: progress on stderr, a summary on stdout, an export to a file."""

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Fork
from sim.problems.card import Card
from sim.protocol.answers import Advanced, Answer, Failed, Opened, PlaneNews
from sim.protocol.commands import Advance, Command, Open, SetPlane
from sim.protocol.trace import Rows, Status
from tui import export
from tui.draw.numbers import count
from tui.outcome import Outcome
from tui.progress import progress
from tui.session.change_words import begins_early, never_made
from tui.shell import KILLED, say
from tui.spool import Spool
from tui.summary import as_json, summary

if TYPE_CHECKING:
    from tui.session.past import Past

_TROUBLE = 2
_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last one where the terminal, or the connection, is gone
_MANY = 1_000_000  # moments asked for at once; the budget ends them earlier
_BUDGET = 0.2  # seconds between two looks at the progress bar and at Ctrl-C


def run_headless(
    experiment: Experiment,
    card: Card,
    export_path: Path | None,
    ask: Callable[[Command], Answer],
    past: "Past | None" = None,
    *,
    json: bool = False,
) -> int:
    """Run an experiment to its limit, export its trace and print a summary.

    After a signal to end, what there is so far is exported and summed up all the same.

    Args:
        experiment: with a limit.
        card: its problem's.
        export_path: where the trace goes; None: nowhere.
        ask: an engine.
        past: what was recorded, where it goes on from there.
        json: print the summary as JSON.

    Returns:
        The exit code: 0, 2 when a run failed, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.

    Raises:
        ConfigError: if the experiment cannot be opened.
        ExportError: if the trace could not be saved.
    """
    folder = None if export_path is None else export_path.absolute().parent
    spool = Spool(folder) if experiment.seeds == 1 else None
    with _first_signal():  # one that comes while the file is being written does not break it off
        outcome = descend(experiment, ask, spool, every_row=export_path is not None, past=past)
        for sentence in filter(None, _not_as_asked(experiment, outcome)):
            say(sentence)
        exported = None
        try:
            if export_path is not None:
                exported = export_path, _export(experiment, outcome, export_path, ask)
        finally:
            found = outcome.opened.experiment
            print(as_json(found, outcome, exported) if json else summary(found, card, outcome))
    if exported is not None and not json:
        print(f"\n{count(exported[1])} rows in {exported[0]}")
    if outcome.stopped_by is not None:
        return KILLED + outcome.stopped_by
    return _TROUBLE if outcome.troubles else 0


def _not_as_asked(experiment: Experiment, outcome: Outcome) -> Iterator[str]:
    """What went otherwise than was asked for, a sentence each; some are empty."""
    yield outcome.opened.note
    for lineage in outcome.lineages:
        yield begins_early(lineage, outcome.lineages, experiment.changes)
    yield from never_made(outcome.opened.experiment.changes, outcome.ends.moment)
    yield from outcome.troubles


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


def descend(
    experiment: Experiment,
    ask: Callable[[Command], Answer],
    spool: Spool | None = None,
    *,
    every_row: bool = True,
    past: "Past | None" = None,
) -> Outcome:
    """Run an experiment until every run is at its limit or has stopped, or until a signal to end.

    Args:
        experiment: with a limit.
        ask: an engine.
        spool: where all rows go; None: they are not kept.
        every_row: whether they are wanted; else they are kept only where a fork needs its parent's.
        past: what was recorded, where it goes on from there.

    Raises:
        ConfigError: if the experiment cannot be opened.
    """
    with _first_signal() as received:
        opened = ask(Open(experiment))
        if not isinstance(opened, Opened):
            raise ConfigError(_sentence(opened))
        outcome = Outcome(opened, spool if every_row or _forks_to_come(opened) else None)
        if past is not None:
            outcome.go_on_from(past)
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


def _forks_to_come(opened: Opened) -> bool:
    """Whether a fork is planned that was not made yet."""
    forks = sum(isinstance(change, Fork) for change in opened.experiment.changes)
    made = 0 if opened.past is None else len(opened.past.lineages) - len(opened.experiment.runs)
    return forks > made


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
    """Within, the first signal to end is only noted, so that no row is lost; a second Ctrl-C interrupts at once.

    Whoever had a signal ignored, as `nohup` does, wants to go on.
    """
    received = list[signal.Signals]()

    def note(number: int, _frame: object) -> None:
        received.append(signal.Signals(number))
        signal.signal(signal.SIGINT, signal.default_int_handler)

    heard = [number for number in _TO_END if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(experiment: Experiment, outcome: Outcome) -> float:
    """How much of the way to the limit is done, 0 to 1; a run that stopped has done its part."""
    limit = experiment.limit
    assert limit is not None
    ends = outcome.ends.rows.values()
    parts = [1.0 if Status(end["status"][0]).stopped else min(1.0, end[limit.column][0] / limit.value) for end in ends]
    return float(np.mean(parts))
