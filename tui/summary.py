"""What came of runs without a screen, as plain text or as JSON."""

import json
import math
from pathlib import Path
from typing import Any

from sim.experiment.config import Limit
from sim.experiment.document import to_document
from sim.experiment.resolved import Resolved
from sim.problems.card import Card
from sim.protocol.trace import BANDS
from tui import plain_text
from tui.draw.numbers import count, decimal
from tui.outcome import Outcome
from tui.scene.members import statuses_in_words, whereabouts


def summary(experiment: Resolved, card: Card, outcome: Outcome) -> str:
    """How each run ended, as plain text: what was run, then a table."""
    note = f" ({card.note})" if card.note else ""
    end = () if experiment.limit is None else (_end_in_words(experiment.limit, outcome),)
    facts = (*end, _seeds_in_words(experiment), f"{experiment.backend} on {outcome.opened.device}")
    title = plain_text.visible(f"{card.title}{note}")
    if experiment.examples:
        facts = (f"{count(experiment.examples)} examples", *facts)
    interrupted = () if outcome.stopped_by is None else ("interrupted",)
    lines = [title, " · ".join((*facts, *interrupted)), ""]
    return "\n".join([*lines, *_table(outcome, many=experiment.seeds > 1), *_whereabouts(card, outcome)])


def as_json(experiment: Resolved, outcome: Outcome, exported: tuple[Path, int] | None) -> str:
    """The same as a JSON object.

    Args:
        experiment: what was run.
        outcome: how it ended.
        exported: the file that it was exported to, and how many rows that has; None: nothing was.
    """
    path, rows = exported or (None, None)
    found = {
        "resolved": to_document(experiment),
        "device": outcome.opened.device,
        "interrupted": outcome.stopped_by is not None,
        "runs": documents(outcome),
        "export": None if path is None else str(path),
        "rows": rows,
    }
    return json.dumps(found, indent=2)


def documents(outcome: Outcome) -> list[dict[str, Any]]:
    """How each run ended, as values for JSON: what is no finite number is None."""
    names = _evaluated(outcome, many=bool(outcome.members))
    found = []
    for run, name in enumerate(outcome.names):
        (last,) = outcome.ends.rows[run]
        counted = {column: last[column].item() for column in ("update", "examples", "epoch", "seconds")}
        losses = {one: value if math.isfinite(value := outcome.newest(run, one)) else None for one in names}
        status = statuses_in_words(outcome.members[run]) if outcome.members else outcome.ending(run)
        found.append({"name": name, **counted, **losses, "status": status})
    return found


def _evaluated(outcome: Outcome, *, many: bool) -> tuple[str, ...]:
    """The columns of what is evaluated over all examples: of many seeds the median loss and its band."""
    tested = ("test_loss", "test_accuracy") if outcome.opened.tests else ()
    return ("loss", *(BANDS["loss"] if many else tested))


def _table(outcome: Outcome, *, many: bool) -> list[str]:
    """A line a run; of many seeds with their median loss and its band."""
    tested = outcome.opened.tests > 0
    titles = ("run", "batch size", "optimizer", "rate", "updates", "epochs", "examples", "seconds")
    own = ("median loss", "10%", "90%") if many else ("loss", *(("test loss", "test accuracy") if tested else ()))
    columns = _evaluated(outcome, many=many)
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
                _status(outcome, index),
            )
        )
    words = (0, 2, len(table[0]) - 1)
    numbers = [column for column in range(len(table[0])) if column not in words]
    return plain_text.table(table, numbers)


def _seeds_in_words(experiment: Resolved) -> str:
    """From which seeds each run is made."""
    first = experiment.seed
    return f"seeds {first} to {first + experiment.seeds - 1}" if experiment.seeds > 1 else f"seed {first}"


def _whereabouts(card: Card, outcome: Outcome) -> list[str]:
    """Where the members of each run went, a line each, where there is something to say."""
    lines = [(name, whereabouts(card, members)) for name, members in zip(outcome.names, outcome.members, strict=False)]
    return ["", *plain_text.table(lines)] if any(words for _, words in lines) else []


def _end_in_words(limit: Limit, outcome: Outcome) -> str:
    """How far each run was to come; one that went on from a recording may have been further already."""
    further = any(end[limit.column][0] > limit.value for end in outcome.ends.rows.values())
    value = count(int(limit.value)) if float(limit.value).is_integer() else f"{limit.value:g}"
    return f"each run for {'at least ' * further}{value} {limit.unit if limit.value != 1 else limit.unit[:-1]}"


def _status(outcome: Outcome, run: int) -> str:
    """How a run ended, and where if that was early."""
    word, update = outcome.ending(run), count(int(outcome.ends.rows[run]["update"][0]))
    if outcome.members and word != "removed":
        return statuses_in_words(outcome.members[run])
    return f"{word} at update {update}" if word in ("diverged", "removed") else word
