"""An experiment as a plain dictionary, and back: the one schema of files, recordings and options. Imports no torch.

It has numbers, texts, booleans, lists and dictionaries only, so that it is TOML and JSON as it stands. What it leaves
out is as by default; keys are the names of the options. `[[runs]]` and `[[changes]]` are lists of dictionaries.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, get_args

from sim.experiment.config import Experiment, Limit, LimitUnit, RunConfig, default_runs
from sim.experiment.errors import ConfigError, suggest
from sim.experiment.geometry import Point
from sim.experiment.journal import Change, ClockChange, Fork, Removal, RunChange
from sim.experiment.problem import AnyProblem, LoopConfig, ModelConfig, ProblemConfig
from sim.experiment.words import quoted

if TYPE_CHECKING:
    from sim.experiment.resolved import Resolved

Document = dict[str, Any]

RUN_KEYS = tuple(field.name for field in fields(RunConfig))
SHARED_KEYS = tuple(key for key in RUN_KEYS if key not in ("name", "batch_size"))
MODEL_KEYS = ("dataset", "hidden", "task", "test_fraction", "examples", "loader", "workers", "plane")
"""What only a model has."""

_DATA_KEYS = ("data", "features", "target", "scale")
_LIMITS: tuple[LimitUnit, ...] = get_args(LimitUnit)
_PLAIN_KEYS = ("seed", "seeds", "clock", "device", "backend")
_KEYS = (
    *("problem", "start", "model", "loop", "title", "axes", "mini_batch_size", "runs", "changes"),
    *(*_DATA_KEYS, *MODEL_KEYS, *SHARED_KEYS, *_PLAIN_KEYS, *_LIMITS),
)
_LISTS: dict[str, Callable[[Iterable[Any]], object]] = {"features": tuple, "hidden": tuple, "axes": tuple}
_NAMED: dict[type[AnyProblem], tuple[str, str]] = {
    ProblemConfig: ("problem", "name"),
    ModelConfig: ("model", "model"),
    LoopConfig: ("loop", "name"),
}
"""For each kind of problem the key that its name has, and the field."""

_CHANGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "clock": (("moment", "clock"), ()),
    "run": (("moment", "run"), tuple(key for key in RUN_KEYS if key != "name")),
    "fork": (("moment", "fork", "update"), RUN_KEYS),
    "remove": (("moment", "remove"), ()),
}
"""For each kind of change the keys that it must have, and those that it may have."""

_CHANGE_EXAMPLES = {
    "clock": "moment=50,clock=examples",
    "run": "moment=50,run=mini-batch,batch_size=8",
    "fork": "moment=50,fork=mini-batch,update=20,name=small,batch_size=8",
    "remove": "moment=50,remove=mini-batch",
}

_NUMBERS = (int, float)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("lr", "momentum", "test_fraction", *_LIMITS), _NUMBERS),
    **dict.fromkeys(
        ("mini_batch_size", "schedule_updates", "loss_every", "examples", "workers", "seed", "seeds"), (int,)
    ),
    **dict.fromkeys(("nesterov", "drop_last"), (bool,)),
    **dict.fromkeys(("features", "hidden", "axes", "start", "runs", "changes"), (list, tuple)),
    "batch_size": (int, str),
    **dict.fromkeys(("moment", "update"), (int,)),
}
"""What a value may be; those that are not named are texts."""


def from_document(document: Mapping[str, Any]) -> Experiment:
    """The experiment that a document describes.

    Raises:
        ConfigError: for keys that mean nothing, values of the wrong kind, and whatever else cannot be done.
    """
    _check(document, _KEYS, "the experiment")
    return Experiment(
        problem=_any_problem(document),
        runs=_runs(document),
        start=_start(document),
        limit=Limit.among({unit: document.get(unit) for unit in _LIMITS}),
        changes=tuple(_change(change) for change in document.get("changes", ())),
        **{key: document[key] for key in (*_PLAIN_KEYS, "plane") if key in document},
    )


def to_document(experiment: "Experiment | Resolved") -> Document:
    """The document of an experiment; of a resolved one with nothing left open."""
    problem = experiment.problem
    own = {key: value for key, value in asdict(problem).items() if value not in (None, ())}
    key, field = _NAMED[type(problem)]
    own[key] = own.pop(field)
    document: Document = {
        **{key: list(value) if key in _LISTS else value for key, value in own.items()},
        "seed": experiment.seed,
        "clock": experiment.clock,
        "device": experiment.device,
        "backend": experiment.backend,
        "runs": [_run_document(run) for run in map(asdict, experiment.runs)],
    }
    if experiment.seeds > 1:
        document["seeds"] = experiment.seeds
    if experiment.start is not None:
        document["start"] = list(experiment.start)
    if not isinstance(problem, ProblemConfig) and experiment.plane != "identity":
        document["plane"] = experiment.plane
    if experiment.limit is not None:
        document[experiment.limit.unit] = experiment.limit.value
    if experiment.changes:
        document["changes"] = list(map(change_document, experiment.changes))
    return _without_unused(document)


def _run_document(run: Document) -> Document:
    return {key: run[key] for key in RUN_KEYS if run[key] is not None}


def _without_unused(document: Document) -> Document:
    """Leave out what only other models and other data have."""
    unused = [key for key, used in _USED.items() if key in document and not used(document)]
    return {key: value for key, value in document.items() if key not in unused}


_USED: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "hidden": lambda document: document.get("model") == "mlp",
    "examples": lambda document: document.get("dataset") == "synthetic",
    "dataset": lambda document: "data" not in document,
}


def _check(document: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key, value in document.items():
        if key not in known:
            raise ConfigError(f"Unknown key {key!r} of {where}; {suggest(key, known)}")
        kinds = _KINDS.get(key, (str,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", list: "a list"}
            expected = " or ".join(
                words[kind] for kind in kinds if kind is not tuple and (kind, kinds) != (int, _NUMBERS)
            )
            raise ConfigError(f"{key} of {where} must be {expected}, not {value!r}.")


def _any_problem(document: Mapping[str, Any]) -> AnyProblem:
    if "loop" in document:
        return LoopConfig(document["loop"], document.get("title", ""), tuple(document.get("axes", ())))
    return _model(document) if "model" in document else _problem(document)


def _problem(document: Mapping[str, Any]) -> ProblemConfig:
    for key in MODEL_KEYS:
        if key in document:
            raise ConfigError(f"--{key.replace('_', '-')} is for models; say which with --model, such as --model mlp.")
    return ProblemConfig(document.get("problem", ProblemConfig().name), **_data(document))


def _model(document: Mapping[str, Any]) -> ModelConfig:
    if "problem" in document:
        raise ConfigError(
            f"Both the problem {document['problem']} and --model {document['model']} are named; choose one of them."
        )
    if "start" in document:
        raise ConfigError("--start is for two-parameter problems; a model begins as it was made from the seed.")
    _refuse_unused(document, "hidden", "--model mlp")
    _refuse_unused(document, "examples", "--dataset synthetic")
    own = {key: document[key] for key in MODEL_KEYS if key in document and key != "plane"}
    if not all(isinstance(size, int) for size in own.get("hidden", ())):
        raise ConfigError(f"hidden must be a list of whole numbers, not {own['hidden']!r}.")
    return ModelConfig(document["model"], **_data(document), **_with_tuples(own))


def _refuse_unused(document: Mapping[str, Any], key: str, where: str) -> None:
    """Refuse a key that would change nothing."""
    if key in document and not _USED[key](document):
        raise ConfigError(f"--{key} is for {where}; leave it out, or add that.")


def _data(document: Mapping[str, Any]) -> Document:
    if not all(isinstance(name, str) for name in document.get("features", ())):
        raise ConfigError(f"features must be a list of texts, not {document['features']!r}.")
    return _with_tuples({key: document[key] for key in _DATA_KEYS if key in document})


def _with_tuples(values: Document) -> Document:
    return {key: _LISTS[key](value) if key in _LISTS else value for key, value in values.items()}


def _runs(document: Mapping[str, Any]) -> tuple[RunConfig, ...]:
    """The runs that are named, or the default three; what they leave unsaid is what the document says for all."""
    shared = {key: document[key] for key in SHARED_KEYS if key in document}
    size = document.get("mini_batch_size")
    named = document.get("runs", ())
    for run in named:
        if not isinstance(run, Mapping):
            raise ConfigError(f"Each of the runs must be a table, not {run!r}.")
        _check(run, RUN_KEYS, "a run")
    if named:
        runs = tuple(
            RunConfig(**{"name": f"run {number}", "batch_size": size, **shared, **run})
            for number, run in enumerate(named, start=1)
        )
    else:
        runs = tuple(replace(run, **shared) for run in default_runs(size))
    if "schedule_updates" in document and all(run.schedule == "constant" for run in runs):
        raise ConfigError("--schedule-updates needs a schedule; add one, such as --schedule cosine.")
    return runs


def _start(document: Mapping[str, Any]) -> Point | None:
    if "start" not in document:
        return None
    start = document["start"]
    if len(start) != len(Point._fields) or not all(isinstance(number, _NUMBERS) for number in start):
        raise ConfigError(f"The start must be two finite numbers, such as --start -1,2; got {start!r}.")
    return Point(*map(float, start))


def change_document(change: Change) -> Document:
    """The table of a change."""
    match change:
        case ClockChange(moment, clock):
            return {"moment": moment, "clock": clock}
        case RunChange(moment, run, settings):
            return {"moment": moment, "run": run, **settings}
        case Fork(moment, run, update, settings):
            return {"moment": moment, "fork": run, "update": update, **settings}
        case Removal(moment, run):
            return {"moment": moment, "remove": run}


def _change(change: object) -> Change:
    """What a table says: a clock, a run and its new settings, one to fork and the fork's, or one to remove."""
    if not isinstance(change, Mapping):
        raise ConfigError(f"Each of the changes must be a table, not {change!r}.")
    kinds = [kind for kind in _CHANGES if kind in change]
    if len(kinds) != 1:
        raise ConfigError(
            "A change names one of clock, run, fork and remove, such as moment=50,clock=examples; "
            f"got {', '.join(map(quoted, map(str, change))) or 'nothing'}."
        )
    own, settings = _CHANGES[kinds[0]]
    _check(change, (*own, *settings), "a change")
    if missing := [key for key in own if key not in change]:
        raise ConfigError(f"A change does not say its {missing[0]}; say it, such as {_CHANGE_EXAMPLES[kinds[0]]}.")
    values = {key: change[key] for key in settings if key in change}
    match kinds[0]:
        case "clock":
            return ClockChange(change["moment"], change["clock"])
        case "run":
            return RunChange(change["moment"], change["run"], values)
        case "remove":
            return Removal(change["moment"], change["remove"])
        case _:
            return Fork(change["moment"], change["fork"], change["update"], values)
