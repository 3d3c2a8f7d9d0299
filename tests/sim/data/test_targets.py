"""Classes or quantities: one rule, whatever the file."""

from pathlib import Path

import numpy as np
import pytest

from sim.data.arrays import Arrays, load_arrays
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig
from tests.sim.data.files import KINDS, written


def loaded(folder: Path, kind: str, targets: np.ndarray, task: str = "auto") -> Arrays:
    values = np.random.default_rng(0).standard_normal((len(targets), 2))
    arrays = load_arrays(ModelConfig(**written(folder, kind, values, targets), task=task))  # type: ignore[arg-type]
    assert arrays is not None
    return arrays


CLASSES = {
    "whole numbers": (np.array([5, 3, 9, 3]), ("3", "5", "9")),
    "small ones": (np.array([5, 3, 9, 3], np.uint8), ("3", "5", "9")),
    "negative ones": (np.array([-1, 1, 1, -1]), ("-1", "1")),
    "whole numbers with a point": (np.array([1.0, 0.0, 0.0, 1.0]), ("0", "1")),
    "large ones": (np.array([1234568, 1234567] * 2), ("1234567", "1234568")),
    "text": (np.array(["no", "yes", "no", "maybe"]), ("maybe", "no", "yes")),
    "at most twenty": (np.arange(40) % 20, tuple(map(str, range(20)))),
}
QUANTITIES = {
    "more than twenty": np.arange(42) % 21,
    "halves": np.array([0.5, 1.0, 1.5, 1.0]),
    "halves in half precision": np.array([0.5, 1.0, 1.5, 1.0], np.float32),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CLASSES)
def test_what_counts_as_classes_does_so_in_every_kind_of_file(tmp_path: Path, kind: str, case: str) -> None:
    targets, names = CLASSES[case]
    arrays = loaded(tmp_path, kind, targets)
    assert (arrays.task, arrays.classes, arrays.targets.dtype) == ("classification", names, np.int64)
    found = np.array(names)[arrays.targets]
    np.testing.assert_array_equal(found if targets.dtype.kind == "U" else found.astype(float), targets)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", QUANTITIES)
def test_what_is_a_quantity_is_one_in_every_kind_of_file(tmp_path: Path, kind: str, case: str) -> None:
    targets = QUANTITIES[case]
    arrays = loaded(tmp_path, kind, targets)
    assert (arrays.task, arrays.classes, arrays.targets.dtype) == ("regression", (), np.float64)
    np.testing.assert_array_equal(arrays.targets, targets)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_the_user_may_say_otherwise(tmp_path: Path, kind: str) -> None:
    for targets in (CLASSES["negative ones"][0], CLASSES["whole numbers with a point"][0], *QUANTITIES.values()):
        quantities, classes = (loaded(tmp_path, kind, targets, task) for task in ("regression", "classification"))
        assert (quantities.task, classes.task) == ("regression", "classification")
        np.testing.assert_array_equal(quantities.targets, targets)
        np.testing.assert_array_equal(np.array(classes.classes, float)[classes.targets], targets)


@pytest.mark.parametrize("kind", KINDS)
def test_true_and_false_are_classes(tmp_path: Path, kind: str) -> None:
    arrays = loaded(tmp_path, kind, np.array([True, False, True, True]))
    assert [name.lower() for name in arrays.classes] == ["false", "true"]
    assert arrays.targets.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("kind", KINDS[:3])
def test_names_of_classes_are_fit_to_be_shown(tmp_path: Path, kind: str) -> None:
    arrays = loaded(tmp_path, kind, np.array(["\x1b[2J", "long" * 1000] * 2))
    assert arrays.classes[0] == r"\x1b[2J"
    assert len(arrays.classes[1]) == 60


@pytest.mark.parametrize("kind", KINDS[:3])
def test_text_is_no_quantity(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigError, match=r"is no number|holds text"):
        loaded(tmp_path, kind, np.array(["no", "yes"] * 2), "regression")


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_note_says_what_was_done(tmp_path: Path, kind: str) -> None:
    inputs = "" if kind in ("npz", "npy") else "inputs standardised"
    assert loaded(tmp_path, kind, np.arange(4) % 2).note == inputs
    quantities = loaded(tmp_path, kind, np.linspace(0, 1, 4))
    assert quantities.note == ", ".join(filter(None, [inputs, "target standardised"]))
