"""What went wrong, in a sentence that says what would help."""

import sysconfig
import traceback
from pathlib import Path

import torch

from sim.experiment.errors import ConfigError
from sim.experiment.words import first_line, shown
from sim.protocol.answers import Failed

_NOT_THEIRS = (
    Path(__file__).parents[1],
    *(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on whatever device: torch's allocator on the CPU raises a plain RuntimeError."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def traceback_of(error: BaseException) -> str:
    """The traceback from where it came into the user's own code; all of it, if it never did."""
    found = traceback.TracebackException.from_exception(error)
    theirs = [index for index, frame in enumerate(found.stack) if _is_theirs(frame)]
    if theirs or isinstance(error, SyntaxError):
        found.stack[:] = found.stack[theirs[0] :] if theirs else []
    # a message or a file's name may hold what no text file and no database takes
    return "".join(found.format(chain=False)).encode(errors="backslashreplace").decode()


def where(error: BaseException) -> str:
    """The last line of the user's own code that it came through, as " (own.py, line 3)"; "" if there is none."""
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame)]
    return f" ({shown(Path(theirs[-1].filename).name)}, line {theirs[-1].lineno})" if theirs else ""


def _is_theirs(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return path.suffix == ".py" and not any(path.is_relative_to(other) for other in _NOT_THEIRS)


def explain_failure(error: BaseException, run: str, update: int, batch_size: int, *, single: bool) -> str:
    """The sentence for what was raised at an update.

    Args:
        error: what the model, its loss or its data raised.
        run: the name of the one that cannot go on.
        update: which one it could not make.
        batch_size: of the run, in examples.
        single: whether batch statistics were to be taken of a single example.
    """
    name = f"Run {run!r}"
    words = first_line(error)
    if single and "more than 1 value per channel" in words:
        cure = "use a batch_size of 2 or more" if batch_size == 1 else "set drop_last to leave out the leftover example"
        return f"{name} stopped: batch normalisation cannot work on a single example; {cure}."
    if is_out_of_memory(error):
        return f"{name} stopped, out of memory: lower its batch_size ({batch_size}), or use --loader dataloader."
    if isinstance(error, SystemExit):
        return f"{name} stopped at update {update}: your own code called sys.exit."
    return f"{name} stopped at update {update}: {type(error).__name__}: {words}{where(error)}."


def failed(error: BaseException) -> Failed:
    """The answer to a command, or to a job, that went wrong."""
    if isinstance(error, ConfigError):
        return Failed(str(error), config=True)
    if isinstance(error, SystemExit):
        sentence = f"Your own code called sys.exit{where(error)}; it must return."
        return Failed(sentence, traceback_of(error), theirs=True)
    if is_out_of_memory(error):
        return Failed("Out of memory: use fewer examples, or smaller batches.", traceback_of(error))
    line = where(error)
    sentence = f"{type(error).__name__}: {first_line(error)}{line}."
    return Failed(sentence, traceback_of(error), theirs=bool(line) or isinstance(error, SyntaxError))
