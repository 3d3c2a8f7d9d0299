"""What is said of models of the user's own that cannot be opened."""

import re
from pathlib import Path

import pytest

from tests.sim.real_models import (
    FORWARD,
    LINEAR,
    own_file,
    refused,
)

BAD = {
    "raises at import": ("raise ValueError('at import')", "ValueError: at import"),
    "raises in model()": ("def model():\n    raise KeyError('in model')", "KeyError: 'in model'"),
    "syntax": ("def model(:", "SyntaxError"),
    "exits at import": ("import sys\nsys.exit(3)", "^Your own code called sys.exit"),
    "exits in model()": ("import sys\ndef model():\n    sys.exit(3)", "sys.exit"),
    "raises in forward": (FORWARD.format(body="raise RuntimeError('no way')"), "no way"),
    "exits in forward": (FORWARD.format(body="sys.exit()"), "sys.exit"),
    "returns NaN": (FORWARD.format(body="inputs = inputs * float('nan')"), "returns NaN or infinity"),
    "returns a list": (FORWARD.format(body="return [inputs]"), "must return a tensor; it returned list"),
    "no parameters": ("from torch import nn\ndef model():\n    return nn.Flatten()", "no parameters to train"),
    "no module": ("def model():\n    return 3", "must return an nn.Module; it returned int"),
    "a model that needs arguments": ("def model(a):\n    return a", "must need no arguments: missing a required .*'a'"),
    "a model made beforehand": ("from torch import nn\nmodel = nn.Linear(64, 10)", "must be a function .* is a Linear"),
    "lazy": ("from torch import nn\ndef model():\n    return nn.LazyLinear(10)", "lazy modules"),
    "a loss with parameters": (LINEAR + "    loss = nn.Linear(1, 1)", "parameters of its own, which no run trains"),
    "a loss of NaN": (
        LINEAR + "    def loss(output, target):\n        return output.mean() * float('nan')",
        "The loss of",
    ),
    "inputs of NaN": (
        LINEAR
        + "    def data():\n        x = torch.rand(9, 64)\n        x[3] = float('nan')\n        return x, x[:, 0]",
        r"Row 3 \(from 0\) of X from data\(\) holds NaN",
    ),
    "examples of three parts": (
        LINEAR + "    def data():\n        return torch.utils.data.TensorDataset(*[torch.rand(9, 64)] * 3)",
        "or tensors X, y; it returned tuple of 3",
    ),
    "examples that are dicts": (
        LINEAR
        + """
    class Dicts(torch.utils.data.Dataset):
        def __len__(self):
            return 9

        def __getitem__(self, index):
            return {"x": torch.rand(64), "y": 0}

    def data():
        return Dicts()
        """,
        "must be a pair of input and target; it is a dict",
    ),
    "examples with text": (
        LINEAR
        + """
    class Texts(torch.utils.data.Dataset):
        def __len__(self):
            return 9

        def __getitem__(self, index):
            return torch.rand(64), "cat"

    def data():
        return Texts()
        """,
        "The target of an example of data.. must be a tensor or a number, not str",
    ),
    "an endless data set": (
        LINEAR
        + """
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([(torch.rand(64), 0)])

    def data():
        return Stream()
        """,
        "must return a Dataset with __len__ and __getitem__; Stream has not both",
    ),
    "a single number": (
        LINEAR + "    def data():\n        return torch.tensor(1.0), torch.tensor(2.0)",
        "must have an example in each row",
    ),
    "wrong name": (LINEAR.replace("def model", "def modle"), "no function 'model'; did you mean 'modle'"),
    "wrong shape": (LINEAR.replace("64", "65"), r"\(N, 1, 8, 8\).*\(2x64 and 65x10\)"),
    "too few outputs": (LINEAR.replace("10)", "9)"), "they are 0 to 9, and it distinguishes 9 classes"),
    "lengths": (LINEAR + "    def data():\n        return torch.rand(9, 64), torch.zeros(8)", "9 inputs and 8 targets"),
    "no data": (LINEAR + "    def data():\n        return [1, 2]", "must return a Dataset or tensors X, y; .* list"),
    "a single example": (
        LINEAR + "    def data():\n        return torch.rand(1, 64), torch.zeros(1, dtype=torch.int64)",
        "1 examples; at least 2",
    ),
    "broadcast": (
        LINEAR + "    def data():\n        return torch.rand(90, 64), torch.rand(90, 1)",
        r"outputs of shape \(N, 10\), targets \(N, 1\) of float32",
    ),
    "labels of a wrong kind": (
        LINEAR + "    def data():\n        return torch.rand(90, 64), torch.zeros(90, 1, dtype=torch.int64)",
        r"labels do not fit the loss \(outputs of shape \(N, 10\), targets \(N, 1\) of int64\)",
    ),
    "complex": (
        LINEAR.replace("10)", "10, dtype=torch.complex64)"),
        "1.weight of the model is complex, and a plane needs real parameters; use torch.view_as_complex",
    ),
    "sparse": (
        LINEAR.replace("return", "m =")
        + "        m.register_buffer('links', torch.eye(3).to_sparse())\n        return m",
        "links of the model is a sparse tensor; make it dense",
    ),
    "loss of a vector": (LINEAR + "    def loss(output, target):\n        return output", "must return a scalar"),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path, text: str, sentence: str, device: str) -> None:
    answer = refused(device, model=own_file(tmp_path, text))
    assert re.search(sentence, answer.sentence)
    assert "\n" not in answer.sentence
    assert answer.config or "own.py" in answer.details  # its own traceback, where it raised something


def test_a_file_that_is_not_there_is_named(device: str) -> None:
    assert "There is no file nowhere.py" in refused(device, model="nowhere.py").sentence


def test_a_single_parameter_has_no_plane(tmp_path: Path, device: str) -> None:
    text = """
        import torch
        from torch import nn

        def model():
            return nn.Linear(1, 1, bias=False)

        def data():
            return torch.ones(40, 1), torch.ones(40, 1)
    """
    assert "a plane of them needs two at least" in refused(device, model=own_file(tmp_path, text)).sentence


def test_data_given_twice_are_refused(tmp_path: Path, device: str) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i},{i * i}" for i in range(40)))
    text = """
        import torch
        from torch import nn

        def model():
            return nn.Linear(1, 1)

        def data():
            return torch.ones(40, 1), torch.ones(40, 1)
    """
    table = str(tmp_path / "t.csv")
    assert "has a data() of its own" in refused(device, model=own_file(tmp_path, text), data=table, target="y").sentence


def test_what_fails_in_the_users_code_is_said_with_its_line(tmp_path: Path, device: str) -> None:
    answer = refused(device, model=own_file(tmp_path, "def model():\n    return 1 / 0\n"))
    assert answer.sentence == "ZeroDivisionError: division by zero (own.py, line 2)."
    assert answer.theirs
    assert "own.py" in answer.details.splitlines()[1]  # its own frames alone
    assert "engine.py" not in answer.details


def test_what_does_not_print_is_said_in_characters_that_do(tmp_path: Path, device: str) -> None:
    """A terminal and a recording take it."""
    file = tmp_path / "my\x1b[2J.py"
    file.write_text("def model():\n    raise RuntimeError('no \\udcff\\nhere')\n")
    answer = refused(device, model=str(file))
    assert answer.sentence == r"RuntimeError: no \udcff (my\x1b[2J.py, line 2)."
    assert answer.details.encode().decode().endswith("RuntimeError: no \\udcff\nhere\n")


@pytest.mark.parametrize("option", [{"dataset": "iris"}, {"scale": "minmax"}, {"target": "y"}, {"features": ("a",)}])
def test_what_would_change_nothing_beside_data_of_its_own_is_refused(
    tmp_path: Path, option: dict[str, object], device: str
) -> None:
    text = LINEAR + "    def data():\n        return torch.rand(90, 64), torch.zeros(90, dtype=torch.int64)"
    answer = refused(device, model=own_file(tmp_path, text), **option)
    assert "has a data() of its own; leave out --" in answer.sentence
