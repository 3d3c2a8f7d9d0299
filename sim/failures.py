"""Why a run cannot go on, in a sentence that says what would help."""

import torch

from sim.experiment import RunConfig


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on whatever device: torch's allocator on the CPU raises a plain RuntimeError."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def explain_failure(error: BaseException, run: RunConfig, update: int, batch_size: int, *, single: bool) -> str:
    """The sentence for what was raised at an update.

    Args:
        error: what the model, its loss or its data raised.
        run: the one that cannot go on.
        update: which one it could not make.
        batch_size: of the run, in examples.
        single: whether batch statistics were to be taken of a single example.
    """
    name = f"Run {run.name!r}"
    words = (str(error).splitlines() or [""])[0].rstrip(".")
    if single and "more than 1 value per channel" in words:
        cure = "use a batch_size of 2 or more" if batch_size == 1 else "set drop_last to leave out the leftover example"
        return f"{name} stopped: batch normalisation cannot work on a single example; {cure}."
    if is_out_of_memory(error):
        return f"{name} stopped, out of memory: lower its batch_size ({batch_size}), or use --loader dataloader."
    if isinstance(error, SystemExit):
        return f"{name} stopped at update {update}: the model called sys.exit."
    return f"{name} stopped at update {update}: {type(error).__name__}: {words}."
