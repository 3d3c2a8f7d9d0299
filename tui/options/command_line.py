"""The command line that gives an experiment again. Imports no torch."""

import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from sim.experiment.config import Experiment, RunConfig, default_runs
from sim.experiment.document import MODEL_KEYS, SHARED_KEYS, change_document
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Change
from sim.experiment.problem import LoopConfig, ModelConfig, ProblemConfig
from tui.options.keys import RUN_KEYS
from tui.options.options import DEFAULTS


def command_line(experiment: Experiment) -> str:
    """The shell command that gives this experiment again, where no environment and no TOML file says otherwise.

    Raises:
        ConfigError: for a recorded loop, which gdsim cannot begin, and a file whose name is no text.
    """
    problem = experiment.problem
    if isinstance(problem, LoopConfig):
        raise ConfigError(problem.refusal)
    options: dict[str, object] = {
        "data": problem.data,
        "features": ",".join(_quoted(name) for name in problem.features) or None,
        "target": problem.target,
        "scale": problem.scale,
        **_own_options(problem),
        **_run_options(experiment.runs),
        "seed": experiment.seed,
        "seeds": experiment.seeds,
        "clock": experiment.clock,
        "device": experiment.device,
        "backend": experiment.backend,
        "plane": experiment.plane,
        "start": None if experiment.start is None else ",".join(map(_text, experiment.start)),
        "change": tuple(map(_change_text, experiment.changes)),
    }
    words = ["gdsim", *(["run"] if experiment.limit else [])]
    words += [problem.name] if isinstance(problem, ProblemConfig) else []
    for name, value in options.items():
        if value != DEFAULTS[name.replace("-", "_")]:
            words += _option(name, value)
    if experiment.limit:
        words += _option(experiment.limit.unit, experiment.limit.value)
    command = shlex.join(words)
    try:
        command.encode()
    except UnicodeEncodeError:
        raise ConfigError("The command names a file whose name is not UTF-8, so that it cannot be copied.") from None
    return command


def _own_options(problem: ProblemConfig | ModelConfig) -> dict[str, object]:
    """What only a two-parameter problem, or only a model, has."""
    if isinstance(problem, ProblemConfig):
        return {}
    own = ("model", *(key for key in MODEL_KEYS if key != "plane"))
    values = {key.replace("_", "-"): getattr(problem, key) for key in own}
    return values | {"hidden": ",".join(map(str, problem.hidden))}


def _run_options(runs: tuple[RunConfig, ...]) -> dict[str, object]:
    """The options that give these runs: the shared ones if they are the default three, else one `--run` each."""
    shared: dict[str, Any] = {key: getattr(runs[0], key) for key in SHARED_KEYS}
    size = runs[1].batch_size if len(runs) > 1 else "all"
    if size != "all" and runs == tuple(replace(run, **shared) for run in default_runs(size)):
        options = {"mini_batch_size": size} | shared
        return {key.replace("_", "-"): value for key, value in options.items()}
    usual: dict[str, Any] = {field.name: field.default for field in fields(RunConfig)} | {"batch_size": None}
    texts = []
    for run in runs:
        said: Iterator[tuple[str, Any]] = ((key, getattr(run, key)) for key in RUN_KEYS)
        texts.append(",".join(f"{key}={_text(value)}" for key, value in said if value != usual[key]))
    return {"run": tuple(texts)}


def _change_text(change: Change) -> str:
    return ",".join(f"{key}={_text(value)}" for key, value in change_document(change).items())


def _option(name: str, value: object) -> list[str]:
    """An option as words of a command line, with = so that a value may begin with a hyphen."""
    if isinstance(value, bool):
        return [f"--{name}"]
    return [f"--{name}={_text(one)}" for one in (value if isinstance(value, tuple) else (value,))]


def _text(value: object) -> str:
    """A value as one would type it; reading it gives the same value."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(sign in name for sign in ',"') else name
