"""What gdsim's speed is, as ratios to named peers that take turns with it in the same process.

    python -m benchmarks                 all of them, for some ten minutes
    python -m benchmarks training dense  those named
    python -m benchmarks --json start    a line of JSON each

Each benchmark is a module here with `lines()`, which yields lines of the table, and `THREADS`, the numbers of threads
with which it is run, in a process of its own each.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.turns import Line

NAMES = (
    *("training", "dense", "compiled", "seeds", "landscape", "cloud", "ceilings", "drawing"),
    *("start", "recorder", "growth", "bytes", "flat_out", "seek", "screen", "gpu"),
)
_PACKAGES = ("torch", "numba", "numpy", "textual")


def main() -> int:
    """Print the table; 2 for a name that is none."""
    names = [one for one in sys.argv[1:] if not one.startswith("--")] or list(NAMES)
    if unknown := set(names) - set(NAMES):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    if "--here" in sys.argv:
        for line in import_module(f"benchmarks.{names[0]}").lines():
            print(json.dumps(asdict(line)), flush=True)
        return 0
    as_json = "--json" in sys.argv
    if not as_json:
        print(", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]))
        print(f"{_processor()}, {os.cpu_count()} cores. Medians of turns; ratios are of ours to the peer's figure.")
    for name in names:
        module = import_module(f"benchmarks.{name}")
        for threads in module.THREADS:
            _show(name, threads, as_json)
    return 0


def _show(name: str, threads: int, as_json: bool) -> None:
    """Run a benchmark and print its lines as they come."""
    command = [sys.executable, "-m", "benchmarks", name, "--here"]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    if not as_json:
        title = f"{name}, {threads} thread{'s' * (threads > 1)}"
        print(f"\n{title:48} {'ours':>10} {'peer':>10} {'':10} {'ratio':>8}  {'of all turns':20} goal")
    with subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for text in process.stdout:
            found = json.loads(text)
            line = Line(**found)
            if as_json:
                facts = {"benchmark": name, "threads": threads, **found, "reached": line.reached}
                print(json.dumps(facts | {package: version(package) for package in _PACKAGES}), flush=True)
            else:
                print(_words(line), flush=True)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}.")


def _words(line: Line) -> str:
    """A line of the table."""
    peer = "" if line.peer is None else _number(line.peer)
    spread = f"{_number(line.least)} to {_number(line.most)}"
    goal = "" if line.goal is None else f"{'at most' if line.at_most else 'at least'} {_number(line.goal)}"
    verdict = {None: "", True: "reached", False: "missed"}[line.reached]
    return (
        f"  {line.case:46} {_number(line.ours):>10} {peer:>10} {line.unit:10} {_number(line.ratio):>8}"
        f"  {spread:20} {goal:14} {verdict}"
    ).rstrip()


def _number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    """The processor's name, as far as it is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    sys.exit(main())
