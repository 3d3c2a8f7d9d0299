"""What is not loaded where it is not needed: it takes its time."""

import subprocess
import sys

from sim.experiment.choices import OPTIMIZERS


def test_a_fresh_interpreter_shows_the_screen_without_torch() -> None:
    """Nor what only a key, a recording or the landscape needs."""
    code = "import sys, tui.app, tui.cli; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "tui.panels.curves" in loaded
    assert not {"torch", "polars", "plotext", "contourpy", "sqlite3", "psutil", "tui.help", "tui.gallery"} & loaded


def test_the_engine_loads_no_compiler_unless_updates_are_compiled() -> None:
    """Nor torch's own, with all optimizers."""
    runs = "', '".join(f"--run=optimizer={name},schedule=cosine,schedule_updates=3" for name in OPTIMIZERS)
    code = f"import sys; from tui.cli import main; main(['run', '--updates=3', '{runs}']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert "torch.optim" in loaded
    assert not {"numba", "torch._dynamo", "sympy"} & loaded
