"""What the first frame does without, loaded while the engine loads torch, so that no later frame waits for it."""

import threading
from importlib import import_module

from sim.loading import loading

_LATER = ("contourpy", "plotext", "tui.help", "tui.gallery", "tui.settings")
"""What the first landscape and curves need, and what opens with a key, in the order in which it is needed."""


def load_ahead() -> None:
    """Have it loaded meanwhile; who needs some of it sooner waits for that."""
    threading.Thread(target=_load, name="loading ahead", daemon=True).start()


def _load() -> None:
    with loading():
        for name in _LATER:
            import_module(name)
