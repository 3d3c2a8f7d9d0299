"""What the sentences about the two-parameter problems promise, as questions to the races that were run.

A race is run with a problem's defaults for as long as twenty seconds last at the problem's own pace: what somebody sees
who starts it and watches. `claims.py` puts the questions to races of the engine, the tests to those of a plain loop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.problems.curvature import gradient, kind_of_point, losses
from sim.problems.formula import Floats, Formula

SECONDS = 20
RIGHT_FIT, OFF_PLATEAU = 0.25, 1.1  # losses: of sine (its wrong fits are above 0.5), and of neuron (2.1 on the plateau)

Bools = NDArray[np.bool_]


def updates_watched(formula: Formula) -> int:
    """How many updates each run makes while somebody watches."""
    return round(SECONDS * formula.pace["updates"])


@dataclass(frozen=True)
class Trails:
    """Where the runs of one batch size went.

    Attributes:
        formula: their problem.
        points: after 0, 1, ... updates: shape (updates + 1, seeds, 2).
    """

    formula: Formula
    points: Floats

    def losses(self, which: slice = slice(None)) -> Floats:
        """Over all examples, after some of the updates (all): shape (those updates, seeds)."""
        a, b = np.moveaxis(self.points[which], -1, 0)
        return np.asarray(losses(self.formula, (a[..., None], b[..., None])).mean(axis=-1))

    @property
    def end(self) -> Floats:
        """The losses at the end, shape (seeds,)."""
        return self.losses(slice(-1, None))[0]

    def steps(self, last: int) -> Floats:
        """How far each of the last updates went: shape (last, seeds)."""
        return np.asarray(np.linalg.norm(np.diff(self.points[-last - 1 :], axis=0), axis=-1))

    def nearest_minimum(self) -> NDArray[np.int64]:
        """Which of the known minima they end nearest to, shape (seeds,)."""
        away = self.points[-1][:, None] - np.array(self.formula.minima)
        return np.asarray(np.linalg.norm(away, axis=-1).argmin(axis=-1))

    def holes(self) -> Floats:
        """Of rastrigin: the middles of the holes that they are in after each update, shape (updates + 1, seeds, 2)."""
        return np.round(self.points)


@dataclass(frozen=True)
class Race:
    """The three runs of a problem, each with many seeds."""

    formula: Formula
    batch: Trails
    mini_batch: Trails
    stochastic: Trails

    @property
    def runs(self) -> tuple[Trails, Trails, Trails]:
        """All three."""
        return self.batch, self.mini_batch, self.stochastic


def first(when: Bools) -> Floats:
    """The first update at which something holds, of shape (updates + 1, seeds), for each seed; infinite: never."""
    return np.where(when.any(axis=0), when.argmax(axis=0), math.inf)


def off_the_ridge(trails: Trails) -> Floats:
    """The update at which a run on the saddle is visibly off the ridge, for each seed."""
    return first(np.abs(trails.points[..., 1]) > 0.5)


def off_the_plateau(trails: Trails) -> Floats:
    """The update at which a neuron is off its plateau, for each seed."""
    return first(trails.losses() < OFF_PLATEAU)


def right_fit(trails: Trails) -> Floats:
    """The update at which a wave first fits, for each seed."""
    return first(trails.losses() < RIGHT_FIT)


def in_deeper_hole(trails: Trails) -> Floats:
    """The update at which a run is first in a hole of the egg box deeper than that it began in, for each seed."""
    return first((trails.holes() ** 2).sum(axis=-1) < 8)


@dataclass(frozen=True)
class Claim:
    """One thing that a sentence promises.

    Attributes:
        problem: whose sentence.
        words: what it says.
        holds: for each seed, whether it does.
        share: of the seeds it is promised for, at least and at most.
        when: an update of each seed that shows more, for any of the runs; None: the losses at the end are shown.
        lr: the rate of the race, where it is not the default one.
    """

    problem: str
    words: str
    holds: Callable[[Race], Bools]
    share: tuple[float, float] = (1.0, 1.0)
    when: Callable[[Trails], Floats] | None = None
    lr: float | None = None


def in_window(race: Race) -> Bools:
    """Whether all three trails stay in the window."""
    left, right, bottom, top = race.formula.window
    inside = True
    for run in race.runs:
        x, y = np.moveaxis(run.points, -1, 0)
        inside = inside & ((left < x) & (x < right) & (bottom < y) & (y < top)).all(axis=0)
    return np.asarray(inside)


def _comes_to_rest(race: Race) -> Bools:
    return race.batch.steps(20).max(axis=0) < 1e-3


def _never_rests(race: Race) -> Bools:
    return (race.mini_batch.steps(20).max(axis=0) > 0.01) & (race.stochastic.steps(20).max(axis=0) > 0.1)


def _further_on_fewer_examples(race: Race) -> Bools:
    """When all have read as many examples as stochastic descent at its end, batch descent has not made an update."""
    read = len(race.stochastic.points) - 1
    mini_batch = race.mini_batch.losses(slice(read // 32, read // 32 + 1))[0]
    return (race.stochastic.end < mini_batch) & (mini_batch < race.batch.losses(slice(1))[0])


def _lags(race: Race) -> Bools:
    return race.stochastic.end > np.maximum(race.batch.end, race.mini_batch.end)


def _settles(race: Race) -> Bools:
    least = losses(race.formula, race.formula.minima[0]).mean()
    return race.batch.end < 1.01 * least


def _thrown_back(race: Race) -> Bools:
    """Stochastic descent gets to ten times the loss at the start."""
    return race.stochastic.losses().max(axis=0) > 10 * race.stochastic.losses(slice(1))[0]


def _nobody_rests(race: Race) -> Bools:
    gone = [~(np.abs(run.points[-1]) < 1e3).all(axis=-1) for run in race.runs]  # what overflowed is no number
    return np.logical_and.reduce(np.broadcast_arrays(*gone))


def _down_to_the_minimum(race: Race) -> Bools:
    least = losses(race.formula, race.formula.minima[0]).mean()
    return (race.batch.end < 1.01 * least) & (race.mini_batch.end < 1.01 * least) & (race.stochastic.end < 1.3 * least)


def _stuck(race: Race) -> Bools:
    return np.isinf(right_fit(race.batch)) & np.isinf(right_fit(race.mini_batch))


def _into_the_saddle(race: Race) -> Bools:
    return (race.batch.points[..., 1] == 0).all(axis=0) & (race.batch.steps(20).max(axis=0) < 1e-6)


def _falls_off(race: Race) -> Bools:
    return (race.mini_batch.end < 0.05) & (race.stochastic.end < 0.05)


def _on_a_plateau(race: Race) -> Bools:
    """For half the time until batch descent leaves it."""
    half = int(off_the_plateau(race.batch).min()) // 2
    return np.array([kind_of_point(race.formula, point) == "plateau" for point in race.batch.points[half]])


def _quickly_in(race: Race) -> Bools:
    """In a hundredth of the time it is down by five sixths, but it takes a fifth of it to come down as far again."""
    fallen = race.batch.losses()
    soon = len(fallen) // 100
    return (first(fallen < fallen[0] / 5) < soon) & (first(fallen < fallen[0] / 25) > 20 * soon)


def _the_noisier_the_higher(race: Race) -> Bools:
    return (race.batch.end < race.mini_batch.end) & (race.mini_batch.end < race.stochastic.end)


def _walls_bear_no_more(race: Race) -> Bools:
    """At four times the rate, all examples together leave for good."""
    point, formula = np.array(race.formula.start), race.formula
    with np.errstate(all="ignore"):
        for _ in range(20):
            point = point - 4 * formula.lr * gradient(formula, point)
    return np.array([not np.isfinite(point).all()])


def _crawls(race: Race) -> Bools:
    """After a tenth of the time it is down by 99%, and still has a quarter of the way to go."""
    trails, tenth = race.batch, len(race.batch.points) // 10
    way = np.linalg.norm(trails.points - np.array(race.formula.minima[0]), axis=-1)
    return (trails.losses()[tenth] < 0.01 * trails.losses()[0]) & (way[tenth] > 0.25 * way[0])


def _too_noisy(race: Race) -> Bools:
    return race.stochastic.end > 3 * np.maximum(race.batch.end, race.mini_batch.end)


def _deeper_and_stays(race: Race) -> Bools:
    holes = race.mini_batch.holes()
    last = holes[-len(holes) // 20 :]
    stays = (last == last[-1]).all(axis=-1).mean(axis=0) > 0.9
    return np.asarray(stays & ((last[-1] ** 2).sum(axis=-1) < 8))


def _roams(race: Race) -> Bools:
    holes = race.stochastic.holes()
    visited = [len(np.unique(holes[:, seed], axis=0)) for seed in range(holes.shape[1])]
    return (holes == 0).all(axis=-1).any(axis=0) & (np.array(visited) > 9)


CLAIMS = (
    Claim("linear", "batch descent comes to rest", _comes_to_rest),
    Claim("linear", "noise never does", _never_rests),
    Claim("linear", "(per example, within an epoch: the smaller, the further)", _further_on_fewer_examples, (0.85, 1)),
    Claim("linear", "(per update: stochastic descent lags)", _lags, (0.8, 1)),
    Claim("linear", "(--lr 0.8: batch descent still comes to rest)", _settles, lr=0.8),
    Claim("linear", "(--lr 0.8: single examples throw it far back)", _thrown_back, lr=0.8),
    Claim("linear", "(--lr 1: nobody does)", _nobody_rests, lr=1.0),
    Claim("logistic", "all descents come down to its one minimum", _down_to_the_minimum, (0.9, 1)),
    Claim("sine", "batch and mini-batch descent are stuck", _stuck, when=right_fit),
    Claim("sine", "a stochastic one shakes itself loose", lambda race: race.stochastic.end < RIGHT_FIT, (0.95, 1)),
    Claim("saddle", "batch descent walks the ridge into it and stays", _into_the_saddle),
    Claim("saddle", "noise falls off", _falls_off, (0.95, 1), off_the_ridge),
    Claim("saddle", "either side (stochastic)", lambda race: race.stochastic.points[-1, :, 1] > 0, (0.2, 0.8)),
    Claim("saddle", "either side (mini-batch)", lambda race: race.mini_batch.points[-1, :, 1] > 0, (0.2, 0.8)),
    Claim(
        "saddle",
        "stochastic descent first, mini-batch later",
        lambda race: off_the_ridge(race.stochastic) < off_the_ridge(race.mini_batch),
        (0.95, 1),
        off_the_ridge,
    ),
    Claim("neuron", "a plateau where the gradient is almost nothing", _on_a_plateau),
    Claim(
        "neuron",
        "stochastic descent leaves it first",
        lambda race: off_the_plateau(race.stochastic) < off_the_plateau(race.mini_batch),
        (0.9, 1),
        off_the_plateau,
    ),
    Claim(
        "neuron",
        "mini-batch later, batch last",
        lambda race: off_the_plateau(race.mini_batch) < off_the_plateau(race.batch),
        (0.95, 1),
        off_the_plateau,
    ),
    Claim("neuron", "(all within the time)", lambda race: race.batch.end < OFF_PLATEAU),
    Claim("rosenbrock", "getting into it is quick, getting along it is not", _quickly_in),
    Claim("rosenbrock", "the noisier a descent, the higher it ends", _the_noisier_the_higher, (0.85, 1)),
    Claim("himmelblau", "batch descent always finds the same", lambda race: race.batch.nearest_minimum() == 1),
    Claim(
        "himmelblau",
        "for mini-batches noise decides (as batch descent)",
        lambda race: race.mini_batch.nearest_minimum() == race.batch.nearest_minimum(),
        (0.2, 0.8),
    ),
    Claim(
        "himmelblau",
        "for stochastic descent, too (as batch descent)",
        lambda race: race.stochastic.nearest_minimum() == race.batch.nearest_minimum(),
        (0.2, 0.8),
    ),
    Claim("beale", "the walls bear no more", _walls_bear_no_more),
    Claim("beale", "a crawl on the floor", _crawls),
    Claim("beale", "the noise of single examples is too much for it", _too_noisy, (0.9, 1)),
    Claim(
        "rastrigin", "batch descent is caught in the nearest hole", lambda race: np.isinf(in_deeper_hole(race.batch))
    ),
    Claim("rastrigin", "a mini-batch gets to a deeper one and stays", _deeper_and_stays, (0.9, 1), in_deeper_hole),
    Claim("rastrigin", "stochastic descent roams about them all", _roams),
)
