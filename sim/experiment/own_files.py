"""The user's own Python files: how they are named and loaded. Imports no torch."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType


def named_file(text: str, usual: str) -> tuple[str, str] | None:
    """The file and the name in "FILE.py:NAME", or the usual one; None for other texts."""
    found = re.fullmatch(r"(.+\.py)(?::(\w*))?", text)
    return (found[1], found[2] or usual) if found else None


def loaded(path: str, name: str) -> ModuleType:
    """A file as a module of that name, its folder importable as if it had been run; what it raises is passed on."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if (folder := str(Path(path).resolve().parent)) not in sys.path:
        sys.path.insert(0, folder)
    spec.loader.exec_module(module)
    return module
