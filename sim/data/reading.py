"""The one border through which everything goes that reads the user's data. Imports no torch."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.experiment.errors import ConfigError, require_file
from sim.experiment.memory import require_memory
from sim.experiment.words import first_line, shown_path


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Whatever a reader raises in the block, or warns of, becomes one sentence or nothing.

    Args:
        path: the file to be read; the block is only entered if it is a regular file with something in it.
        kind: what it should be, such as "an NPZ file".

    Raises:
        ConfigError: for whatever keeps the file from being read.
    """
    require_file(path, "data")
    try:
        if path.stat().st_size == 0:
            raise ConfigError(f"{shown_path(path)} is empty; give a file with at least 2 rows of data.")
        path.open("rb").close()  # for a lack of permission every library has words of its own
        with warnings.catch_warnings(action="ignore"):
            yield
    except ConfigError:
        raise
    except MemoryError as error:
        raise ConfigError(f"{shown_path(path)} needs more memory than there is; give a smaller file.") from error
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise ConfigError(f"{shown_path(path)} cannot be read: {error.strerror}.") from error
        raise unreadable(path, kind, first_line(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of polars, and no Exception
            raise
        raise unreadable(path, kind, "it is damaged") from error


def unreadable(path: Path, kind: str, reason: str) -> ConfigError:
    """The sentence about a file that is not what it should be."""
    return ConfigError(f"{shown_path(path)} cannot be read as {kind}: {reason}.")


def require_room(path: Path, size: int) -> None:
    """Refuse a file that says of itself that so many bytes of data are in it, where they do not fit into memory.

    Raises:
        ConfigError: naming both sizes.
    """
    require_memory(f"What is in {shown_path(path)}", size, "give a smaller file")
