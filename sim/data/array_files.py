"""The user's own arrays: NPZ and NPY files. Imports no torch."""

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sim.data.reading import reading, require_room
from sim.experiment.errors import ConfigError
from sim.experiment.words import listed, shown_path

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""By the version of the format; a third one is for structured arrays, which nothing here takes."""


def read_npz(path: Path, needed: tuple[str, ...] = ()) -> dict[str, NDArray[np.generic]]:
    """The arrays of an NPZ file by their names: those needed, or else all.

    Raises:
        ConfigError: for whatever keeps them from being read, and if one that is needed is not there.
    """
    with reading(path, "an NPZ file"), zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if not {*needed} <= {*names}:
            raise ConfigError(
                f"{shown_path(path)} needs arrays named {' and '.join(needed)}; it has {listed(names) or 'none'}."
            )
        names = list(needed) or names
        require_room(path, sum(_declared_size(archive, name) for name in names))
        return {name: _member(archive, name) for name in names}


def map_npy(path: Path) -> "np.memmap[tuple[int, ...], np.dtype[np.generic]]":
    """An NPY file's array, not read into memory; what is written to it stays out of the file.

    Raises:
        ConfigError: for whatever keeps it from being read.
    """
    with reading(path, "an NPY file"):
        return npy.open_memmap(path, mode="c")


def _declared_size(archive: zipfile.ZipFile, name: str) -> int:
    """Bytes of an array, as its header has it."""
    with archive.open(f"{name}.npy") as member:
        read_header = _HEADERS.get(npy.read_magic(member))
        if read_header is None:
            return 0
        shape, _, dtype = read_header(member)
        return math.prod(shape) * dtype.itemsize


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    with archive.open(f"{name}.npy") as member:
        return npy.read_array(member, allow_pickle=False)
