"""The engine's process and all that was started from it, in whatever session. Imports no torch.

What lost its parent is known on Linux only, where the engine adopts it.
"""

import contextlib
import ctypes
import os
import signal
import sys

import psutil

_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER in linux/prctl.h


def adopt_orphans() -> None:
    """Become the parent of any descendant whose own parent ends, so that it can still be found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(process: int) -> set[int]:
    """All that a process started, and what these started, as far as it still runs."""
    try:
        return {
            child.pid
            for child in psutil.Process(process).children(recursive=True)
            if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
        }
    except psutil.NoSuchProcess:  # one of them ended just now
        return descendants(process) if psutil.pid_exists(process) else set()


def end(process: int) -> None:
    """End a process at once, with its group and all its descendants."""
    if process != os.getpid():
        _send(process, signal.SIGSTOP)  # it must not start others meanwhile
    ended: set[int] = set()
    while left := descendants(process) - ended:
        for descendant in left:
            _send(descendant, signal.SIGKILL)
        ended |= left
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgid(process), signal.SIGKILL)


def _send(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)
