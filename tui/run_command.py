"""`gdsim run`: an experiment, or a recording that goes on, without a screen."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui.shell import NOT_SAVED, complain

if TYPE_CHECKING:
    from sim.experiment.config import Experiment, Limit
    from sim.problems.card import Card
    from sim.protocol.answers import Answer
    from sim.protocol.commands import Command
    from sim.recording.writer import Writer
    from tui.session.past import Past


def run(experiment: "Experiment", card: "Card", export: Path | None, record: Path | None, *, json: bool) -> int:
    """Run an experiment, and record it where that is asked for; the exit code."""
    from tui.session.link import InlineLink

    ask = InlineLink().ask
    if record is None:
        return _run_by(ask, experiment, card, export, json=json)
    from sim.recording.writer import Writer
    from tui.recorded_runs import recorded

    writer = Writer(record)
    return _run_by(recorded(ask, writer), experiment, card, export, writer, json=json)


def go_on(file: Path, limit: "Limit | None", export: Path | None, *, json: bool) -> int:
    """Go on with a recording; the exit code."""
    from tui.recorded_runs import recorded, resumed
    from tui.session.link import InlineLink
    from tui.session.resuming import take_up

    resumption, writer = take_up(file, limit, limited=True)
    ask = recorded(resumed(InlineLink().ask, resumption), writer)
    return _run_by(ask, resumption.asked, resumption.card, export, writer, resumption.past, json=json)


def _run_by(
    ask: "Callable[[Command], Answer]",
    experiment: "Experiment",
    card: "Card",
    export: Path | None,
    writer: "Writer | None" = None,
    past: "Past | None" = None,
    *,
    json: bool,
) -> int:
    """Run with an engine; what could not be saved is an exit code, too."""
    from tui.export import ExportError
    from tui.headless import run_headless

    try:
        code = run_headless(experiment, card, export, ask, past, json=json)
    except ExportError as error:
        code = complain(str(error), NOT_SAVED)
    finally:
        if past is not None:
            past.close()  # first: whoever reads the file keeps its log
        if writer is not None:
            writer.close()
    for sentence in writer.sentences() if writer is not None else ():
        not_saved = complain(sentence, NOT_SAVED)
        code = code or not_saved
    return code
