"""The first frame: the panels, still empty, which are on the terminal while all that draws in them is loaded.

Keys wait in the terminal meanwhile, without an echo; Ctrl-C, and SIGTERM, end the program. Imports no numpy.
"""

import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textual._compositor import CompositorUpdate
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.events import Resize
from textual.widgets import Static

from sim.experiment.errors import choose
from tui.arrangement import arrange
from tui.driver import ALTERNATE_SCREEN, USUAL_SCREEN, PacedDriver
from tui.keys import bindings
from tui.panels.key_line import KeyLine
from tui.shell import KILLED
from tui.themes import ThemedApp

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class _Empty(Static, can_focus=True):
    """A panel with nothing in it."""

    def __init__(self, id: str | None = None, title: str = "") -> None:
        super().__init__(id=id, classes="framed")
        self.border_title = title


class Curtain(ThemedApp):
    """The panels of the screen, empty, in one frame.

    Attributes:
        frame: that, as it is written to a terminal; "" until it is drawn.
    """

    CSS_PATH = "app.tcss"
    BINDINGS = bindings()  # type: ignore[assignment]
    frame = ""

    def compose(self) -> ComposeResult:
        """Those that are there at the start; `app.tcss` says where."""
        yield Static(id="status")
        with Horizontal(id="races"), Container(id="body"):
            yield _Empty("surface", "loss")
            yield _Empty("curves")
            yield _Empty("lens", "the steps that were possible")
            yield _Empty("this-update", "this update, against the full gradient")
            yield Horizontal(_Empty(), _Empty(), _Empty(), id="clocks")
        yield Static(id="sentence")
        yield Static(id="runs")
        yield Static(id="timeline")
        yield KeyLine(id="keys")
        yield Static(id="too-small")

    def on_mount(self) -> None:
        """Draw once it is known where each of them is."""
        self.call_after_refresh(self._draw)

    def on_resize(self, event: Resize) -> None:
        """Arrange the panels for the size there is."""
        arrange(self.screen, event.size)

    def _draw(self) -> None:
        update = self.screen._compositor.render_update(full=True)
        assert isinstance(update, CompositorUpdate), "all of the screen is to be drawn"
        self.frame = update.render_segments(self.console)
        self.exit()


@contextmanager
def curtain(theme: str | None) -> Iterator[None]:
    """Show it until the screen takes the terminal over, or it turns out that there is nothing to be shown.

    Args:
        theme: its colours; None: the usual ones.

    Raises:
        ConfigError: for an unknown theme.
    """
    app = Curtain()
    if theme is not None:
        app.theme = choose(theme, app.available_themes, "theme")
    app.run(headless=True, size=shutil.get_terminal_size())
    signal.signal(signal.SIGTERM, _end)
    before = PacedDriver.curtain = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin, termios.TCSANOW)
        _write(ALTERNATE_SCREEN + _HIDE_CURSOR + app.frame)
        yield
    finally:
        if PacedDriver.curtain is not None:
            PacedDriver.curtain = None
            _write(USUAL_SCREEN + _SHOW_CURSOR)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _end(number: int, _frame: FrameType | None) -> None:
    """End the program, in whatever it is; not as Ctrl-C does, after which Python may end itself by that signal."""
    raise SystemExit(KILLED + number)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
