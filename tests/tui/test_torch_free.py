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


LOOKED_AT = """
import sys
from sim.engine import Engine
from sim.experiment.config import Experiment
from sim.protocol.commands import Advance, Imagine, Open, Work
from tui.cli import main

engine = Engine()
engine.ask(Open(Experiment()))
engine.ask(Advance(3, 10.0, 60.0))
((_, imagined),) = engine.ask(Work((Imagine(0, 2),), 10.0)).results
assert len(imagined.cloud.steps)
main(["run", "--updates=3", *sys.argv[1:]])
print(*sys.modules)
"""


def test_the_empty_panels_are_shown_without_numpy() -> None:
    """It takes a quarter of the time to the first frame."""
    code = "import sys, tui.cli, tui.curtain, tui.session.engine_process; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in ran.stdout.split()


def test_the_engine_loads_no_compiler_unless_updates_are_compiled() -> None:
    """Nor torch's own, with all optimizers and possible steps."""
    runs = [f"--run=optimizer={name},schedule=cosine,schedule_updates=3" for name in OPTIMIZERS]
    ran = subprocess.run([sys.executable, "-c", LOOKED_AT, *runs], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert "torch.optim" in loaded
    assert not {"numba", "torch._dynamo", "sympy"} & loaded
