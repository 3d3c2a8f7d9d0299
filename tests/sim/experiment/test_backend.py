"""Which backend a command gets."""

from dataclasses import replace
from typing import Any

import pytest

from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.problem import ModelConfig
from sim.experiment.resolved import Facts, resolve

FACTS = Facts(1000, 2, dict.fromkeys(OPTIMIZERS, 0.1), Point(0, 0))
ONE = (RunConfig("one", 1),)

EXPERIMENTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a screen": ({}, "cpu", "torch"),
    "few updates": ({"limit": Limit("updates", 19_999), "runs": ONE}, "cpu", "torch"),
    "many updates": ({"limit": Limit("updates", 20_000), "runs": ONE}, "cpu", "compiled"),
    "many updates in all": ({"limit": Limit("updates", 7_000)}, "cpu", "compiled"),
    "many epochs": ({"limit": Limit("epochs", 20), "runs": ONE}, "cpu", "compiled"),
    "few epochs": ({"limit": Limit("epochs", 19), "runs": ONE}, "cpu", "torch"),
    "nobody knows how many updates": ({"limit": Limit("seconds", 1e6)}, "cpu", "torch"),
    "a GPU": ({"limit": Limit("updates", 1e6)}, "cuda:0", "torch"),
    "many seeds on a screen": ({"seeds": 2}, "cpu", "compiled"),
    "a model": ({"limit": Limit("updates", 1e6), "problem": ModelConfig(), "runs": ONE}, "cpu", "compiled"),
    "a model's large updates": (
        {"limit": Limit("updates", 1e6), "problem": ModelConfig(), "runs": (RunConfig("all", "all"),)},
        *("cpu", "torch"),
    ),
    "torch by name": ({"limit": Limit("updates", 1e6), "backend": "torch"}, "cpu", "torch"),
    "compiled by name": ({"backend": "compiled"}, "cpu", "compiled"),
    "compiled by name on a GPU": ({"backend": "compiled"}, "cuda:0", "compiled"),
}


@pytest.mark.parametrize(("fields", "device", "backend"), EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_the_backend_follows_from_the_command(fields: dict[str, Any], device: str, backend: str) -> None:
    facts = FACTS if "problem" not in fields else replace(FACTS, parameters=30_000)
    assert resolve(Experiment(**fields), facts, device).backend == backend


def test_compiling_for_another_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="the CPU or a CUDA device, not on mps; add --device cpu"):
        resolve(Experiment(backend="compiled"), FACTS, "mps")


def test_where_updates_cost_less_the_loss_over_all_examples_is_evaluated_less_often() -> None:
    experiments = [
        resolve(Experiment(ModelConfig(), runs=ONE, backend=backend), replace(FACTS, parameters=9000), "cpu")
        for backend in ("torch", "compiled")
    ]
    usual, seldom = (experiment.runs[0].loss_every for experiment in experiments)
    assert 1 < usual < seldom <= 1000  # once an epoch at least
    assert experiments[1].with_backend("torch").runs == experiments[0].runs


@pytest.mark.parametrize(
    ("fields", "device", "sentence"),
    [
        ({"seeds": 0}, "cpu", "--seeds must be at least 1"),
        ({"seeds": 2, "seed": 2**63 - 1}, "cpu", "the last seed below 2^63"),
        ({"seeds": 2, "problem": ModelConfig()}, "cpu", "for two-parameter problems, and mlp is a model"),
        ({"seeds": 2, "backend": "torch"}, "cpu", "leave out --backend torch, or --seeds"),
        ({"seeds": 2}, "cuda:0", "on the CPU, not on cuda:0; add --device cpu"),
        ({"seeds": 10**9}, "cpu", r"--seeds 1,000,000,000 would take .* GB of memory; .* so ask for [\d,]+ at most"),
    ],
)
def test_seeds_that_cannot_be_are_refused(fields: dict[str, Any], device: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence.replace("^", r"\^")):
        resolve(Experiment(**fields), FACTS, device)
