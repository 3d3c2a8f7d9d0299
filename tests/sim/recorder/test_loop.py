"""What a recorded loop is in the words of an experiment."""

from pathlib import Path

import pytest
import torch

from sim.recorder.loop import resolved_loop
from tests.sim.recorder.line import Line


class OwnSGD(torch.optim.SGD):
    """An optimizer of one's own, made from torch's."""


@pytest.mark.parametrize(
    ("kind", "name", "momentum"),
    [(torch.optim.SGD, "sgd", 0.9), (torch.optim.RMSprop, "rmsprop", 0.9), (OwnSGD, "ownsgd", 0.0)],
)
def test_a_momentum_is_known_of_torchs_own_optimizers(kind: type[torch.optim.SGD], name: str, momentum: float) -> None:
    optimizer = kind(Line().parameters(), lr=0.1, momentum=0.9)
    _, experiment = resolved_loop(Path("mine.gdsim"), Line(), optimizer, examples=10, batch_size=2)
    (run,) = experiment.runs
    assert (run.optimizer, run.momentum, run.lr) == (name, momentum, 0.1)
