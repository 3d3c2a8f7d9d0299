"""What every test starts from: no settings of the person who runs them, a terminal of full colour, one thread."""

import gc
import os
import subprocess
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

for name in [name for name in os.environ if name.startswith("GDSIM_")]:
    del os.environ[name]
for name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM"):
    os.environ.pop(name, None)
# else each of the many processes that the tests start would have Python compile all of our modules anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
# torch reads it when it loads, so that the tests which need none of it need not import it
os.environ["OMP_NUM_THREADS"] = "1"

# the same examples every time, however slow the machine is
settings.register_profile(
    "certain", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("certain")

_COMPILE = "import gc; gc.disable(); import {}"  # what a compiler makes mostly stays until it is done
_COMPILED_AT_IMPORT = ("sim.kernels.ensemble", "sim.kernels.dense", "sim.kernels.shuffling")


def pytest_xdist_setupnodes() -> None:
    """Have all kernels compiled and kept on disk before the processes start that would each compile them."""
    processes = [subprocess.Popen([sys.executable, "-c", _COMPILE.format(name)]) for name in _COMPILED_AT_IMPORT]
    for process in processes:
        process.wait()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end, so that the garbage collector need not look through it.

    It also looks seldom: at its usual pace it takes a sixth of the time of tests that open screens.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 10, 10)
        gc.enable()


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Where to compute: a test that takes it runs on the CPU, and has a twin marked `gpu`."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
    return str(request.param)
