"""What needs more memory than there is, refused before it is asked for."""

import psutil
import pytest

from sim.experiment import memory
from sim.experiment.errors import ConfigError
from sim.models.build import synthetic
from sim.models.networks import mlp


def test_there_is_what_the_machine_has_or_less() -> None:
    assert 0 < memory.available() <= psutil.virtual_memory().total


@pytest.fixture
def _eight_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 8_000_000_000)


@pytest.mark.usefixtures("_eight_gigabytes")
def test_the_sentence_says_how_much_and_of_how_much() -> None:
    memory.require_memory("A thing", 8_000_000_000)
    with pytest.raises(ConfigError, match=r"^A thing would take 9 GB of memory; there are 8 GB, so ask for fewer\.$"):
        memory.require_memory("A thing", 9_000_000_000)
    with pytest.raises(ConfigError, match="1e\\+12 GB"):
        memory.require_memory("A thing", 10**21)


@pytest.mark.usefixtures("_eight_gigabytes")
def test_a_model_beyond_memory() -> None:
    # 64 * 100,000 + 100,000^2 + 100,000 * 10 weights and 200,010 biases of 4 bytes, thrice
    with pytest.raises(ConfigError, match="--hidden 100000,100000 and a run of it would take 120 GB"):
        mlp((1, 8, 8), (100_000, 100_000), 10)


@pytest.mark.usefixtures("_eight_gigabytes")
@pytest.mark.parametrize(("examples", "size"), [(10**9, "264 GB"), (10**18, "3e\\+11 GB")])
def test_examples_beyond_memory(examples: int, size: str) -> None:
    with pytest.raises(ConfigError, match=f"{examples:,} synthetic examples would take {size}"):
        synthetic(examples, seed=0)
