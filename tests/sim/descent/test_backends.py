"""What makes the updates where compiling works, and where it does not."""

import sys
from dataclasses import replace

import pytest
import torch

from sim.descent.backends import steppers_of
from sim.descent.compiled_stepper import CompiledStepper
from sim.descent.course import Course
from sim.descent.torch_stepper import TorchStepper
from sim.experiment.config import RunConfig
from sim.experiment.errors import ConfigError
from sim.models.problem import formula_problem
from tests.sim.conftest import line_formula
from tests.sim.one_run import resolved


def problem_of(formula):
    return formula_problem(formula, formula.start, torch.device("cpu"))


@pytest.mark.parametrize(("backend", "kind"), [("torch", TorchStepper), ("compiled", CompiledStepper)])
def test_the_backend_makes_the_steppers(backend, kind):
    problem = problem_of(line_formula())
    experiment = resolved(problem, RunConfig("run", 7), backend=backend)
    really, make, note = steppers_of(problem, experiment, backend)
    assert (really, note) == (experiment, "")
    assert isinstance(make(Course(experiment.runs[0], 0, experiment)), kind)


def unknown_function(xp, a, b, x):
    return xp.fast_fourier_transform(a * x + b)


def branching(_xp, a, b, x):
    return a * x if a > b else b * x


def unprintable(xp, a, b, x):
    return xp.zeta(2 + a * a) + b * x


@pytest.mark.parametrize(
    ("output", "why"), [(unknown_function, "fast_fourier_transform"), (branching, "Relational"), (unprintable, "zeta")]
)
def test_torch_does_what_cannot_be_compiled_and_says_so(output, why):
    problem = problem_of(replace(line_formula(), output=output))
    experiment = resolved(problem, RunConfig("run", 7), backend="compiled")
    really, make, note = steppers_of(problem, experiment, "auto")
    assert really == replace(experiment, backend="torch")
    assert isinstance(make(Course(experiment.runs[0], 0, experiment)), TorchStepper)
    assert why in note
    assert note.endswith("; torch makes them, more slowly.")
    with pytest.raises(ConfigError, match=f"{why}.*; use --backend torch."):
        steppers_of(problem, experiment, "compiled")


def test_torch_does_it_where_numba_is_missing(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("sim.kernels", "sim.descent.compiled"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    problem = problem_of(line_formula())
    experiment = resolved(problem, RunConfig("run", 7), backend="compiled")
    really, _, note = steppers_of(problem, experiment, "auto")
    assert really.backend == "torch"
    assert "numba" in note
