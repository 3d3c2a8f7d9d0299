"""Devices by name, and names of none."""

import pytest
import torch

from sim import opening
from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig
from sim.models.device import choose_device


@pytest.mark.parametrize("name", ["cuda:2", "cuda:128", "cuda:257", "cuda:01", "cuda:99999999999999999999"])
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=f"There is no {name} here \\(2 CUDA devices\\); use --device cpu"):
        choose_device(name)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cuda") == torch.device("cuda")


def test_no_cuda_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="There is no cuda here \\(0 CUDA devices\\)"):
        choose_device("cuda")
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


def test_a_gpu_is_taken_for_models_where_no_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "choose_device", lambda name: torch.device("meta" if name == "auto" else name))
    monkeypatch.setattr(opening, "model_problem", lambda _config, _seeds, device: device)
    assert opening.problem_of(Experiment(ModelConfig())) == torch.device("meta")
    for seeds in (1, 5):
        assert opening.problem_of(Experiment(seeds=seeds)).device == torch.device("cpu")
