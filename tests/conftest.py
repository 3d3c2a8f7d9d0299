"""What every test starts from: no settings of the person who runs them, a terminal of full colour, one thread."""

import os

import pytest

for name in [name for name in os.environ if name.startswith("GDSIM_")]:
    del os.environ[name]
for name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM"):
    os.environ.pop(name, None)
os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
# torch reads it when it loads, so that the tests which need none of it need not import it
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Where to compute: a test that takes it runs on the CPU, and has a twin marked `gpu`."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
    return str(request.param)
