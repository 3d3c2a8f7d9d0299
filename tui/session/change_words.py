"""A change of a run's settings in words."""

from collections.abc import Sequence
from dataclasses import fields

from sim.experiment.journal import Fork, Journal
from sim.experiment.resolved import Lineage, Run
from tui.draw.numbers import count

_WORDS = {"batch_size": "batch", "lr": "rate", "drop_last": "drop last", "schedule_updates": "schedule's updates"}
_IMPLIED = ("name", "full_batch", "loss_every")


def change_sentence(before: Run, now: Run, update: int, parent: str = "") -> str:
    """What was changed of a run, and from when on; of a fork, whose past it has."""
    words = change_words(before, now)
    if parent:
        return f"{now.name} goes on from update {count(update)} as {parent} did{f', but {words}' if words else ''}."
    return f"{now.name} goes on from update {count(update)}: {words}." if words else f"{now.name} stays as it is."


def begins_early(lineage: Lineage, lineages: Sequence[Lineage], journal: Journal) -> str:
    """That a fork begins before the update that was asked for, since its parent cannot go on from there; "" if not."""
    name = lineage.newest.name
    asked = [one.update for one in journal if isinstance(one, Fork) and one.settings["name"] == name]
    if lineage.parent is None or not asked or lineage.update >= asked[-1]:
        return ""
    last = f"the last one that {lineages[lineage.parent].newest.name} can go on from"
    return f"{name} begins after update {count(lineage.update)}, {last}, not after {count(asked[-1])}."


def never_made(journal: Journal, moment: int) -> list[str]:
    """That changes were planned for later than the moment at which the runs ended, a sentence each."""
    ended = f"was not made: the runs ended at moment {count(moment)}."
    return [f"The change at moment {count(one.moment)} {ended}" for one in journal if one.moment > moment]


def change_words(before: Run, now: Run) -> str:
    """What is otherwise, the old value first; "" if nothing is."""
    names = [field.name for field in fields(Run) if field.name not in _IMPLIED]
    differ = [name for name in names if getattr(before, name) != getattr(now, name)]
    return ", ".join(
        f"{_WORDS.get(name, name)} {_value(getattr(before, name))} → {_value(getattr(now, name))}" for name in differ
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return count(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
