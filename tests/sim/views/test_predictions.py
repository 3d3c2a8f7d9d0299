"""What the runs say of some examples, in the data's own units."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris

from sim.views.predictions import predict
from tests.sim.real_models import problem_of


def test_quantities_are_shown_in_the_datas_own_units(device: str) -> None:
    problem = problem_of(device, dataset="diabetes")
    truths = load_diabetes().target
    middle, width = truths[problem.train].mean(), truths[problem.train].std()
    predicted = predict(problem, [problem.model], 30)
    assert problem.test is not None
    assert [float(word) for word in predicted.truths] == truths[problem.test][:30].tolist()
    with torch.no_grad():
        outputs = problem.model(problem.source.take(problem.test[:30])[0]).cpu().double().numpy()[:, 0]
    assert [float(word) for word in predicted.answers[0]] == (outputs * width + middle).round(1).tolist()
    assert predicted.right == ((None,) * 30,)


@pytest.mark.parametrize(
    ("quantities", "words"),
    [
        ([0.0123, 0.0456, 0.0311, 0.0207], ("0.0123", "0.0456", "0.0311", "0.0207")),
        ([196.0, 72.0, 310.5, 151.0], ("196", "72", "310.5", "151")),
        ([4.526, 3.587, 0.5, -0.001], ("4.53", "3.59", "0.5", "0")),
        ([221_900.0, 538_000.0, 180_000.0, 604_000.0], ("221900", "538000", "180000", "604000")),
        ([-2e30, 1e30, 2.5e30, 3e30], ("-2e+30", "1e+30", "2.5e+30", "3e+30")),
        ([0.1, 0.1, 0.1, 0.1], ("0.1", "0.1", "0.1", "0.1")),
    ],
)
def test_quantities_are_rounded_to_what_distinguishes_them(
    tmp_path: Path, quantities: list[float], words: tuple[str, ...], device: str
) -> None:
    np.savez(tmp_path / "mine.npz", X=np.arange(8.0).reshape(4, 2), y=np.array(quantities))
    problem = problem_of(device, data=str(tmp_path / "mine.npz"), test_fraction=0.0, task="regression")
    assert predict(problem, [], 4).truths == words


def test_classes_are_shown_by_their_names(device: str) -> None:
    problem, iris = problem_of(device, dataset="iris"), load_iris()
    assert problem.test is not None
    assert predict(problem, [], 20).truths == tuple(iris.target_names[iris.target[problem.test[:20]]])


@pytest.mark.parametrize("test_fraction", [0.0, 0.3])
def test_an_example_is_a_row_of_the_users_file(tmp_path: Path, test_fraction: float, device: str) -> None:
    rows = "".join(f"{row},{row % 2}\n" for row in range(50))
    (tmp_path / "mine.csv").write_text("row,y\n" + rows)
    data = {"data": str(tmp_path / "mine.csv"), "target": "y", "scale": "none"}
    problem = problem_of(device, test_fraction=test_fraction, **data)
    examples = torch.tensor([7, 0, 30, 7])
    assert problem.rows(examples).tolist() == problem.batch(examples)[0][:, 0].tolist()
    everything = problem.rows(torch.arange(problem.examples)).tolist()
    assert len({*everything}) == problem.examples == 50 * (1 - test_fraction)
