"""Models of the user's own: what works, and what becomes of those that fail on the way."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sim.engine import Engine
from sim.experiment.config import Experiment, Limit, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.protocol.answers import Failed
from sim.protocol.commands import Open, Survey
from sim.protocol.trace import Status
from tests.sim.conftest import assert_same
from tests.sim.one_run import work
from tests.sim.real_models import (
    FORWARD,
    LINEAR,
    advanced,
    opened,
    own_file,
    plain_loop,
    problem_of,
    training_part,
)

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def makers() -> list[str]:
    """Every function in `examples/` that makes a model, as --model names it."""
    return [
        f"{path}:{node.name}"
        for path in EXAMPLES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns or ast.Constant("")) == "nn.Module"
    ]


def test_there_is_an_example() -> None:
    assert makers()


@pytest.mark.parametrize("model", makers(), ids=lambda model: Path(model).name)
def test_every_example_learns(model: str, device: str) -> None:
    run = RunConfig("run", 16, optimizer="adam", lr=0.01, loss_every=1000)
    experiment = Experiment(ModelConfig(model=model), runs=(run,), device=device, limit=Limit("epochs", 40))
    engine, opening = opened(experiment)
    assert opening.tests > 0
    answer = advanced(engine, 100_000)
    assert answer.finished
    assert not answer.troubles
    assert answer.rows["loss"][-1] < opening.rows["loss"][0] / 3
    assert answer.rows["test_accuracy"][-1] > 0.9


def test_an_own_model_data_and_loss_are_the_plain_loop(tmp_path: Path, device: str) -> None:
    text = """
        import torch
        from torch import nn
        from torch.utils.data import TensorDataset

        def data():
            generator = torch.Generator().manual_seed(5)
            inputs = torch.randn(120, 3, generator=generator)
            return {what}(inputs, inputs.sum(dim=1, keepdim=True).sin())

        def small():
            return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

        def loss(output, target):
            return nn.functional.l1_loss(output, target)
    """
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(120, 3, generator=generator)
    dataset = torch.utils.data.TensorDataset(inputs, inputs.sum(dim=1, keepdim=True).sin())
    losses, _ = plain_loop(
        training_part(dataset),
        lambda: nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)),
        nn.L1Loss(),
        lambda parameters: torch.optim.SGD(parameters, 0.05),
        7,
        100,
        device,
    )
    for what, workers in (("", 0), ("TensorDataset", 0), ("TensorDataset", 2)):
        file = own_file(tmp_path, text.format(what=what))
        config = ModelConfig(model=f"{file}:small", workers=workers)
        engine, opening = opened(Experiment(config, runs=(RunConfig("run", 7, lr=0.05),), device=device))
        rows = advanced(engine, 100).rows
        assert opening.experiment.examples == 96
        assert_same(rows["batch_loss"], losses, device)


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path, device: str) -> None:
    own_file(tmp_path, "WIDTH = 5", "beside_own_model.py")
    text = "from torch import nn\nfrom beside_own_model import WIDTH\ndef model():\n    return nn.Linear(3, WIDTH)\n"
    text += "import torch\ndef data():\n    return torch.rand(50, 3), torch.zeros(50, dtype=torch.int64)\n"
    assert problem_of(device, model=own_file(tmp_path, text)).model.out_features == 5


@pytest.mark.parametrize(
    ("body", "words"),
    [("raise RuntimeError('tired')", "RuntimeError: tired"), ("sys.exit()", "called sys.exit")],
)
def test_what_forward_raises_later_stops_the_run(tmp_path: Path, body: str, words: str, device: str) -> None:
    file = own_file(tmp_path, FORWARD.format(body=f"if self.training and self.calls > 8: {body}"))
    runs = (RunConfig("tired", 32, loss_every=1000), RunConfig("short", 16, loss_every=1000))
    engine, _ = opened(Experiment(ModelConfig(model=file), runs=runs, device=device))
    first = advanced(engine, 3)
    assert not first.troubles
    later = advanced(engine, 100)
    assert later.finished
    assert [trouble.run for trouble in later.troubles] == [0, 1]
    assert all(words in trouble.sentence for trouble in later.troubles)
    assert all("own.py" in trouble.details for trouble in later.troubles)


def test_numbers_that_are_lost_later_are_divergence(tmp_path: Path, device: str) -> None:
    body = "if self.training and self.calls > 8: inputs = inputs * float('nan')"
    file = own_file(tmp_path, FORWARD.format(body=body))
    run = RunConfig("run", 32, loss_every=1000)
    engine, _ = opened(Experiment(ModelConfig(model=file), runs=(run,), device=device))
    answer = advanced(engine, 100)
    assert answer.rows["status"][-1] == Status.DIVERGED
    assert not answer.troubles
    assert answer.finished


def test_what_a_model_prints_is_not_on_stdout(tmp_path: Path, device: str) -> None:
    file = own_file(tmp_path, FORWARD.format(body="print('a word from the model')"))
    done = subprocess.run(
        [sys.executable, "-m", "tui", "run", "--model", file, "--updates", "2", "--device", device],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a word from the model" in done.stderr
    assert "a word" not in done.stdout
    assert "stochastic" in done.stdout


def test_the_engine_lives_on_after_a_bad_model(tmp_path: Path, device: str) -> None:
    engine = Engine()
    engine.ask(Open(Experiment(ModelConfig(model=own_file(tmp_path, "import sys\nsys.exit()")), device=device)))
    good = ModelConfig(model=own_file(tmp_path, LINEAR))
    assert engine.ask(Open(Experiment(good, device=device))).experiment.examples == 1438


def test_a_line_as_a_module_is_a_model_too(tmp_path: Path, device: str) -> None:
    text = """
        import torch
        from torch import nn

        def model():
            return nn.Linear(1, 1)

        def data():
            inputs = torch.arange(40.0)[:, None] / 40
            return inputs, 2 * inputs + 1
    """
    config = ModelConfig(own_file(tmp_path, text), test_fraction=0.0)
    engine, answer = opened(Experiment(config, runs=(RunConfig("run", 4, lr=0.1),), plane="random", device=device))
    assert answer.experiment.parameters == 2
    assert answer.plane.kind == answer.experiment.plane == "identity"
    news = advanced(engine, 3)
    slope, intercept = news.plane.trails[0].head
    inputs = np.arange(40.0) / 40
    loss = np.mean((slope * inputs + intercept - 2 * inputs - 1) ** 2)
    assert news.rows["loss"][-1] == pytest.approx(loss, rel=1e-4)


def test_a_landscape_that_fails_says_why_every_time(tmp_path: Path, device: str) -> None:
    text = FORWARD.format(body="assert self.layer.weight.abs().max() < 5, 'weights too large'")
    config = ModelConfig(own_file(tmp_path, text))
    engine, _ = opened(Experiment(config, runs=(RunConfig("run", 32),), plane="random", device=device))
    far = Survey(Window(-1e6, 1e6, -1e6, 1e6), 4, 4)
    for _ in range(2):
        answer = work(engine, far)
        assert isinstance(answer, Failed)
        assert "weights too large" in answer.sentence
    assert len(advanced(engine, 3).rows) == 3


def test_an_imported_module_called_data_is_no_data(tmp_path: Path, device: str) -> None:
    text = "from torch.utils import data\n" + "\n".join(line[4:] for line in LINEAR.splitlines())
    assert problem_of(device, model=own_file(tmp_path, text)).examples == 1438


def test_a_loss_with_weights_is_where_the_model_is(tmp_path: Path, device: str) -> None:
    text = LINEAR + "    loss = nn.CrossEntropyLoss(weight=torch.arange(1.0, 11.0))"
    engine, _ = opened(Experiment(ModelConfig(own_file(tmp_path, text)), runs=(RunConfig("run", 32),), device=device))
    assert not advanced(engine, 3).troubles


def test_workers_ask_for_a_loader_and_tensors_in_a_data_set_do_not(tmp_path: Path, device: str) -> None:
    assert problem_of(device, workers=2).loader == "dataloader"
    text = (
        LINEAR
        + """
    def data():
        return torch.utils.data.TensorDataset(torch.rand(90, 64), torch.zeros(90, dtype=torch.int64))
    """
    )
    assert problem_of(device, model=own_file(tmp_path, text)).loader == "resident"
