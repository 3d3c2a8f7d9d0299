"""What noise does to a descent on each non-convex problem, with the default seed, rate and start."""

import torch
from torch import Tensor

from sim.experiment.config import ProblemConfig
from sim.problems import build_formula
from sim.problems.formula import Formula
from tests.sim.problems.oracle import descend, mean_loss, place


def default(name: str) -> Formula:
    return build_formula(ProblemConfig(name))


def losses(formula: Formula, batch_size: int, updates: int) -> Tensor:
    """The loss over all examples after 0, 1, ... updates."""
    return torch.vmap(lambda at: mean_loss(formula, at))(descend(formula, batch_size, updates))


def test_only_stochastic_descent_leaves_the_wrong_wave() -> None:
    sine = default("sine")
    for batch_size in (sine.examples, 32):
        stuck = losses(sine, batch_size, 300)
        assert stuck.min() > 0.82
        assert stuck[-1] < 0.85
    assert losses(sine, 1, 300)[-1] < 0.1


def test_noise_falls_off_the_ridge_that_batch_descent_is_stuck_on() -> None:
    saddle = default("saddle")
    assert abs(losses(saddle, saddle.examples, 600)[-1] - 1) < 1e-3
    for batch_size in (32, 1):
        assert losses(saddle, batch_size, 300)[-1] < 0.05


def test_stochastic_descent_leaves_the_plateau_first() -> None:
    neuron = default("neuron")
    for batch_size in (neuron.examples, 32):
        assert losses(neuron, batch_size, 1500)[-1] > 1.8
    assert losses(neuron, 1, 1500)[-1] < 0.4


def test_the_three_descents_end_in_three_of_himmelblaus_valleys() -> None:
    himmelblau = default("himmelblau")
    minima = torch.stack([place(minimum) for minimum in himmelblau.minima])
    valleys = set()
    for batch_size in (himmelblau.examples, 32, 1):
        distances = torch.linalg.vector_norm(minima - descend(himmelblau, batch_size, 150)[-1], dim=1)
        assert distances.min() < 0.3
        valleys.add(int(distances.argmin()))
    assert len(valleys) == 3


def test_noise_climbs_out_of_rastrigins_holes() -> None:
    rastrigin = default("rastrigin")
    for batch_size in (rastrigin.examples, 32):
        assert losses(rastrigin, batch_size, 300).min() > 7.9
    assert losses(rastrigin, 1, 600).min() < 3
