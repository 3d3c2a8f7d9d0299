"""What CONTRIBUTING.md says about the house is so."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

NEW_MEASURE = """
import sys
from types import ModuleType

import sim.measures
from sim.measures.measure import Step, measure

@measure("weight norm", "length of the parameters", cost="step", short="weights")
def weight_norm(step: Step) -> float:
    return step.vector.norm().item()

sys.modules["sim.measures.weight_norm"] = ModuleType("weight_norm")
sim.measures._FILES += ("weight_norm",)

from tui.cli import main
from tui.help import help_text
from tui.panels.runs_table import columns

assert "**weights**: length of the parameters" in help_text(None)
assert "weights" in [column.title for column in columns()]
sys.exit(main(["run", "rosenbrock", "--run=name=a,batch_size=all", "--updates=3", "--export", sys.argv[1]]))
"""

NEW_PROBLEM = """
import sys
from types import ModuleType

import numpy as np
import sim.problems
from sim.experiment.geometry import Point, Window
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

@sim.problems.problem("A bowl.")
def bowl(config):
    return Formula("a bowl", "", ("a", "b"), tilts(EXAMPLES, 0.1), np.zeros(EXAMPLES),
                   finite_sum(lambda xp, a, b: a**2 + b**2), "mean", Point(1.0, 2.0), Window(-3, 3, -3, 3), 0.25,
                   {"updates": 20, "examples": 512, "seconds": 0.005})

sys.modules["sim.problems.bowl"] = ModuleType("bowl")
sim.problems._FILES += ("bowl",)

from tui.cli import main

sys.exit(main(["list"]) or main(["run", "bowl", "--run=name=a,batch_size=all", "--updates=3", "--export", sys.argv[1]]))
"""


def run(code: str, export: Path) -> tuple[str, list[list[str]]]:
    """What a program printed, and the export that it wrote."""
    command = [sys.executable, "-c", code, str(export)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return ran.stdout, [line.split(",") for line in export.read_text().splitlines()]


def test_every_room_and_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:sim|tui|tests|benchmarks)/[\w/.]*)`", TEXT)
    assert len(named) > 15
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []
    for house in ("sim", "tui"):
        rooms = {path.name for path in (ROOT / house).iterdir() if (path / "__init__.py").is_file()}
        table = TEXT.split(f"| `{house}/` |")[1].split("\n\n")[0]
        assert rooms <= set(re.findall(r"`(\w+)/`", table))


def test_a_measure_is_one_file_and_one_line(tmp_path: Path) -> None:
    _, (heading, *rows) = run(NEW_MEASURE, tmp_path / "a.csv")
    lengths = [row[heading.index("weight_norm")] for row in rows]
    points = [complex(float(row[heading.index("x")]), float(row[heading.index("y")])) for row in rows]
    assert lengths[0] == ""
    assert [round(float(length), 9) for length in lengths[1:]] == [round(abs(point), 9) for point in points[1:]]


def test_a_problem_is_one_file_and_one_line(tmp_path: Path) -> None:
    printed, (heading, *rows) = run(NEW_PROBLEM, tmp_path / "a.csv")
    assert re.search(r"bowl +A bowl\.", printed)
    assert [round(float(row[heading.index("x")]), 9) for row in rows] == [1.0, 0.5, 0.25, 0.125]
