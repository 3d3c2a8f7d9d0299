"""What is said of a problem before it is opened, against what the engine then finds."""

from pathlib import Path

import numpy as np
import pytest

from sim.experiment.choices import CLOCKS
from sim.experiment.config import Experiment
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.problems import registry
from sim.problems.card import card_of, usual_pace
from tests.sim.real_models import opened, own_file, refused


@pytest.mark.parametrize("name", registry())
def test_the_card_of_a_formula_is_of_what_the_engine_opens(name: str) -> None:
    card = card_of(ProblemConfig(name))
    assert (card.name, card.sentence) == (name, registry()[name].sentence)
    assert card.movable
    assert not card.predictions
    assert set(card.pace) == set(CLOCKS)
    _, opening = opened(Experiment(ProblemConfig(name), device="cpu"))
    start, window = opening.experiment.start, card.window
    assert window.left < start.x < window.right
    assert window.bottom < start.y < window.top
    if card.drawn is not None:
        assert card.drawn.examples == opening.experiment.examples
        assert card.drawn.parameters == card.axes


@pytest.mark.parametrize(
    ("config", "name", "title"),
    [
        (ModelConfig(), "mlp", "mlp 64-64 on digits"),
        (ModelConfig(hidden=(5, 4, 3), dataset="wine"), "mlp", "mlp 5-4-3 on wine"),
        (ModelConfig("cnn"), "cnn", "cnn on digits"),
        (ModelConfig(dataset="synthetic", examples=500), "mlp", "mlp 64-64 on synthetic data"),
    ],
)
def test_the_card_of_a_model_says_what_learns_from_what(config: ModelConfig, name: str, title: str) -> None:
    card = card_of(config)
    assert (card.name, card.title) == (name, title)
    assert card.sentence.endswith("seen on a plane of its parameter space.")
    assert card.predictions
    assert not card.movable
    assert (card.window, card.pace, card.drawn, card.minima) == (None, {}, None, ())


@pytest.mark.parametrize(
    ("config", "note"),
    [
        (ModelConfig(), ""),
        (ModelConfig(dataset="wine"), "inputs standardised"),
        (ModelConfig(dataset="diabetes", scale="minmax"), "inputs in 0..1, target standardised"),
        (ModelConfig(dataset="diabetes", scale="none"), "target standardised"),
        (ModelConfig(dataset="synthetic"), ""),
    ],
)
def test_the_card_of_a_model_says_what_was_done_to_the_data(config: ModelConfig, note: str) -> None:
    assert card_of(config).note == note


def test_the_card_of_an_own_file_does_not_run_it(tmp_path: Path) -> None:
    file = own_file(tmp_path, "raise RuntimeError", "mine.py")
    assert (card_of(ModelConfig(f"{file}:small")).name, card_of(ModelConfig(file)).title) == (
        "mine.py:small",
        "mine.py",
    )
    np.savez(tmp_path / "t.npz", X=np.ones((9, 2)), y=np.arange(9.0))
    assert card_of(ModelConfig(file, data=str(tmp_path / "t.npz"))).title == "mine.py on t.npz"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataset": "iris", "test_fraction": 0.999}, "150 examples with --test-fraction 0.999 leave none"),
        ({"dataset": "synthetic", "examples": 10, "test_fraction": 0.99}, "10 examples with --test-fraction 0.99"),
        ({"data": "nowhere.csv", "target": "y"}, "There is no file nowhere.csv"),
        ({"model": "nowhere.py"}, "There is no file nowhere.py"),
    ],
)
def test_the_card_refuses_what_the_engine_would(fields: dict[str, object], words: str, device: str) -> None:
    with pytest.raises(ConfigError, match=words):
        card_of(ModelConfig(**fields))  # type: ignore[arg-type]
    assert words in refused(device, **fields).sentence


def test_the_seconds_clock_plays_in_real_time_where_updates_take_long() -> None:
    assert usual_pace(1438) == {"updates": 30.0, "examples": 719.0, "seconds": 0.1}
    assert usual_pace(1_000_000)["seconds"] == 1.0
