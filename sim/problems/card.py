"""What can be known of a problem before it is opened, for the first screen. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sim.experiment.choices import CLOCKS, MODELS, Clock
from sim.experiment.errors import ConfigError, require_file
from sim.experiment.geometry import Point, Window
from sim.experiment.problem import AnyProblem, LoopConfig, ModelConfig, ProblemConfig
from sim.experiment.words import shown
from sim.problems import build_formula, entry_of
from sim.problems.formula import Formula


@dataclass(frozen=True, slots=True)
class Card:
    """What the screen needs to know of a problem, before and while it runs.

    Attributes:
        name: what it is called.
        title: what is learned from what.
        note: what was done to the data, or "".
        sentence: what it shows.
        axes: the names of the plane's two directions.
        window: of the plane, shown at first; None: it follows the runs.
        pace: for each clock, units of that clock for each second of playing at speed 1, where not as `usual_pace`.
        minima: of the loss on the plane, those known.
        movable: whether the runs can start anywhere on the plane.
        comparable_axes: whether a step means as much along one axis of the plane as along the other.
        formula: that of a two-parameter problem; None for a model, and for the user's own, which the engine alone runs.
        predictions: whether the runs' answers to test examples can be shown.
    """

    name: str
    title: str
    note: str
    sentence: str
    axes: tuple[str, str]
    window: Window | None
    pace: Mapping[Clock, float]
    minima: tuple[Point, ...] = ()
    movable: bool = False
    comparable_axes: bool = True
    formula: Formula | None = None
    predictions: bool = False

    @property
    def is_model(self) -> bool:
        """Whether it is a model, with more parameters than a plane has."""
        return self.formula is None and not self.movable

    @property
    def drawn(self) -> Formula | None:
        """The formula whose data can be drawn; None where there are none."""
        return self.formula if self.formula is not None and self.formula.view else None


def usual_pace(examples: int) -> dict[Clock, float]:
    """Units of each clock for each second of playing, for a problem of so many examples that has no own pace."""
    return {clock: kind.pace(examples) for clock, kind in CLOCKS.items()}


def card_of(problem: AnyProblem) -> Card:
    """The card of a problem.

    Raises:
        ConfigError: for an unknown problem, or data that do not serve.
    """
    if isinstance(problem, LoopConfig):
        return _loop_card(problem)
    if isinstance(problem, ModelConfig):
        return _model_card(problem)
    return _formula_card(problem) if problem.own_file is None else _own_card(problem.own_file)


def _formula_card(config: ProblemConfig) -> Card:
    formula = build_formula(config)
    return Card(
        name=config.name,
        title=formula.title,
        note=formula.note,
        sentence=entry_of(config.name).sentence,
        axes=formula.parameters,
        window=formula.window,
        pace=formula.pace,
        minima=formula.minima,
        movable=True,
        comparable_axes=formula.comparable_axes,
        formula=formula,
    )


def _own_card(own_file: tuple[str, str]) -> Card:
    path, name = own_file
    require_file(Path(path), "problem")
    return Card(
        name=shown(Path(path).name),
        title=f"{shown(name)} in {shown(Path(path).name)}",
        note="",
        sentence="Your own problem.",
        axes=ProblemConfig.axes,
        window=None,
        pace={},
        movable=True,
    )


def _model_card(config: ModelConfig) -> Card:
    if config.own_file is not None:
        require_file(Path(config.own_file[0]), "model")
    words = MODELS.get(config.model, "your own model")
    title, note = _title_and_note(config)
    return Card(
        name=shown(config.name),
        title=title,
        note=note,
        sentence=f"{words[0].upper()}{words[1:]}, seen on a plane of its parameter space.",
        axes=config.axes,
        window=None,
        pace={},
        predictions=True,
    )


def _loop_card(config: LoopConfig) -> Card:
    first, second = map(shown, config.axes)
    return Card(
        name=shown(config.name),
        title=shown(config.title),
        note="",
        sentence="A training loop of your own, as it was recorded.",
        axes=(first, second),
        window=None,
        pace={},
    )


def _title_and_note(config: ModelConfig) -> tuple[str, str]:
    """What learns from what, and what was done to it; where that is a file's own data, only the engine will know."""
    from sim.data.arrays import load_arrays, split_sizes  # which only models need

    shape = f"mlp {'-'.join(map(str, config.hidden))}" if config.model == "mlp" else shown(config.name)
    if config.own_file is not None and config.data is None:
        return shape, ""
    arrays = load_arrays(config)
    examples = config.examples if arrays is None else len(arrays.inputs)
    if not split_sizes(examples, config.test_fraction)[0]:
        raise ConfigError(f"{examples} examples with --test-fraction {config.test_fraction} leave none for training.")
    return (f"{shape} on synthetic data", "") if arrays is None else (f"{shape} on {arrays.name}", arrays.note)
