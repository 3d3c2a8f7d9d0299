"""What a run and a change may say, as an option and in a table of a TOML file, and how each value is read."""

from collections.abc import Callable
from typing import Any

from tui.options.values import batch_size, flag, number, whole

RUN_KEYS: dict[str, Callable[[str], Any]] = {
    "name": str,
    "batch_size": batch_size,
    "lr": number,
    "optimizer": str,
    "momentum": number,
    "nesterov": flag,
    "sampling": str,
    "drop_last": flag,
    "schedule": str,
    "schedule_updates": whole,
    "loss_every": whole,
}
"""What a `--run` or a `[[runs]]` table may say, and how each value is read. The fields of RunConfig, in its order."""

CHANGE_KEYS: dict[str, Callable[[str], Any]] = {
    "moment": whole,
    "clock": str,
    "run": str,
    "fork": str,
    "remove": str,
    "update": whole,
    **RUN_KEYS,
}
"""What a `--change` or a `[[changes]]` table may say, and how each value is read."""
