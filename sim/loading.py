"""Many modules are loaded faster. Imports no torch."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Many modules are loaded: what they make stays, so that nobody looks through it for garbage, then or later.

    With torch that would be a tenth of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
