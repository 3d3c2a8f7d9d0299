"""The command line that gives an experiment again. Imports no torch."""

import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sim.experiment.config import Experiment, ModelConfig, ProblemConfig, RunConfig, default_runs
from tui.options.options import DEFAULTS, MODEL_KEYS, RUN_KEYS, SHARED_KEYS

if TYPE_CHECKING:
    from sim.data.arrays import Card


def command_line(experiment: Experiment, card: "Card | None" = None) -> str:
    """The shell command that gives this experiment again, where no environment and no TOML file says otherwise.

    Args:
        experiment: resolved or not.
        card: its problem's; the rate, the start and the mini-batch size that are the problem's own go unsaid.
    """
    own_size = default_runs()[1].size(card.examples) if card is not None and card.examples is not None else None
    if card is not None:
        experiment = _without_own_values(experiment, card)
    problem = experiment.problem
    options: dict[str, object] = {
        "data": problem.data,
        "features": ",".join(_quoted(name) for name in problem.features) or None,
        "target": problem.target,
        "scale": problem.scale,
        **_own_options(problem),
        **_run_options(experiment.runs, own_size),
        "seed": experiment.seed,
        "clock": experiment.clock,
        "device": experiment.device,
        "loss-every": experiment.loss_every,
    }
    words = ["gdsim", *(["run"] if experiment.limit else [])]
    words += [problem.name] if isinstance(problem, ProblemConfig) else []
    for name, value in options.items():
        if value != DEFAULTS[name.replace("-", "_")]:
            words += _option(name, value)
    if experiment.limit:
        words += _option(experiment.limit.unit, experiment.limit.value)
    return shlex.join(words)


def _own_options(problem: ProblemConfig | ModelConfig) -> dict[str, object]:
    """What only a two-parameter problem, or only a model, is told."""
    if isinstance(problem, ProblemConfig):
        return {"start": None if problem.start is None else ",".join(map(_text, problem.start))}
    values = {key.replace("_", "-"): getattr(problem, key) for key in ("model", *MODEL_KEYS)}
    return values | {"hidden": ",".join(map(str, problem.hidden))}


def _without_own_values(experiment: Experiment, card: "Card") -> Experiment:
    """The experiment with the rate and start left open where they are the problem's own."""
    open_runs = replace(experiment, runs=tuple(replace(run, lr=None) for run in experiment.runs))
    own = open_runs.resolved(card.lr, card.start, card.examples).runs
    runs = (
        replace(run, lr=None if run.lr == usual.lr else run.lr) for run, usual in zip(experiment.runs, own, strict=True)
    )
    problem = experiment.problem
    if isinstance(problem, ProblemConfig) and problem.start == card.start:
        problem = replace(problem, start=None)
    return replace(experiment, problem=problem, runs=tuple(runs))


def _run_options(runs: tuple[RunConfig, ...], own_size: int | None) -> dict[str, object]:
    """The options that give these runs: the shared ones if they are the default three, else one `--run` each."""
    shared: dict[str, Any] = {key: getattr(runs[0], key) for key in SHARED_KEYS}
    size = runs[1].batch_size if len(runs) > 1 else "all"
    if size != "all" and runs == tuple(replace(run, **shared) for run in default_runs(size)):
        options = {"mini_batch_size": None if size == own_size else size} | shared
        return {key.replace("_", "-"): value for key, value in options.items()}
    usual: dict[str, Any] = {field.name: field.default for field in fields(RunConfig)} | {"batch_size": None}
    texts = []
    for run in runs:
        said: Iterator[tuple[str, Any]] = ((key, getattr(run, key)) for key in RUN_KEYS)
        texts.append(",".join(f"{key}={_text(value)}" for key, value in said if value != usual[key]))
    return {"run": tuple(texts)}


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
