"""The engine's process as its parent has it: started, listened to, ended. Imports no torch, and little else."""

import io
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path

_KEPT_LINES = 200
_LAST_WORDS = 1.0  # seconds to wait for what a process printed at its end


class EngineProcess:
    """The engine in a child process, with a process group of its own, over a socket pair.

    It starts at once, and ends with all that was started from it. What it prints is kept for the case that it dies.

    Attributes:
        connection: our end of the socket pair.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            # -P: a folder named sim where the user happens to be is not ours
            [sys.executable, "-P", "-m", "sim", str(theirs.fileno())],
            env=os.environ | {"PYTHONPATH": _python_path()},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self.connection = Connection(ours.detach())
        self._printed: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reader = threading.Thread(target=_read, args=(self._process, self._printed), daemon=True)
        self._reader.start()

    @property
    def process_id(self) -> int:
        """Its number, and its group's."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it, and the model in it, printed last."""
        return "\n".join(list(self._printed))

    def wait(self) -> int:
        """Wait for its end, and for what it printed last; the exit code."""
        code = self._process.wait()
        self._reader.join(_LAST_WORDS)
        return code

    def end(self) -> None:
        """End it at once, whatever it is doing."""
        if self._process.poll() is None:  # else its number may be another process's by now
            from sim import family  # and psutil, which the first frame does without

            family.end(self._process.pid)


def _python_path() -> str:
    """Where the child finds the engine: where this package is, even if it is a checkout that was not installed."""
    here = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), here)))


def _read(process: subprocess.Popen[bytes], printed: deque[str]) -> None:
    assert process.stderr is not None
    for line in io.TextIOWrapper(process.stderr, errors="replace"):  # a progress bar's returns end lines, too
        printed.append(line.rstrip())
