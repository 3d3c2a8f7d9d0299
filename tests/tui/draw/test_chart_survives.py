"""Curves of numbers that would bring down the native code that draws them."""

import subprocess
import sys


def test_no_input_brings_the_process_down() -> None:
    script = """
import itertools
import numpy as np
from tui.draw.chart import Chart, Series
huge, tiny = np.finfo(float).max, 5e-324
cases = [
    [], [1], [np.nan], [np.inf, -np.inf], [0, 0, 0], [-1, -2, 0], [3, 3, 3], [huge, -huge, 1], [tiny, huge],
    [np.nan, 1, np.nan, 2, np.nan], [1e16, 1e16 + 2], [-huge] * 3, [1, np.inf, 0, np.nan, -1, 5] * 100,
]
for ys, log_y, log_x, width in itertools.product(cases, (False, True), (False, True), (12, 60)):
    y = np.array(ys, dtype=float)
    for x in (np.arange(len(y)) * 1.0, np.zeros(len(y)), np.arange(len(y)) * 1e300, np.full(len(y), np.nan)):
        both = (Series(x, y, 0xFF0000, mark="a", reached=1.0), Series(x, y, 0x00FF00, (x, y), 0x333333))
        for end in (0.0, huge):
            chart = Chart(both, width, 9, log_x=log_x, log_y=log_y, x_end=end, decades=6, cursor=float("nan"))
            assert len(chart.frame().lines()) == 9
print("alive")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("alive\n", 0), done.stderr
