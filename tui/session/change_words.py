"""A change of a run's settings in words."""

from dataclasses import fields

from sim.experiment.resolved import Run
from tui.draw.numbers import count

_WORDS = {"batch_size": "batch", "lr": "rate", "drop_last": "drop last", "schedule_updates": "schedule's updates"}
_IMPLIED = ("name", "full_batch", "loss_every")


def change_sentence(before: Run, now: Run, update: int, parent: str = "") -> str:
    """What was changed of a run, and from when on; of a fork, whose past it has."""
    words = change_words(before, now)
    if parent:
        return f"{now.name} goes on from update {count(update)} as {parent} did{f', but {words}' if words else ''}."
    return f"{now.name} goes on from update {count(update)}: {words}." if words else f"{now.name} stays as it is."


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
