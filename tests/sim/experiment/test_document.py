"""Experiments as documents: there and back, through TOML, and what is refused."""

import json
import tomllib
from typing import Any

import pytest
import tomli_w

from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import Experiment, Limit, RunConfig, default_runs
from sim.experiment.document import from_document, to_document
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import ClockChange
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.experiment.resolved import Facts, resolve

EXPERIMENTS = {
    "default": Experiment(),
    "problem": Experiment(ProblemConfig("sine"), seed=3, clock="examples", device="cpu", limit=Limit("epochs", 2.5)),
    "start": Experiment(start=Point(-1.0, 0.1 + 0.2)),
    "backend": Experiment(backend="compiled"),
    "data": Experiment(ProblemConfig("logistic", "a b.csv", ("a,b", "c"), "d", "standard")),
    "model": Experiment(ModelConfig(hidden=(8, 4), dataset="wine", task="classification", workers=2), plane="heads"),
    "cnn": Experiment(ModelConfig("cnn", test_fraction=0.5)),
    "synthetic": Experiment(ModelConfig("own.py:small", "synthetic", examples=1000)),
    "own data": Experiment(ModelConfig("mlp", data="points.csv", target="y")),
    "runs": Experiment(
        runs=(
            RunConfig("a b's", "all", lr=0.05, loss_every=7),
            RunConfig("$HOME", 128, optimizer="adam", schedule="one-cycle", schedule_updates=50),
            RunConfig("c", None, optimizer="rmsprop", momentum=0.25, sampling="replacement", drop_last=True),
        )
    ),
    "changes": Experiment(changes=(ClockChange(50, "examples"), ClockChange(70, "seconds"))),
}


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_document_gives_the_experiment_again_also_as_toml_and_json(experiment: Experiment) -> None:
    document = to_document(experiment)
    assert from_document(document) == experiment
    assert from_document(tomllib.loads(tomli_w.dumps(document))) == experiment
    assert from_document(json.loads(json.dumps(document))) == experiment


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_what_an_experiment_came_to_comes_to_the_same_again(experiment: Experiment) -> None:
    facts = Facts(1000, 2 if isinstance(experiment.problem, ProblemConfig) else 50, dict.fromkeys(OPTIMIZERS, 0.5))
    resolved = resolve(experiment, facts, "cpu")
    again = from_document(tomllib.loads(tomli_w.dumps(to_document(resolved))))
    assert resolve(again, facts, "cpu") == resolved
    assert all(run.lr and run.batch_size and run.loss_every for run in again.runs)


def test_what_is_left_out_is_as_by_default() -> None:
    assert from_document({}) == Experiment()
    expected = tuple(RunConfig(run.name, run.batch_size, lr=0.5) for run in default_runs(16))
    assert from_document({"lr": 0.5, "mini_batch_size": 16}).runs == expected
    assert from_document({"lr": 0.5, "runs": [{"batch_size": 4}]}).runs == (RunConfig("run 1", 4, lr=0.5),)


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ({"problm": "sine"}, "did you mean 'problem'"),
        ({"seed": "three"}, "seed of the experiment must be a whole number, not 'three'"),
        ({"seed": True}, "must be a whole number"),
        ({"seed": 1.5}, "must be a whole number"),
        ({"lr": "fast"}, "must be a number"),
        ({"nesterov": 1}, "must be true or false"),
        ({"clock": "minutes"}, "Unknown clock"),
        ({"clock": 3}, "must be a text"),
        ({"runs": [{"name": "a", "momentun": 0.9}]}, "did you mean 'momentum'"),
        ({"runs": [{"batch_size": 1.5}]}, "must be a whole number or a text"),
        ({"runs": ["name=a"]}, "must be a table"),
        ({"runs": {"name": "a"}}, "must be a list"),
        ({"changes": [{"moment": 3}]}, "one of clock, run, fork and remove"),
        ({"changes": [3]}, "must be a table"),
        ({"start": [1]}, "two finite numbers"),
        ({"start": [1, "2"]}, "two finite numbers"),
        ({"start": [1, 2], "model": "mlp"}, "--start is for two-parameter problems"),
        ({"problem": "sine", "model": "mlp"}, "choose one of them"),
        ({"hidden": [3]}, "--hidden is for models"),
        ({"model": "cnn", "hidden": [3]}, "--hidden is for --model mlp"),
        ({"model": "mlp", "hidden": ["3"]}, "list of whole numbers"),
        ({"model": "mlp", "examples": 100}, "--examples is for --dataset synthetic"),
        ({"features": [1], "data": "a.csv"}, "list of texts"),
        ({"updates": 3, "epochs": 4}, "one way only"),
        ({"updates": -1}, "positive"),
        ({"schedule_updates": 50}, "needs a schedule"),
    ],
)
def test_what_means_nothing_is_refused_in_a_sentence(document: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        from_document(document)
