"""Sentences about runs that have come to rest, and about what rest is."""

from sim.problems.curvature import Kind
from sim.protocol.trace import Status
from tui.scene.comparison import waits
from tui.scene.scene import RunScene, Scene
from tui.scene.wording import names, who_goes_on

_RESTS: dict[Kind | None, str] = {
    "saddle": "at a saddle: the gradients of all examples add up to zero there, and only noise leads away",
    "local minimum": "in a local minimum: the gradients of all examples add up to zero there, and only noise leads out",
    "plateau": "on a plateau: the gradient is next to nothing there, and so is every step",
    "minimum": "at a minimum: there the gradients of all examples add up to zero",
}
"""What is said of runs with next to no gradient, by where they stand; of several kinds the first one."""


def at_rest(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Where runs have come to rest, and who goes on nevertheless: the fullest words first."""
    resting = [run for run in runs if run.status is Status.CONVERGED and run.members is None and not waits(scene, run)]
    kinds = {run.kind for run in resting}
    kind = next((kind for kind in _RESTS if kind in kinds), None)
    if kind is None:
        return []
    there = [run for run in resting if run.kind == kind]
    words = f"{names(there)} {'rests' if len(there) == 1 else 'rest'} {_RESTS[kind]}"
    going = [run for run in runs if not run.status.stopped and run not in resting and not run.config.full_batch]
    if kind != "minimum" or not going:
        return [f"{words}."]
    go_on = f"so {who_goes_on(going)}"
    return [f"{words}. Those of a part of them do not, {go_on}.", f"{words}; those of a part do not, {go_on}."]
