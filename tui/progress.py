"""How far a run without a screen is, on the terminal that it was started from."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def progress() -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr, if that is a terminal, for as long as the context lasts.

    Yields:
        What draws the bar anew, given the share that is done, 0 to 1.
    """
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TaskProgressColumn(), BarColumn(), TimeElapsedColumn(), "·", TimeRemainingColumn(), "left")
    # drawn by whoever calls, not by a thread that would take turns with the training
    bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, redirect_stdout=False, transient=True)
    task = bar.add_task("", total=1.0)

    def show(done: float) -> None:
        with suppress(OSError):  # the terminal is gone
            bar.update(task, completed=done, refresh=True)

    bar.start()
    bar.console.show_cursor()  # a process that is killed could not bring it back
    try:
        yield show
    finally:
        with suppress(OSError):
            bar.stop()
