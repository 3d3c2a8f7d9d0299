"""Modules made of text, beside which numba keeps what it compiles of them: another text is another module."""

import hashlib
import math
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from platformdirs import user_cache_path

from sim.kernels import loops
from sim.kernels.compiling import part_of_others

_LOOPS = Path(loops.__file__).read_text(encoding="utf-8")


def module_with(source: str) -> dict[str, Any]:
    """The names of a module with the text of `loops.py` and that one, which may use all names of `math`.

    What the loops consist of is to be compiled into them; they are to be compiled by whoever asks.
    """
    text = _LOOPS + source
    name = f"gdsim_kernels_{hashlib.sha256(text.encode()).hexdigest()}"
    # a module of its own: numba may take one function for another that was compiled under the same name elsewhere
    module = sys.modules[name] = ModuleType(name)
    names = vars(module)
    names |= {word: function for word, function in vars(math).items() if not word.startswith("_")}
    exec(compile(text, _filed(text, name), "exec"), names)
    for part in ("terms_of", "moved"):
        names[part] = part_of_others(names[part])
    return names


def _filed(text: str, name: str) -> str:
    """The path of a file with that text, beside which numba keeps what it compiles; no path if there can be none."""
    path = user_cache_path("gdsim") / "kernels" / f"{name}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, text)
    except OSError:
        return "<kernels>"
    return str(path)


def _write(path: Path, text: str) -> None:
    """Write a file that is there either whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
