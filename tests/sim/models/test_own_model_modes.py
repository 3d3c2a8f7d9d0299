"""What a model's file does to torch's modes, precisions that do not fit, and modules that cannot be found."""

import importlib
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ModelConfig
from sim.protocol.answers import Advanced
from sim.protocol.commands import Advance
from tests.sim.conftest import assert_same
from tests.sim.real_models import LINEAR, opened, own_file, plain_loop, refused, training_part

NORMALISED = """
    import torch
    from torch import nn
    {first}

    def model():
        {then}
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def data():
        {then}
        inputs = torch.randn(120, 3, generator=torch.Generator().manual_seed(5))
        return inputs, inputs.sum(dim=1, keepdim=True).sin()
"""
MODES = {
    "double precision": "torch.set_default_dtype(torch.float64)",
    "no gradients": "torch.set_grad_enabled(False)",
    "inference": "guard = torch.inference_mode(); guard.__enter__()",
    "a device": "torch.set_default_device('cpu')",
    "threads": "torch.set_num_threads(2)",
}


def modes() -> tuple[object, ...]:
    """All that a file may have left behind."""
    device, dtype, threads = torch.get_default_device(), torch.get_default_dtype(), torch.get_num_threads()
    seen_by = len(_get_current_function_mode_stack())  # what sees each call of torch, and takes its time
    return device, dtype, threads, torch.is_grad_enabled(), torch.is_inference_mode_enabled(), seen_by


@pytest.mark.parametrize("where", ["first", "then"])
@pytest.mark.parametrize("mode", MODES)
def test_modes_that_a_file_sets_neither_stay_nor_keep_its_model_from_training(
    tmp_path: Path, mode: str, where: str, device: str
) -> None:
    before = modes()
    if device != "cpu" and mode == "a device":
        pytest.skip("the file names the CPU")
    dtype = torch.float64 if mode == "double precision" else torch.float32

    def make_model() -> nn.Module:
        layers = [nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)]
        return nn.Sequential(*layers)

    torch.set_default_dtype(dtype)
    try:
        inputs = torch.randn(120, 3, generator=torch.Generator().manual_seed(5))
        dataset = training_part(torch.utils.data.TensorDataset(inputs, inputs.sum(dim=1, keepdim=True).sin()))
        make_optimizer = lambda parameters: torch.optim.SGD(parameters, 0.05)  # noqa: E731
        losses, _ = plain_loop(dataset, make_model, nn.MSELoss(), make_optimizer, 7, 30, device)
    finally:
        torch.set_default_dtype(torch.float32)
    file = own_file(tmp_path, NORMALISED.format(**{"first": "", "then": "", where: MODES[mode]}))
    engine, _ = opened(Experiment(ModelConfig(file), runs=(RunConfig("run", 7, lr=0.05),), device=device))
    assert modes() == before
    answer = engine.ask(Advance(30, math.inf, 60.0))
    assert isinstance(answer, Advanced), answer
    assert not answer.troubles
    assert_same(answer.rows["batch_loss"], losses, device)


def test_a_model_and_data_of_unlike_precision_are_both_named(tmp_path: Path, device: str) -> None:
    file = own_file(
        tmp_path,
        LINEAR.replace("from torch import nn", "from torch import nn\n    torch.set_default_dtype(torch.float64)"),
    )
    sentence = "The model's parameters are float64 and its inputs float32; make their types alike."
    assert refused(device, model=file).sentence == sentence


NAMES = {
    "a module": "import sim.parts",
    "a name": "from sim import Net",
    "a name in a module that we have, too": "from sim.models import Net",
    "an attribute": "import sim\n{}sim.Net()",
    "the terminal's": "from tui import Net",
}


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("kind", ["folder", "file"])
@pytest.mark.parametrize("name", NAMES)
def test_a_package_named_as_one_of_ours_is_named(
    tmp_path: Path, name: str, kind: str, inside: bool, device: str
) -> None:
    taken = "tui" if "tui" in NAMES[name] else "sim"
    importlib.import_module(taken)  # as in the process of `gdsim run`
    if kind == "folder":
        (tmp_path / taken).mkdir()
    else:
        (tmp_path / f"{taken}.py").write_text("")
    indent = "    " if inside else ""
    line = indent + NAMES[name].format(indent)
    text = f"def model():\n{line}\n" if inside else f"{line}\n"
    answer = refused(device, model=own_file(tmp_path, text))
    assert answer.config
    assert answer.sentence.endswith(
        f"own.py looks for its own {taken!r} and finds gdsim's package of that name; give yours another name."
    )


@pytest.mark.parametrize("line", ["import sim.nothing", "import nowhere", "[].nothing"])
def test_another_thing_that_is_not_there_is_said_as_python_says_it(tmp_path: Path, line: str, device: str) -> None:
    answer = refused(device, model=own_file(tmp_path, f"{line}\n"))
    assert not answer.config
    assert "own.py, line 1" in answer.sentence
