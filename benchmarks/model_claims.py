"""What we say of the mlp on each clock, counted by the engine over a few seeds and all bundled data."""

import math
from collections.abc import Iterable

import numpy as np

from sim.engine import Engine
from sim.experiment.choices import Clock
from sim.experiment.config import Experiment, Limit
from sim.experiment.problem import ModelConfig
from sim.problems.formula import Floats
from sim.protocol.answers import Advanced, Opened
from sim.protocol.commands import Advance, Open

SEEDS = range(10)
DATASETS = ("digits", "breast-cancer", "wine", "iris", "diabetes")
UPDATES, SECONDS = 100, 3.0
LIKE = 0.1  # losses that differ by less, relatively, are almost alike


def model_rows() -> Iterable[tuple[str, float, tuple[float, float], str]]:
    """The claims: words, share of the seeds, promised share, median losses at the end."""
    for dataset in DATASETS:
        batch, mini_batch, stochastic = ends = _ends(dataset, "updates", Limit("updates", UPDATES))
        alike = np.abs(mini_batch - batch) < LIKE * batch
        lags = stochastic > np.maximum(batch, mini_batch)
        where = f"mlp on {dataset}, {UPDATES} updates:"
        yield f"{where} batch and mini-batch almost alike", alike.mean(), (0.8, 1.0), _medians(ends)
        yield f"{where} stochastic lags", lags.mean(), (0.9, 1.0), ""
        batch, mini_batch, stochastic = ends = _ends(dataset, "examples", Limit("epochs", 1))
        ahead = (stochastic < mini_batch) & (mini_batch < batch)
        yield f"mlp on {dataset}, one epoch: the smaller, the further", ahead.mean(), (0.9, 1.0), _medians(ends)
    batch, mini_batch, stochastic = ends = _ends("synthetic", "seconds", Limit("seconds", SECONDS))
    ahead = mini_batch < np.minimum(batch, stochastic)
    yield f"mlp on 100,000 examples, {SECONDS:g} s each: mini-batch is ahead", ahead.mean(), (1.0, 1.0), _medians(ends)


def _ends(dataset: str, clock: Clock, limit: Limit) -> Floats:
    """The losses over all training examples at the end of the three runs: shape (3, seeds)."""
    ends = np.empty((3, len(SEEDS)))
    for seed in SEEDS:
        engine = Engine()
        config = ModelConfig(dataset=dataset)
        opened = engine.ask(Open(Experiment(config, seed=seed, clock=clock, device="cpu", limit=limit)))
        assert isinstance(opened, Opened), opened
        done = engine.ask(Advance(10**9, math.inf, math.inf))
        assert isinstance(done, Advanced), done
        for run in range(3):
            ends[run, seed] = done.rows["loss"][done.rows["run"] == run][-1]
    return ends


def _medians(ends: Floats) -> str:
    return " ".join(f"{np.median(losses):10.4g}" for losses in ends)
