"""Sentences made from numbers: what the race means just now."""

import math
from textwrap import wrap

from sim.protocol.trace import Status
from tui.draw.numbers import count, decimal, duration, quantity
from tui.scene.scene import RunScene, Scene

_LINES = 2  # of the panel
_SAME_TIME = 0.1  # an update more or less


def narrate(scene: Scene, width: int) -> str:
    """What the race means at the cursor, for somebody who is learning it: as much as fits lines of a width."""
    runs = [run for run in scene.runs if run.shown] or list(scene.runs)
    if scene.cursor == 0:
        loss = decimal(runs[0].loss)
        return f"All runs begin at the same point, at loss {loss}. Space lets them go, . makes one update."
    if stopped := [run for run in runs if run.status is Status.DIVERGED]:
        return _diverged(min(stopped, key=lambda run: int(run.seen[-1]["moment"])), runs)
    if failed := [run for run in runs if run.status is Status.FAILED]:
        others = "the others do" if any(not run.status.stopped for run in runs) else "press i for the reason"
        return f"{_name(failed[0])} could not go on; {others}."
    effort = _effort(scene, runs)
    told = [f"{effort} {standing}" for standing in _standings(scene, runs)]
    return next((words for words in told if len(wrap(words, width, break_on_hyphens=False)) <= _LINES), effort)


def _name(run: RunScene) -> str:
    return run.config.name


def _diverged(run: RunScene, runs: list[RunScene]) -> str:
    if not math.isfinite(float(run.recorded[0]["loss"])):
        return "Where all runs begin the loss is no finite number; look at the data and at the loss."
    sentence = f"{_name(run)} diverged at update {count(run.update)}: a rate of {run.config.lr:.4g} is too high"
    smaller = [other for other in runs if other is not run and not other.status.stopped]
    size = run.config.batch_size
    calm = " even for all examples at once" if run.config.full_batch else f" for batches of {count(size)}"
    return f"{sentence}{calm}; {_name(smaller[0])} goes on." if smaller else f"{sentence}{calm}. Try a lower --lr."


def _effort(scene: Scene, runs: list[RunScene]) -> str:
    """What the same amount on the clock bought each of the two runs that differ most."""
    most = max(runs, key=lambda run: run.config.batch_size)
    least = min(runs, key=lambda run: run.config.batch_size)
    read, made = _plural(most.examples, "example"), _plural(least.update, "update")
    if most.config.batch_size == least.config.batch_size:
        return f"{_name(most)} has read {read} in {_plural(most.update, 'update')}."
    if scene.clock == "updates" and most.update == least.update:
        return f"After the same {made}, {_name(most)} has read {read}, {_name(least)} {count(least.examples)}."
    if scene.clock == "examples" and most.examples <= least.examples:
        shared = _plural(least.examples, "example")
        return f"After {shared}, {_name(least)} has made {made}, {_name(most)} {count(most.update)}."
    if scene.clock == "seconds" and math.isclose(most.seconds, least.seconds, rel_tol=_SAME_TIME):
        shared = duration(min(most.seconds, least.seconds))
        rates = f"{_read_a_second(most)} examples/s against {_read_a_second(least)}"
        made = f"{_name(most)} has made {_plural(most.update, 'update')}, {_name(least)} {count(least.update)}"
        return f"In {shared} of computing each, {made} ({rates})."
    if scene.clock == "seconds" and most.update and least.update:
        return f"Per second of computing, {_rates(most)}, {_rates(least)}."
    return f"{_name(most)} has read {read}, {_name(least)} {count(least.examples)} in {made}."


def _read_a_second(run: RunScene) -> str:
    return quantity(run.values["examples_per_second"])


def _rates(run: RunScene) -> str:
    made = quantity(run.values["updates_per_second"])
    return f"{_name(run)} reads {_read_a_second(run)} examples in {made} updates"


def _standings(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Who is lowest, and by how much; who tells most test examples right: from the most telling words to the shortest.

    Only runs that were evaluated on their way count.
    """
    placed = [run for run in runs if math.isfinite(run.loss) and run.loss_update > 0]
    placed.sort(key=lambda run: run.loss)
    if len(placed) < 2:
        return []
    best, worst = placed[0], placed[-1]
    if math.isclose(best.loss, worst.loss, rel_tol=1e-3):
        return [f"All are at loss {decimal(best.loss)}."]
    lowest = f"Lowest loss: {_name(best)}, {decimal(best.loss)}"
    most = max((run.values["test_accuracy"] for run in placed), default=math.nan)
    if scene.tests and math.isfinite(most):
        told = [_name(run) for run in placed if run.values["test_accuracy"] == most]
        share = f"{' and '.join(told) if len(told) < len(placed) else 'all alike'}, {100 * most:.1f}%"
        return [f"{lowest}; most test examples right: {share}.", f"{lowest}; best on tests: {share}.", f"{lowest}."]
    return [
        f"Lowest now: {_name(best)} at {decimal(best.loss)}; highest: {_name(worst)} at {decimal(worst.loss)}.",
        f"{lowest}.",
    ]


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}" + ("" if number == 1 else "s")
