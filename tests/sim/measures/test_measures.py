"""Every measure against torch, or a formula written by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.descent import torch_stepper
from sim.experiment.config import RunConfig
from sim.experiment.geometry import Point
from sim.measures import measures, registry
from sim.measures.measure import Figures, Gradients, Passes, Standing, Step
from sim.protocol.trace import COUNTERS, RECORDED, ROW, Status
from tests.sim.one_run import OneRun, bits

torch.manual_seed(0)
GRADIENT, OTHER = torch.randn(50), torch.randn(50)
STEP = Step(batch_loss=0.75, gradient=GRADIENT, lr=0.1, vector=torch.ones(50))
PASSES = Passes(training=Figures(0.5, 0.9), testing=Figures(0.6, 0.8))
GRADIENTS = Gradients(own=GRADIENT, full=OTHER)
STANDING = Standing(
    point=Point(1.0, 2.0),
    minima=(Point(4.0, 6.0), Point(-5.0, 10.0)),
    off_plane=0.25,
    updates=30,
    examples=960,
    seconds=1.5,
)
COSINE = torch.cosine_similarity(GRADIENT, OTHER, dim=0).item()
VALUES = {
    "batch_loss": (STEP, 0.75),
    "grad_norm": (STEP, torch.linalg.vector_norm(GRADIENT).item()),
    "lr": (STEP, 0.1),
    "loss": (PASSES, 0.5),
    "test_loss": (PASSES, 0.6),
    "test_accuracy": (PASSES, 0.8),
    "cosine": (GRADIENTS, COSINE),
    "angle": (GRADIENTS, np.degrees(np.arccos(COSINE))),
    "relative_error": (GRADIENTS, (torch.dist(GRADIENT, OTHER) / OTHER.norm()).item()),
    "distance_to_minimum": (STANDING, 5.0),
    "distance_from_plane": (STANDING, 0.25),
    "updates_per_second": (STANDING, 20.0),
    "examples_per_second": (STANDING, 640.0),
}


def of(name: str, view: object) -> float:
    return registry()[name].of(view)


def test_every_measure_is_tested() -> None:
    assert set(VALUES) == set(registry()), "add the measure, with a value of its own, to VALUES"


@pytest.mark.parametrize("name", VALUES)
def test_a_measure_is_what_its_formula_says(name: str) -> None:
    view, value = VALUES[name]
    found = of(name, view)
    assert isinstance(found, float)
    assert found == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", ["cosine", "angle", "relative_error"])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_gradients_whose_squares_are_no_numbers_are_compared_all_the_same(name: str, scale: float) -> None:
    view, value = VALUES[name]
    far_off = Gradients(*(scale * gradient for gradient in view))
    assert of(name, far_off) == pytest.approx(value, rel=1e-5)


def test_what_is_taken_on_the_way_has_a_column_and_nothing_else_has() -> None:
    counters = [name for name, _ in COUNTERS]
    taken = [name for name, one in registry().items() if one.cost in ("step", "pass")]
    assert taken == [one.name for one in RECORDED]
    assert list(ROW.names) == counters + taken
    assert all(ROW[name] == np.float64 for name in taken)


@pytest.mark.parametrize("cost", ["step", "pass", "gradient", "free"])
def test_measures_are_grouped_by_what_they_cost(cost: str) -> None:
    expected = [one for one in registry().values() if one.cost == cost]
    assert list(measures(cost)) == expected != []  # type: ignore[arg-type]


@pytest.mark.parametrize("name", registry())
def test_a_measure_says_for_people_what_it_is(name: str) -> None:
    one = registry()[name]
    assert one.name == name == one.of.__name__
    assert one.title
    assert one.sentence
    assert one.short
    assert len(one.short) <= len(one.title)
    assert len({other.title for other in registry().values()}) == len(registry())
    assert one.unit in ("", "%", "°", "/s")


# -- where there is no value ------------------------------------------------------------------------------------------


def test_the_norm_is_that_of_the_gradients_own_type() -> None:
    single = Step(0.0, torch.full((3,), 1e30, dtype=torch.float32), 0.1, torch.ones(3))
    assert of("grad_norm", single) == math.inf  # its square overflows in float32, as torch's does
    assert single.gradient.norm().item() == math.inf
    double = Step(0.0, torch.full((3,), 1e30, dtype=torch.float64), 0.1, torch.ones(3))
    assert of("grad_norm", double) == pytest.approx(math.sqrt(3) * 1e30)


@pytest.mark.parametrize("name", ["angle", "cosine"])
@pytest.mark.parametrize("own", [torch.zeros(50), GRADIENT])
def test_a_gradient_of_no_length_has_no_direction(name: str, own: torch.Tensor) -> None:
    assert math.isnan(of(name, Gradients(own, torch.zeros(50))))
    assert math.isnan(of(name, Gradients(torch.zeros(50), own)))


def test_an_error_is_relative_to_a_gradient_of_some_length() -> None:
    assert math.isnan(of("relative_error", Gradients(GRADIENT, torch.zeros(50))))
    assert of("relative_error", Gradients(torch.zeros(50), GRADIENT)) == pytest.approx(1)
    assert of("relative_error", Gradients(GRADIENT, GRADIENT)) == 0


@pytest.mark.parametrize(("factor", "angle"), [(3.0, 0.0), (-3.0, 180.0)])
def test_the_cosine_is_never_beyond_one_where_rounding_would_have_it_so(factor: float, angle: float) -> None:
    for seed in range(50):
        gradient = torch.randn(1000, generator=torch.Generator().manual_seed(seed))
        view = Gradients(gradient, factor * gradient)
        assert -1 <= of("cosine", view) <= 1
        assert of("angle", view) == pytest.approx(angle, abs=0.1)


def test_where_no_minimum_is_known_there_is_no_distance_to_one() -> None:
    assert math.isnan(of("distance_to_minimum", STANDING._replace(minima=())))


def test_what_took_no_time_has_no_speed() -> None:
    still = STANDING._replace(updates=0, examples=0, seconds=0.0)
    assert math.isnan(of("updates_per_second", still))
    assert math.isnan(of("examples_per_second", still))


# -- what a measure may do to a run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cost", "name"), [("_STEP", "lr"), ("_PASS", "test_loss")])
def test_a_measure_that_raises_is_no_failure_of_the_users_model(line, monkeypatch, cost, name):
    """It is raised as it is, and the run goes on from where it stood as if nothing had happened."""
    run = RunConfig("batch", "all", momentum=0.9)
    one, plain = OneRun(line, run), OneRun(line, run)
    with monkeypatch.context() as patched:
        patched.setattr(torch_stepper, cost, (replace(registry()[name], of=lambda view: view.nothing),))
        with pytest.raises(AttributeError, match="nothing"):
            one.advance(3)
    assert one.status == Status.RUNNING
    one.advance(5)
    plain.advance(5)
    assert bits(one.state)["vector"] == bits(plain.state)["vector"]


@pytest.mark.parametrize("batch_size", ["all", 15])
def test_what_a_run_has_come_to_depends_on_no_measure(line, monkeypatch, batch_size):
    monkeypatch.setattr(torch_stepper, "_STEP", ())
    assert OneRun(line, RunConfig("slow", batch_size, lr=0.3)).advance(20)["status"][-1] == Status.RUNNING
    assert OneRun(line, RunConfig("fast", batch_size, lr=50.0)).advance(500)["status"][-1] == Status.DIVERGED
