"""How soon gdsim is there, side by side with `python -c "import torch"`.

`gdsim --help` as a child process; the screen in a pseudo-terminal of 120 x 40 cells, from the command to the first
painted frame, the first landscape and the first path that moves. Beside them the least that cyclopts and Textual take:
for the help of a command without options, for the frame of a single widget. All take turns with the import; the figures
are seconds on the clock, with as many threads as there are.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from benchmarks.turns import Line, line
from tui.draw.palette import DARK

THREADS = (os.cpu_count() or 1,)
ROOT, TURNS, PATIENCE = Path(__file__).parents[1], 5, 60.0
ENVIRONMENT = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled, torch as gdsim
FRAME, BANDS, MOVED = "first painted frame", "first landscape", "first moving path"
GOALS = {FRAME: 0.25, BANDS: 1.2, MOVED: 1.4}
LEAST_HELP = """
from cyclopts import App

command = App(help_format="plaintext")
command.default(lambda: None)
command(["--help"])
"""
LEAST_SCREEN = """
from cyclopts import App

command = App()

@command.default
def show():
    from textual.app import App
    from textual.widgets import Static

    class Hello(App):
        CSS = "Static { border: round white; }"

        def compose(self):
            yield Static("Hello")

    Hello().run()

command([])
"""


def _rgb(color: int) -> str:
    """A colour as a terminal is sent it."""
    return f"{color >> 16};{color >> 8 & 255};{color & 255}"


_SHADES = {f"48;2;{_rgb(color)}".encode() for color in DARK.bands}
_MANY = 4  # of the landscape's colours: no panel has so many
_TRAIL = re.compile(
    rb"38;2;(?:" + "|".join(map(_rgb, DARK.runs)).encode() + rb")(?:;48;2;\d+;\d+;\d+)?m\xe2[\xa0-\xa3]"
)
"""Braille dots, in UTF-8, in the colour of a run: before an update there are none."""


def child(*arguments: str) -> float:
    """The seconds that Python takes for something."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def screen(*arguments: str, things: int) -> dict[str, float]:
    """The seconds until as many of the things that are waited for are on the screen of a program in Python."""
    began, written, seen = time.perf_counter(), b"", dict[str, float]()
    terminal = pexpect.spawn(sys.executable, list(arguments), cwd=str(ROOT), env=ENVIRONMENT, dimensions=(40, 120))
    try:
        while len(seen) < things:
            written += terminal.read_nonblocking(1 << 20, timeout=PATIENCE)
            now = time.perf_counter() - began
            if "╭".encode() in written:
                seen.setdefault(FRAME, now)
            if sum(shade in written for shade in _SHADES) >= _MANY:
                seen.setdefault(BANDS, now)
            if _TRAIL.search(written):
                seen.setdefault(MOVED, now)
    finally:
        terminal.close(force=True)
    return seen


def lines() -> Iterator[Line]:
    """The help, and each of the things that are waited for on the screen."""
    turns = []
    for turn in range(TURNS + 1):
        found = (
            child("-c", "import torch"),
            child("-m", "tui", "--help"),
            screen("-m", "tui", things=len(GOALS)),
            child("-c", LEAST_HELP),
            screen("-c", LEAST_SCREEN, things=1),
        )
        if turn:  # the first reads the files
            turns.append(found)
    torch, helps, screens, least_helps, least_screens = zip(*turns, strict=True)
    yield line("gdsim --help, of import torch", helps, torch, "s", 1 / 8, at_most=True)
    yield line("  the least help of cyclopts", least_helps, torch, "s")
    for name, goal in GOALS.items():
        yield line(f"{name}, of import torch", [one[name] for one in screens], torch, "s", goal, at_most=True)
    yield line("  the least frame of Textual", [one[FRAME] for one in least_screens], torch, "s")
