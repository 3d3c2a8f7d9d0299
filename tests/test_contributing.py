"""What CONTRIBUTING.md says about the house is so."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

NEW_FILES = """
import sys
from types import ModuleType

import numpy as np
import sim.measures
import sim.problems
from sim.experiment.geometry import Point, Window
from sim.measures.measure import Step, measure
from sim.problems.finite_sum import EXAMPLES, finite_sum, tilts
from sim.problems.formula import Formula

@measure("weight norm", "length of the parameters", cost="step", short="weights")
def weight_norm(step: Step) -> float:
    return step.vector.norm().item()

sys.modules["sim.measures.weight_norm"] = ModuleType("weight_norm")
sim.measures._FILES += ("weight_norm",)

@sim.problems.problem("A bowl.")
def bowl(config):
    return Formula("a bowl", "", ("a", "b"), tilts(EXAMPLES, 0.1), np.zeros(EXAMPLES),
                   finite_sum(lambda xp, a, b: a**2 + b**2), "mean", Point(1.0, 2.0), Window(-3, 3, -3, 3), 0.25,
                   {"updates": 20, "examples": 512, "seconds": 0.005})

sys.modules["sim.problems.bowl"] = ModuleType("bowl")
sim.problems._FILES += ("bowl",)

from tui.cli import main
from tui.help import help_text
from tui.panels.runs_table import columns

assert "**weights**: length of the parameters" in help_text(None)
assert "weights" in [column.title for column in columns()]
sys.exit(main(["list"]) or main(["run", "bowl", "--run=name=a,batch_size=all", "--updates=3", "--export", sys.argv[1]]))
"""


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, str]]]:
    """What a program with a new measure and a new problem printed, and the rows of its export."""
    export = tmp_path_factory.mktemp("added") / "a.csv"
    command = [sys.executable, "-c", NEW_FILES, str(export)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return ran.stdout, list(csv.DictReader(export.read_text().splitlines()))


def test_every_room_and_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:sim|tui|tests|benchmarks)/[\w/.]*)`", TEXT)
    assert len(named) > 15
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []
    for house in ("sim", "tui"):
        rooms = {f"{path.name}/" for path in (ROOT / house).iterdir() if (path / "__init__.py").is_file()}
        files = {path.name for path in (ROOT / house).glob("*.py")} - {"__init__.py"}
        table = TEXT.split(f"| `{house}/` |")[1].split("\n\n")[0]
        firsts = " ".join(row.split("|")[1] for row in table.splitlines()[1:])
        assert rooms | files == set(re.findall(r"`([\w./]+)`", firsts))


def test_a_measure_is_one_file_and_one_line(added: tuple[str, list[dict[str, str]]]) -> None:
    _, (start, *rows) = added
    assert start["weight_norm"] == ""
    lengths = [abs(complex(float(row["x"]), float(row["y"]))) for row in rows]
    assert [float(row["weight_norm"]) for row in rows] == pytest.approx(lengths, abs=1e-9)


def test_a_problem_is_one_file_and_one_line(added: tuple[str, list[dict[str, str]]]) -> None:
    printed, rows = added
    assert re.search(r"bowl +A bowl\.", printed)
    assert [round(float(row["x"]), 9) for row in rows] == [1.0, 0.5, 0.25, 0.125]
