"""The words that an experiment is configured with."""

from collections.abc import Iterable
from typing import get_args

import pytest

from sim.experiment import choices


@pytest.mark.parametrize(
    ("type_", "table"),
    [
        (choices.Clock, choices.CLOCKS),
        (choices.Optimizer, choices.OPTIMIZERS),
        (choices.Schedule, choices.SCHEDULES),
        (choices.Sampling, choices.SAMPLINGS),
        (choices.Scale, choices.SCALES),
        (choices.PlaneKind, choices.PLANES),
        (choices.BackendChoice, choices.BACKENDS),
    ],
    ids=["clocks", "optimizers", "schedules", "samplings", "scales", "planes", "backends"],
)
def test_what_a_type_allows_has_a_sentence(type_: object, table: Iterable[str]) -> None:
    assert get_args(type_) == tuple(table), "name it in the Literal and in the table of sim/experiment/choices.py"
