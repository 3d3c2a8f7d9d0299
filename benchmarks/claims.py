"""Every claim of ours about the descents, counted over seeds.

The engine races each two-parameter problem with its defaults, for as long as twenty seconds last at the problem's own
pace, and the mlp on the bundled data on each clock. Prints one row a claim: the share of the seeds for which it holds,
the share that is promised (the tests assert it against plain loops), and medians of the three runs: the update at which
what is claimed happens, or the loss at the end. Exits with 1 if a promise is broken. It takes some minutes.

    python -m benchmarks.claims [PROBLEM | models ...]
"""

import math
import sys
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from benchmarks.model_claims import model_rows
from benchmarks.promises import CLAIMS, Claim, Race, Trails, in_window, updates_watched
from sim.engine import Engine
from sim.experiment.config import Experiment, default_runs
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.protocol.answers import Advanced
from sim.protocol.commands import Advance, Open

SEEDS = range(20)
"""So many races of each problem; a model takes longer, and gets five."""


def race(name: str, lr: float | None) -> Race:
    """The engine's races of a problem, one for each seed."""
    formula = build_formula(ProblemConfig(name))
    updates = updates_watched(formula)
    runs = tuple(replace(run, lr=lr, loss_every=updates) for run in default_runs())
    points = np.full((3, updates + 1, len(SEEDS), 2), math.nan)  # a run that diverges stops
    for seed in SEEDS:
        engine = Engine()
        engine.ask(Open(Experiment(ProblemConfig(name), runs, seed, device="cpu")))
        answer = engine.ask(Advance(updates, math.inf, math.inf))
        assert isinstance(answer, Advanced), answer
        points[:, 0, seed] = formula.start
        for run, trail in enumerate(answer.plane.trails):
            points[run, trail.updates, seed] = trail.xy
    return Race(formula, *(Trails(formula, trails) for trails in points))


def problem_rows(name: str) -> Iterable[tuple[str, float, tuple[float, float], str]]:
    """A problem's claims: words, share, promised share, medians."""
    claims = [claim for claim in CLAIMS if claim.problem == name]
    races = {lr: race(name, lr) for lr in {None, *(claim.lr for claim in claims)}}
    ends = " ".join(f"{np.median(run.end):10.4g}" for run in races[None].runs)
    yield "(all trails in the window; losses at the end)", in_window(races[None]).mean(), (1.0, 1.0), ends
    for claim in claims:
        yield claim.words, claim.holds(races[claim.lr]).mean(), claim.share, _medians(claim, races[claim.lr])


def _medians(claim: Claim, race: Race) -> str:
    if claim.when is None:
        return ""
    return " ".join(f"{np.median(claim.when(run)):10.0f}" for run in race.runs) + "  updates"


def main() -> int:
    """Print the table; 1 if a promise is broken."""
    broken = 0
    print(f"{'':74}  holds  promised         batch mini-batch stochastic")
    for name in sys.argv[1:] or [*registry(), "models"]:
        if name in registry():
            print(f"{name}: {registry()[name].sentence}")
        for words, share, (least, most), medians in model_rows() if name == "models" else problem_rows(name):
            kept = least <= share <= most
            broken += not kept
            promised = f"{least:.0%}" + ("" if most == 1 else f"-{most:.0%}")
            print(f"{'' if kept else '!':>2} {words:71}  {share:5.0%}  {promised:8}  {medians}", flush=True)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
