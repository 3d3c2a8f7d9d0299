"""The user's own files that a recorded problem is made of, and whether they are still the same. Imports no torch."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sim.experiment.errors import ConfigError
from sim.experiment.problem import AnyProblem
from sim.experiment.words import shown_path


def fingerprints(problem: AnyProblem) -> dict[str, str]:
    """The SHA-256 of each of them, in hexadecimal, by its path as it was given; what is gone by now is left out."""
    paths = [] if problem.data is None else [problem.data] if Path(problem.data).exists() else problem.data.split(",")
    if problem.own_file is not None:
        paths.append(problem.own_file[0])
    found: dict[str, str] = {}
    for path in paths:
        with suppress(OSError, ValueError), Path(path).open("rb") as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def require_same(recorded: Mapping[str, str], problem: AnyProblem) -> None:
    """See that the files are those that were recorded.

    Raises:
        ConfigError: if one has changed, or is gone.
    """
    now = fingerprints(problem)
    for path, digest in recorded.items():
        if path not in now:
            raise ConfigError(
                f"{shown_path(Path(path))}, of which the recorded problem is made, is not there any more."
            )
        if now[path] != digest:
            raise ConfigError(f"{shown_path(Path(path))} has changed since it was recorded; the runs would be others.")
