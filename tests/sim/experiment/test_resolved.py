"""What an experiment comes to."""

import dataclasses
import math
import re

import pytest

from sim.experiment.choices import CLOCKS, OPTIMIZERS
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import ClockChange
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.experiment.resolved import Facts, Resolved, Run, resolve

RATES = {name: 0.5 + index for index, name in enumerate(OPTIMIZERS)}


def facts(examples: int = 442, parameters: int = 2, **fields: object) -> Facts:
    return Facts(examples, parameters, RATES, **fields)  # type: ignore[arg-type]


def run_of(config: RunConfig, known: Facts) -> Run:
    (run,) = resolve(Experiment(runs=(config,)), known, "cpu").runs
    return run


@pytest.mark.parametrize(
    ("asked", "examples", "size"),
    [
        (None, 442, 32),
        (None, 33, 32),
        (None, 32, 32),
        (None, 31, 15),
        (None, 10, 5),
        (None, 2, 1),
        (None, 1, 1),
        ("all", 442, 442),
        (1, 442, 1),
        (442, 442, 442),
        (7, 10, 7),
    ],
)
def test_a_batch_size_becomes_a_number(asked: object, examples: int, size: int) -> None:
    run = run_of(RunConfig("run", asked), facts(examples))  # type: ignore[arg-type]
    assert run.batch_size == size
    assert run.full_batch == (size == examples)


@pytest.mark.parametrize("sampling", ["shuffle", "sequential", "replacement"])
def test_a_batch_is_the_full_one_where_it_holds_every_example_once(sampling: str) -> None:
    for size in ("all", 20):
        run = run_of(RunConfig("run", size, sampling=sampling), facts(20))  # type: ignore[arg-type]
        assert run.full_batch == (sampling != "replacement")


def test_a_batch_larger_than_the_data_set_is_refused_by_name() -> None:
    for examples, choice in (
        (45, "it has 45 examples, so choose 1 to 45, or 'all'."),
        (1, "it has 1 example, so choose 1."),
    ):
        words = f"Run 'big': batch_size 50 is larger than the data set; {choice}"
        with pytest.raises(ConfigError, match=re.escape(words)):
            run_of(RunConfig("big", 50), facts(examples))
    with pytest.raises(ConfigError, match="'second'"):
        resolve(Experiment(runs=(RunConfig("first", 45), RunConfig("second", 46))), facts(45), "cpu")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_is_the_runs_own_or_that_of_its_optimizer(optimizer: str) -> None:
    assert run_of(RunConfig("run", 1, optimizer=optimizer), facts()).lr == RATES[optimizer]  # type: ignore[arg-type,index]
    assert run_of(RunConfig("run", 1, lr=0.25, optimizer=optimizer), facts()).lr == 0.25  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batch_size", "known", "every"),
    [
        (1, facts(442, 2), 1),
        ("all", facts(442, 2), 1),
        # 60,000 examples of 20,000 multiplications against three times as many for each of a batch, and half a million
        (1, facts(60_000, 20_000), 2143),  # 1.2e9 / 5.6e5
        (32, facts(60_000, 20_000), 496),  # 1.2e9 / 2.42e6
        ("all", facts(60_000, 20_000), 1),
        (1, facts(45, one_by_one=True), 45),
        (7, facts(45, one_by_one=True), 7),
        ("all", facts(45, one_by_one=True), 1),
    ],
)
def test_the_loss_is_evaluated_as_seldom_as_costs_little(batch_size: object, known: Facts, every: int) -> None:
    assert run_of(RunConfig("run", batch_size), known).loss_every == every  # type: ignore[arg-type]
    assert run_of(RunConfig("run", batch_size, loss_every=17), known).loss_every == 17  # type: ignore[arg-type]


def test_evaluating_costs_about_as_much_as_the_updates_between() -> None:
    for examples, parameters, size in [(1438, 8970, 32), (100_000, 9_000, 1), (10**6, 10**6, 128), (500, 10**7, 10)]:
        run = run_of(RunConfig("run", size), facts(examples, parameters))
        between = run.loss_every * (3 * size * parameters + 500_000)
        assert run.loss_every == 1 or 0.5 < between / (examples * parameters) < 2


def test_whatever_else_was_asked_for_stays_as_it_was() -> None:
    run = RunConfig(
        "mine",
        8,
        lr=0.3,
        momentum=0.9,
        nesterov=True,
        sampling="sequential",
        drop_last=True,
        schedule="cosine",
        schedule_updates=77,
        loss_every=3,
    )
    asked = Experiment(
        ModelConfig(dataset="wine"),
        runs=(run, RunConfig("other", None)),
        seed=12,
        clock="examples",
        device="auto",
        plane="heads",
        limit=Limit("epochs", 2.5),
        changes=(ClockChange(3, "seconds"),),
    )
    found = resolve(asked, facts(142, 900), "cuda:0")
    mine, _ = found.runs
    for field in dataclasses.fields(RunConfig):
        assert getattr(mine, field.name) == getattr(run, field.name)
    for name in ("problem", "seed", "clock", "plane", "limit", "changes"):
        assert getattr(found, name) == getattr(asked, name)
    assert (found.device, found.examples, found.parameters, found.start) == ("cuda:0", 142, 900, None)
    assert [one.name for one in found.runs] == ["mine", "other"]


def test_nothing_is_left_open() -> None:
    found = resolve(Experiment(), facts(start=Point(1.0, 2.0)), "cpu")
    assert found.start == (1.0, 2.0)
    for run in found.runs:
        assert None not in dataclasses.astuple(run)
        assert isinstance(run.batch_size, int)
        assert math.isfinite(run.lr)
    assert isinstance(found, Resolved)


@pytest.mark.parametrize("plane", ["pca", "random", "heads"])
def test_two_parameters_are_their_own_plane(plane: str) -> None:
    asked = Experiment(plane=plane)  # type: ignore[arg-type]
    assert resolve(asked, facts(parameters=2), "cpu").plane == "identity"
    assert resolve(asked, facts(parameters=3), "cpu").plane == plane


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"runs": ()}, "1 to 9 runs, not 0"),
        ({"runs": tuple(RunConfig(str(number), 1) for number in range(10))}, "1 to 9 runs, not 10"),
        ({"runs": (RunConfig("a", 1), RunConfig("a", 2))}, "Two runs are named 'a'"),
        ({"clock": "hours"}, "known: " + ", ".join(CLOCKS)),
        ({"clock": "second"}, "did you mean 'seconds'"),
        ({"plane": "pcb"}, "did you mean 'pca'"),
        ({"seed": -1}, "whole number from 0"),
        ({"device": "gpu"}, "known: auto, cpu, cuda, cuda:N, mps"),
        ({"start": Point(math.nan, 1.0)}, "The start must be two finite numbers, such as --start -1,2; got nan,1."),
        ({"changes": (ClockChange(5, "examples"), ClockChange(5, "updates"))}, "in the order of their moments"),
        ({"changes": (ClockChange(5, "examples"), ClockChange(4, "updates"))}, "in the order of their moments"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_said(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        Experiment(ProblemConfig(), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"batch_size": 0}, "batch_size must be a positive whole number or 'all', not 0"),
        ({"batch_size": "some"}, "batch_size must be a positive whole number or 'all', not 'some'"),
        ({"lr": 0.0}, "lr must be a positive finite number"),
        ({"lr": math.inf}, "lr must be a positive finite number"),
        ({"optimizer": "adaam"}, "did you mean 'adam'"),
        ({"sampling": "shufle"}, "did you mean 'shuffle'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1"),
        ({"momentum": 0.9, "optimizer": "adam"}, "momentum belongs to sgd and rmsprop; adam has none to set"),
        ({"nesterov": True}, "nesterov needs optimizer=sgd and a momentum above 0"),
        ({"schedule_updates": 2}, "schedule_updates must be at least 3"),
        ({"loss_every": 0}, "loss_every must be a positive whole number, not 0"),
    ],
)
def test_what_is_wrong_with_a_run_is_said_with_its_name(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        Experiment(runs=(RunConfig("mine", **({"batch_size": 1} | fields)),))  # type: ignore[arg-type]
    if "did you mean" not in words:
        assert str(caught.value).startswith("Run 'mine': ")
