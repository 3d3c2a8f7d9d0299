"""Every problem against autograd, scikit-learn and what is known of the classic functions."""

from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import Tensor

import sim.data.table
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.finite_sum import tilts
from sim.problems.formula import Formula
from tests.sim.problems.oracle import hessian, mean_loss, tensor

NAMES = tuple(registry())
CLASSIC = {
    "saddle": lambda x, y: x**2 + (1 - y**2) ** 2 / 2,
    "rosenbrock": lambda x, y: 100 * (y - x * x) ** 2 + (x - 1) ** 2,
    "himmelblau": lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    "beale": lambda x, y: sum((c - x * (1 - y**power)) ** 2 for power, c in ((1, 1.5), (2, 2.25), (3, 2.625))),
    "rastrigin": lambda x, y: sum(0.65 + t * t - 0.65 * np.cos(2 * np.pi * t) for t in (x, y)),
}
POINTS = [(0.3, -0.7), (-1.4, 2.2), (2.5, 0.1)]


def default(name: str) -> Formula:
    return build_formula(ProblemConfig(name))


def gradient(formula: Formula, point: Point) -> Tensor:
    at = tensor(point, requires_grad=True)
    return torch.autograd.grad(mean_loss(formula, at), at)[0]


def test_each_has_a_sentence() -> None:
    assert [name for name, entry in registry().items() if not entry.sentence.endswith(".")] == []


def test_every_function_without_targets_is_tested() -> None:
    unfitted = [name for name in NAMES if default(name).loss == "mean"]
    assert unfitted == list(CLASSIC), "write the function itself, as it is known, in CLASSIC"


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_torch_agree(name: str) -> None:
    formula = default(name)
    for a, b in POINTS:
        drawn = formula.output(np, a, b, formula.inputs)
        trained = formula.output(torch, *tensor((a, b)), torch.as_tensor(formula.inputs))
        assert drawn.shape == trained.shape == (formula.examples,)
        np.testing.assert_allclose(drawn, trained.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    formula = default(name)
    for point in POINTS:
        assert torch.autograd.gradcheck(lambda at: mean_loss(formula, at), tensor(point, requires_grad=True))


@pytest.mark.parametrize("name", NAMES)
def test_minima_are_minima(name: str) -> None:
    formula = default(name)
    assert formula.minima, "name the minima that are known: distances to them are measured"
    losses = [mean_loss(formula, tensor(minimum)).item() for minimum in formula.minima]
    for minimum in formula.minima:
        assert torch.linalg.vector_norm(gradient(formula, minimum)) < 1e-10
        assert torch.linalg.eigvalsh(hessian(formula, minimum))[0] > 0
    np.testing.assert_allclose(losses, min(losses, default=0), atol=1e-12)


@pytest.mark.parametrize("name", ["sine", "neuron"])
def test_minima_are_the_lowest_of_a_fine_grid(name: str) -> None:
    formula = default(name)
    axis = torch.linspace(-5, 5, 101, dtype=torch.float64)
    at_points = torch.vmap(lambda at: mean_loss(formula, at))
    losses = at_points(torch.cartesian_prod(axis, axis))
    assert mean_loss(formula, tensor(formula.minima[0])) <= losses.min()


@pytest.mark.parametrize("name", NAMES)
def test_start_and_minimum_are_in_view(name: str) -> None:
    formula = default(name)
    left, right, bottom, top = formula.window
    for x, y in (formula.start, *formula.minima[:1]):
        assert left < x < right
        assert bottom < y < top


# -- finite sums ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIC)
def test_the_mean_is_the_classic_function(name: str) -> None:
    formula = default(name)
    for a, b in POINTS:
        mean = formula.output(np, a, b, formula.inputs).mean()
        np.testing.assert_allclose(mean, CLASSIC[name](a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("deviation", [0.3, 13.0, 100.0])
def test_noise_is_white_and_cancels_in_any_order(deviation: float) -> None:
    noise = tilts(256, deviation, seed=5)
    np.testing.assert_allclose(noise.T @ noise / 256, deviation**2 * np.eye(2), atol=1e-11 * deviation**2)
    for order in np.random.default_rng(0).permuted(np.tile(np.arange(256), (200, 1)), axis=1):
        assert (noise[order].cumsum(axis=0)[-1] == 0).all()  # one after the other
        assert (noise[order].sum(axis=0) == 0).all()
        assert (torch.as_tensor(noise[order]).mean(dim=0) == 0).all()


@pytest.mark.parametrize("name", CLASSIC)
def test_gradient_noise_has_one_covariance_everywhere(name: str) -> None:
    formula = default(name)
    inputs = torch.as_tensor(formula.inputs)
    for point in POINTS:
        each = torch.autograd.functional.jacobian(lambda at: formula.output(torch, at[0], at[1], inputs), tensor(point))
        covariance = np.cov(each.numpy(), rowvar=False, bias=True)
        deviation = float(formula.note.rsplit(" ", 1)[1])
        np.testing.assert_allclose(covariance / deviation**2, np.eye(2), atol=1e-12)


# -- linear and logistic ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [None, "standard", "none"])
def test_linear_is_fitted_as_scikit_learn_does(scale: str | None) -> None:
    formula = build_formula(ProblemConfig("linear", scale=scale))  # type: ignore[arg-type]
    data = sklearn.datasets.load_diabetes(scaled=False)
    bmi = data.data[:, [2]]
    x = {None: MinMaxScaler(), "standard": StandardScaler()}[scale].fit_transform(bmi) if scale != "none" else bmi
    y = StandardScaler().fit_transform(data.target[:, None])[:, 0]
    model = LinearRegression().fit(x, y)
    np.testing.assert_allclose(formula.minima[0], (model.coef_[0], model.intercept_), atol=1e-10)
    at = tensor((0.4, -0.3))
    expected = np.mean((0.4 * x[:, 0] - 0.3 - y) ** 2)
    np.testing.assert_allclose(mean_loss(formula, at).item(), expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [None, "minmax"])
def test_logistic_is_fitted_as_scikit_learn_does(scale: str | None) -> None:
    formula = build_formula(ProblemConfig("logistic", scale=scale))  # type: ignore[arg-type]
    data = sklearn.datasets.load_breast_cancer()
    assert formula.view is not None
    columns = [list(data.feature_names).index(name) for name in (formula.view.xlabel, formula.view.ylabel)]
    x = (MinMaxScaler() if scale else StandardScaler()).fit_transform(data.data[:, columns])
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, solver="newton-cholesky").fit(x, data.target)
    np.testing.assert_allclose(formula.minima[0], model.coef_[0], rtol=1e-8)


@pytest.mark.parametrize("name", ["linear", "logistic"])
@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_the_rate_for_a_users_data_is_one_over_the_largest_curvature(name: str, scale: str) -> None:
    file, features, target = {
        "linear": ("diabetes.csv", ("bmi",), "target"),
        "logistic": ("breast_cancer.csv", ("mean radius", "mean texture"), "class"),
    }[name]
    data = str(Path(sim.data.table.__file__).parent / "datasets" / file)
    config = ProblemConfig(name, data=data, features=features, target=target, scale=scale)  # type: ignore[arg-type]
    formula = build_formula(config)
    curvatures = torch.linalg.eigvalsh(hessian(formula, (0.0, 0.0)))
    assert formula.lr == pytest.approx(1 / curvatures[-1].item(), rel=1e-9)


def test_the_default_is_a_tilted_valley_and_standard_scaling_a_circle() -> None:
    def condition(scale: str | None) -> float:
        formula = build_formula(ProblemConfig("linear", scale=scale))  # type: ignore[arg-type]
        return torch.linalg.cond(hessian(formula, (0.0, 0.0))).item()

    assert condition(None) == pytest.approx(38, abs=0.5)
    assert condition("standard") == pytest.approx(1, abs=1e-9)


def test_linear_takes_the_users_own_data(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("size,price\n1,10\n2,30\n3,50\n4,70\n")
    formula = build_formula(ProblemConfig("linear", data=str(path), target="price", scale="none"))
    slope = 20 / np.std([10, 30, 50, 70])
    np.testing.assert_allclose(formula.minima[0], (slope, -2.5 * slope), rtol=1e-10)
    assert formula.title == "mine.csv: size → price"
    assert "target standardised" in formula.note
    left, right, bottom, top = formula.window
    assert all(left < x < right and bottom < y < top for x, y in (formula.start, formula.minima[0]))


def test_logistic_takes_the_users_own_classes(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 2))
    good = x @ [1.0, -2.0] + rng.standard_normal(60) > 0
    rows = (f"{a},{b},{'pass' if label else 'fail'}" for (a, b), label in zip(x.tolist(), good, strict=True))
    path.write_text("a,b,result\n" + "\n".join(rows))
    formula = build_formula(
        ProblemConfig("logistic", data=str(path), features=("b", "a"), target="result", scale="none")
    )
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, solver="newton-cholesky").fit(x[:, ::-1], good)
    np.testing.assert_allclose(formula.minima[0], model.coef_[0], rtol=1e-8)
    assert "fail = 0, pass = 1" in formula.note


def test_separable_classes_have_no_minimum_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b,label\n1,2,1\n2,1,1\n-1,-3,0\n-2,-1,0\n")
    formula = build_formula(ProblemConfig("logistic", data=str(path), target="label"))
    assert formula.minima == ()
    assert "a line through 0 parts them" in formula.note
    assert all(map(np.isfinite, (*formula.start, *formula.window, formula.lr)))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ProblemConfig("liner"), r"Unknown problem 'liner'; did you mean 'linear'\?"),
        (ProblemConfig("sine", data="mine.csv", target="y"), "its own data; --data works with linear, logistic"),
        (ProblemConfig("linear", data="nowhere.csv", target="y"), "There is no file nowhere.csv"),
    ],
)
def test_bad_configurations_are_refused(config: ProblemConfig, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build_formula(config)


@pytest.mark.parametrize("name", NAMES)
def test_axes_are_comparable_unless_the_data_have_units(name: str) -> None:
    assert default(name).comparable_axes
    if registry()[name].takes_data:
        assert build_formula(ProblemConfig(name, scale="minmax")).comparable_axes
        assert not build_formula(ProblemConfig(name, scale="none")).comparable_axes
