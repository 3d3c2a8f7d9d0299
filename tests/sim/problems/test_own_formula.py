"""A two-parameter problem from the user's own file."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import curve_fit

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.problem import ProblemConfig
from sim.opening import problem_of
from sim.problems import build_formula
from sim.recording.sources import fingerprints, require_same
from tests.sim.one_run import OneRun
from tui import cli

EXAMPLE = Path(__file__).parents[3] / "examples" / "growth.py"
DATA = "import numpy as np\n\n\ndef data():\n    return np.linspace(1, 2, 40), np.linspace(-1, 1, 40)\n\n\n"
OUTPUT = "def output(xp, a, b, x):\n"


def problem(path: Path, start: Point | None = None):
    return problem_of(Experiment(ProblemConfig(str(path)), device="cpu", start=start))


@pytest.mark.parametrize("backend", ["torch", "compiled"])
def test_descent_finds_the_fit_that_scipy_finds(backend: str) -> None:
    growth = problem(EXAMPLE)
    x, y = growth.formula.inputs, growth.formula.targets
    (w, c), _ = curve_fit(lambda x, w, c: np.exp(w * x) + c, x, y)
    one = OneRun(growth, RunConfig("batch", "all"), rate=None, backend=backend)
    one.advance(600)
    np.testing.assert_allclose(one.vector.numpy(), (w, c), rtol=1e-5)
    assert growth.formula.parameters == ("w", "c")


def test_another_function_of_the_file_and_losses_without_targets(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("def data():\n    return [1.0, 2.0]\n\n\ndef bowl(xp, a, b, x):\n    return x * (a**2 + b**2)\n")
    formula = build_formula(ProblemConfig(f"{path}:bowl"))
    assert (formula.loss, formula.targets.tolist()) == ("mean", [0, 0])
    with pytest.raises(ConfigError, match=r"has no function 'output'; .*bowl"):
        build_formula(ProblemConfig(str(path)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (OUTPUT + "    return a", "must have a function data()"),
        (DATA + "def output(xp, a, b, c, x):\n    return a", "two parameters and inputs, not xp, a, b, c, x (more"),
        (DATA + OUTPUT + "    return xp.log(-x + a) + b", "The loss is nan at the start 0,0"),
        (DATA + OUTPUT + "    x += 1\n    return a * x", "must have no side effects"),
        (DATA + "n = []\n\n\n" + OUTPUT + "    n.append(1)\n    return x * len(n)", "must have no side effects"),
        (DATA + OUTPUT + "    return 3.0", "shape (40,), not ()"),
        (DATA + "loss = 'mse'\n\n\n" + OUTPUT + "    return a * x", "Unknown loss in "),
        (DATA + "lr = -1\n\n\n" + OUTPUT + "    return a * x", "must be a positive number, not -1"),
        (DATA + "start = 3\n\n\n" + OUTPUT + "    return a * x", "must be two numbers"),
        ("def data():\n    return [[1.0]], [1.0, 2.0]\n\n\n" + OUTPUT + "    return a", "not shapes (1, 1), (2,)"),
        ("def data():\n    return ['x']\n\n\n" + OUTPUT + "    return a", "must return arrays of numbers"),
        ("def data():\n    return [[1.0], [1.0, 2.0]]\n\n\n" + OUTPUT + "    return a", "inhomogeneous part."),
        ("x = 1", "has no function 'output'; there is none at all."),
        ("def data():\n    return [1.0, float('nan')]\n\n\n" + OUTPUT + "    return a", "finite numbers only"),
    ],
)
def test_what_cannot_serve_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        problem(path)


def test_a_recording_knows_whether_the_file_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(DATA + OUTPUT + "    return a * x + b")
    config = ProblemConfig(f"{path}:output")
    recorded = fingerprints(config)
    require_same(recorded, config)
    path.write_text(DATA + OUTPUT + "    return a * x - b")
    with pytest.raises(ConfigError, match="has changed since it was recorded"):
        require_same(recorded, config)


def test_the_start_that_is_asked_for_counts(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(DATA + OUTPUT + "    return xp.log(x + a) + b")
    assert problem(path, Point(1.0, 0.0)).start == Point(1.0, 0.0)
    with pytest.raises(ConfigError, match=r"The loss is nan at the start -1\.5,0"):
        problem(path, Point(-1.5, 0.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise RuntimeError('no disk')", "RuntimeError: no disk (own.py, line 1)"),
        (DATA + OUTPUT + "    return a * unknown", "NameError: name 'unknown' is not defined (own.py, line 9)"),
        ("def output(:", "SyntaxError: invalid syntax (own.py, line 1)"),
    ],
)
def test_a_file_that_raises_is_bad_input(
    tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    assert cli.main(["run", "--problem", str(path), "--updates", "3"]) == 2
    assert capsys.readouterr().err == f"gdsim: {sentence}.\n"


def test_what_sympy_cannot_take_torch_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.py"
    path.write_text(DATA + OUTPUT + "    return xp.where(x > 1.5, a * x, b * x)")
    asked = ["run", str(path), "--updates", "3", "--run", "batch_size=all"]
    assert cli.main([*asked, "--backend", "compiled"]) == 2
    assert "use --backend torch" in capsys.readouterr().err
    assert cli.main(asked) == 0
    assert "torch on cpu" in capsys.readouterr().out
    assert cli.main(["run", str(path), "--updates", "3", "--data", "some.csv"]) == 2
    assert "leave out --data and --scale" in capsys.readouterr().err
