"""The terminal never loads torch."""

import subprocess
import sys


def test_a_fresh_interpreter_shows_the_screen_without_torch() -> None:
    code = "import sys, tui.app, tui.cli; print('torch' in sys.modules, 'tui.panels.curves' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]
