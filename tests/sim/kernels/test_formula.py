"""Kernels held against torch's autograd, and where they are kept."""

import pickle
from dataclasses import replace

import numba
import numpy as np
import pytest
import torch

from sim.experiment.problem import ProblemConfig
from sim.kernels import formula as formulas
from sim.kernels.formula import kernels_of
from sim.models.problem import formula_problem
from sim.problems import build_formula, registry
from tests.sim.conftest import line_formula


def by_torch(formula, point, rows):
    """The mean loss of some examples and its gradient."""
    problem = formula_problem(formula, point, torch.device("cpu"))
    inputs, targets = problem.batch(torch.from_numpy(rows))
    loss = problem.loss(problem.model(inputs), targets)
    return [loss.item(), *(slope.item() for slope in torch.autograd.grad(loss, list(problem.model.parameters())))]


@pytest.mark.parametrize("name", registry())
def test_loss_and_gradient_are_autograd_s(name):
    formula = build_formula(ProblemConfig(name))
    kernels, rows = kernels_of(formula), np.random.default_rng(0).permutation(formula.examples)
    for point in (formula.start, *np.random.default_rng(1).uniform(-2, 2, (5, 2))):
        found = kernels.batch(*point, kernels.data, rows[3:20])
        np.testing.assert_allclose(found, by_torch(formula, point, rows[3:20]), rtol=1e-11, atol=1e-13)
        whole = by_torch(formula, point, np.sort(rows))
        assert kernels.mean(*point, kernels.data) == pytest.approx(whole[0], rel=1e-11)


@pytest.mark.parametrize("weight", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_no_cross_entropy_overflows_or_cancels(weight):
    formula = replace(
        build_formula(ProblemConfig("logistic")), inputs=np.array([[1.0, 0.0]] * 2), targets=np.array([0.0, 1.0])
    )
    kernels = kernels_of(formula)
    for row in (0, 1):
        found = kernels.batch(weight, 0.0, kernels.data, np.array([row]))
        wrong = weight if row == 0 else -weight
        loss, slope = np.logaddexp(0, wrong), np.exp(-np.logaddexp(0, -wrong))
        np.testing.assert_allclose(found, [loss, slope if row == 0 else -slope, 0.0], rtol=1e-12, atol=1e-16)


def test_no_two_formulas_compile_functions_of_the_same_name():
    """numba, which names functions by their module, would take one for the other where both come from disk."""
    kernels = [kernels_of(build_formula(ProblemConfig(name))) for name in registry()]
    assert len({one.batch.py_func.__module__ for one in kernels}) == len(kernels)


def test_what_is_compiled_is_found_again_and_what_cannot_be_read_is_compiled_once_more(tmp_path, monkeypatch):
    """Another version left it there: a type that it names is gone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    formula = replace(line_formula(), output=lambda _xp, a, b, x: a * x + 7 * b)
    kernels_of(formula)
    (source,) = tmp_path.rglob("*.py")
    assert len(list(source.parent.rglob(f"{source.stem}.*.nbc"))) == 3
    (index,) = tmp_path.rglob("*.mean-*.nbi")
    index.write_bytes(pickle.dumps(numba.__version__) + b"csim.kernels.compiling\nGone\n.")
    found = []
    for _ in range(2):
        formulas._functions.cache_clear()
        kernels = kernels_of(formula)
        found.append([one.stats.cache_hits.total() for one in (kernels.batch, kernels.mean)])
    assert found == [[1, 0], [1, 1]]


def test_a_folder_that_cannot_be_written_to_is_no_trouble(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    formula = replace(line_formula(), output=lambda _xp, a, b, x: a * x + 5 * b)
    kernels = kernels_of(formula)
    rows = np.arange(formula.examples)
    expected = by_torch(formula, (1.0, 2.0), rows)
    np.testing.assert_allclose(kernels.batch(1.0, 2.0, kernels.data, rows), expected, rtol=1e-12)
