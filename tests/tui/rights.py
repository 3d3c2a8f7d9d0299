"""What the superuser may not be stopped from, done as somebody else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NOBODY = 65534


@contextmanager
def as_anybody() -> Iterator[None]:
    """Within, files are opened with the rights of an ordinary user, also where the superuser runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
