"""What is in a recording, on stdout or as an export. Imports no torch."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.experiment.document import change_document, to_document
from sim.protocol.trace import Rows
from sim.recording.reader import Recording
from tui import event_files, export, plain_text
from tui.draw.numbers import count
from tui.outcome import Ends, Outcome
from tui.session.playback import recorded_card
from tui.summary import documents, summary

_STATES = {"complete": "complete", "being written": "being written just now", "broken off": "its program was ended"}


def export_recording(path: Path, target: Path) -> None:
    """Write what was recorded to a file, the very one that `gdsim run --export` would have written.

    Raises:
        ConfigError: for what is no recording that can be read, or a file that cannot be written.
        ExportError: if it could not be saved.
    """
    export.check(target)
    recording = Recording(path)
    outcome = Outcome(recording.opened)
    outcome.lineages = recording.lineages

    def pieces() -> Iterator[Rows]:
        blocks = (export.with_points(rows, points) for rows, points in recording.pieces())
        return export.ended(blocks, recording.troubles)

    rows = export.write_pieces(pieces, outcome.columns, outcome.names, target)
    print(f"{count(rows)} rows in {target}")


def export_events(path: Path, folder: Path) -> None:
    """Write what was recorded to event files of TensorBoard.

    Raises:
        ConfigError: for what is no recording that can be read, or where TensorBoard is missing, or folders are there.
        ExportError: if they could not be saved.
    """
    event_files.check(folder)
    recording = Recording(path)
    names = [lineage.newest.name for lineage in recording.lineages]
    pieces = export.ended((rows for rows, _ in recording.pieces()), recording.troubles)
    rows = event_files.write_events(pieces, names, recording.begun, folder)
    print(f"{count(rows)} updates in {folder}; tensorboard --logdir {folder} shows them")


def show(path: Path) -> None:
    """Print what is in a recording, as a table.

    Raises:
        ConfigError: for what is no recording that can be read.
    """
    recording = Recording(path)
    outcome, clouds = _outcome(recording), recording.looks.clouds()
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(recording.begun))
    facts = [
        ("file", f"{path}, {count(path.stat().st_size)} bytes, {_STATES[recording.state]}"),
        ("begun", f"{begun} by gdsim {recording.gdsim}".removesuffix(" by gdsim ")),
        ("rows", f"{count(recording.count)} up to moment {count(outcome.ends.moment)}"),
        ("clock", recording.opened.experiment.clock),
        *(("change", _in_words(document)) for document in map(change_document, recording.journal)),
        ("landscapes", count(recording.landscapes)),
        ("clouds", f"of {count(clouds)} update{'' if clouds == 1 else 's'}"),
    ]
    print(*plain_text.table(facts), "", sep="\n")
    print(summary(recording.opened.experiment, recorded_card(recording.asked), outcome))


def as_json(path: Path) -> str:
    """The same as a JSON object.

    Raises:
        ConfigError: for what is no recording that can be read.
    """
    recording = Recording(path)
    outcome = _outcome(recording)
    found = {
        "file": str(path),
        "schema": recording.schema,
        "gdsim": recording.gdsim,
        "state": recording.state,
        "begun": recording.begun,
        "asked": to_document(recording.asked),
        "resolved": to_document(recording.opened.experiment),
        "changes": [change_document(change) for change in recording.journal],
        "rows": recording.count,
        "runs": documents(outcome),
        "landscapes": recording.landscapes,
        "clouds": recording.looks.clouds(),
    }
    return json.dumps(found, indent=2)


def _outcome(recording: Recording) -> Outcome:
    """What a recording says came of the runs, as if they had been run without a screen."""
    outcome = Outcome(recording.opened)
    outcome.lineages, outcome.journal = recording.lineages, recording.journal
    outcome.failures, outcome.ends = list(recording.troubles), Ends()
    for rows in recording.ends:
        outcome.ends.take(rows)
    return outcome


def _in_words(change: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in change.items())
