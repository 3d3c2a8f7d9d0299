"""Sentences made from numbers: what the race means just now."""

import math
from textwrap import wrap

import numpy as np

from sim.experiment.choices import CLOCKS, Backend, Clock
from sim.protocol.cloud import Cloud, batch_covariance
from sim.protocol.trace import Status
from tui.draw.numbers import count, decimal, duration, quantity
from tui.draw.wide import in_cells
from tui.scene.comparison import leader, lowest, waits
from tui.scene.members import whereabouts
from tui.scene.rest import at_rest
from tui.scene.scene import RunScene, Scene
from tui.scene.wording import NAMED, names, plural, who_goes_on

_LINES = 2  # of the panel
_SAME_TIME = 0.1  # an update more or less
_WORSE_BY = 2.0  # times the loss at the start, or earlier
_WORSE_FOR = 5  # evaluations in a row that each are worse
_TREND = 20  # evaluations, from which on a noisy run shows one
_AS_ROOT = 1.1  # times the root of a batch's size: up to there it is said to be about that
_AS_FAR: dict[Clock, str] = {
    "updates": "made as many updates",
    "examples": "read as many examples",
    "seconds": "computed as long",
}
_COMPUTING: dict[Backend, str] = {"torch": "PyTorch's computing", "compiled": "compiled computing"}
_UNITS: dict[Clock, str] = {"updates": "update", "examples": "example", "seconds": "second"}


def narrate(scene: Scene, width: int) -> str:
    """What the race means at the cursor, for somebody who is learning it: as much as fits lines of a width."""
    runs = [run for run in scene.runs if run.shown]
    if not runs:
        return f"All runs are hidden; {'1 shows it' if len(scene.runs) == 1 else f'1 to {len(scene.runs)} show them'}."
    if scene.cursor == 0:
        single = len(runs) == 1
        begin = f"{runs[0].name} begins" if single else "All runs begin at the same point,"
        space = "Space pauses" if scene.playing else f"Space lets {'it' if single else 'them'} go"
        return f"{begin} at loss {decimal(runs[0].loss)}. {space}, . makes one update."
    if stopped := [run for run in runs if run.status is Status.DIVERGED]:
        return _diverged(min(stopped, key=lambda run: int(run.seen[-1]["moment"])), runs)
    if failed := [run for run in runs if run.status is Status.FAILED]:
        going = [run for run in runs if not run.status.stopped]
        rest = who_goes_on(going) if going else "press i for the reason"
        return f"{names(failed)} could not go on; {rest}."
    if worse := [run for run in runs if _is_getting_worse(run)]:
        return _worse(max(worse, key=lambda run: run.loss))
    if where := _where_seeds_went(scene, runs):
        return next((words for words in where if _fits(words, width)), where[-1])
    if possible := _possible(scene):
        return next((words for words in possible if _fits(words, width)), possible[-1])
    if resting := at_rest(scene, runs):
        return next((words for words in resting if _fits(words, width)), resting[-1])
    effort = _effort(scene, runs)
    tails = [*_waiting(scene, runs), *_ahead(scene, runs), *_standings(scene, runs)]
    sentences = [f"{effort} {tail}" for tail in tails]
    return next((words for words in sentences if _fits(words, width)), effort)


def _fits(words: str, width: int) -> bool:
    return len(wrap(in_cells(words), width, break_on_hyphens=False)) <= _LINES


def what_goes_wrong(scene: Scene) -> list[str]:
    """A sentence about each run that diverged or is getting worse, and why."""
    runs = list(scene.runs)
    diverged = [_diverged(run, runs) for run in runs if run.status is Status.DIVERGED]
    worse = [_worse(run) for run in runs if not run.status.stopped and _is_getting_worse(run)]
    return [*dict.fromkeys(diverged), *worse]


# -- what went wrong --------------------------------------------------------------------------------------------------


def _diverged(run: RunScene, runs: list[RunScene]) -> str:
    if not math.isfinite(float(run.recorded[0]["loss"])):
        return "Where all runs begin the loss is no finite number; look at the start, the data and the loss."
    sentence = f"{run.name} diverged at update {count(run.update)}: {_cause(run, runs)}"
    going = [other for other in runs if not other.status.stopped]
    if not going:
        return f"{sentence}. Try a lower --lr."
    return f"{sentence}; {who_goes_on(going)}."


def _cause(run: RunScene, runs: list[RunScene]) -> str:
    """What can be said of why a run diverged: its rate in use, unless others bear the same one, or it had no say."""
    last, before = run.seen[-1], run.seen[max(0, len(run.seen) - 2)]
    if math.isnan(float(last["grad_norm"])) and abs(float(last["batch_loss"])) <= abs(float(before["batch_loss"])):
        return "a gradient was no number (0/0, say)"
    if math.isnan(float(last["batch_loss"])) and not abs(before["batch_loss"]) > abs(run.recorded[0]["loss"]):
        return "all at once its loss was no number (0/0, say, or after too large a step)"
    rate, config = run.values["lr"], run.config
    calm = [other for other in runs if not other.status.stopped]
    same = [other for other in calm if other.config.batch_size == config.batch_size and other.values["lr"] >= rate]
    if config.momentum and any(other.config.momentum < config.momentum for other in same):
        return f"a momentum of {config.momentum:g} is too much for a rate of {rate:.4g}"
    with_momentum = f" with a momentum of {config.momentum:g}" if config.momentum else ""
    size = "even for all examples at once" if config.full_batch else f"for batches of {count(config.batch_size)}"
    return f"a rate of {rate:.4g}{with_momentum} is too high {size}"


def _is_getting_worse(run: RunScene) -> bool:
    """Whether its loss is well above where it began, and goes on growing, be it with ups and downs."""
    losses = run.recorded["loss"][run.evaluations]
    losses = losses[run.recorded["update"][run.evaluations] <= run.update]
    if not len(losses):
        return False
    high = _WORSE_BY * abs(float(losses[0]))
    if not losses[-1] > high > 0:
        return False
    newest, middle = losses[-_WORSE_FOR:], len(losses) // 2
    if len(newest) == _WORSE_FOR and (np.diff(newest) > 0).all():
        return True
    before, since = losses[:middle], losses[middle:]
    return len(losses) >= _TREND and bool(since.min() > high and np.median(since) > _WORSE_BY * np.median(before))


def _worse(run: RunScene) -> str:
    times = quantity(run.loss / abs(float(run.recorded[0]["loss"])))
    return (
        f"{run.name} is getting worse and worse: its loss is {times} times that at the start. "
        f"A rate of {run.values['lr']:.4g} is too high for it."
    )


# -- many seeds -------------------------------------------------------------------------------------------------------


def _where_seeds_went(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Where the seeds of the runs went, of all of them or of the selected one; nothing where there is no choice."""
    each = {
        run.index: f"{run.name}: {where}"
        for run in runs
        if run.members and (where := whereabouts(scene.card, run.members))
    }
    if not each:
        return []
    selected = each.get(scene.selected, next(iter(each.values())))
    return [". ".join(each.values()) + ".", f"{selected}."]


# -- what it means ----------------------------------------------------------------------------------------------------


def _waiting(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Who stands because others are behind on the clock, and for whom."""
    waiting = [run for run in runs if waits(scene, run)]
    going = [run for run in runs if not run.status.stopped and run not in waiting]
    if not waiting or not going:
        return []
    wait, has = "waits" if len(waiting) == 1 else "wait", "has" if len(going) == 1 else "have"
    others = names(going) if len(going) <= NAMED else f"{len(going)} others"
    return [f"{names(waiting)} {wait} until {others} {has} {_AS_FAR[scene.clock]}."]


def _possible(scene: Scene) -> list[str]:
    """What the cloud says of the selected run's noise and its price, while paused: the fullest words first."""
    imagined = scene.imagined
    if scene.playing or imagined is None or imagined.cloud is None:
        return []
    run, cloud = scene.run(imagined.run), imagined.cloud
    if not run.shown or (run.update != imagined.update and not scene.source):
        return []
    if not cloud.steps.any():  # no example leads anywhere, as on a plateau
        return []
    sentences = _noise(run, cloud)
    if run.update == imagined.update:
        return sentences
    when = f"This cloud is of update {count(imagined.update)}, the last one recorded before this"
    return [*(f"{sentence} {when}." for sentence in sentences), f"{when}."]


def _noise(run: RunScene, cloud: Cloud) -> list[str]:
    """What a cloud says of a run's noise and its price."""
    name, cost = run.name, f"{plural(cloud.batch_size, 'gradient')} an update"
    if cloud.batch_size == cloud.total:
        still = f"the mean of all {count(cloud.total)} examples: no noise, for {cost}."
        return [f"{name} always goes to the middle of its cloud, {still}", f"{name} goes to {still}"]
    if cloud.batch_size == 1:
        jumps = f"It could have been any dot of its cloud, so it jumps; it costs {cost}."
        return [f"{name} goes where one example leads{_led(run)}. {jumps}", f"{name} follows one example. {jumps}"]
    alone = f"have led {name} anywhere in its cloud" if cloud.plain else f"point anywhere in the cloud of {name}"
    strays = f"the mean of {count(cloud.batch_size)} strays {_how_much_less(cloud)}"
    return [
        f"One example alone could {alone}; {strays}, and costs {cost}.",
        f"One example could lead anywhere; {strays}, for {cost}.",
    ]


def _led(run: RunScene) -> str:
    """Which example led a run, and how far off the way of all examples."""
    report = run.report if run.reported else None
    if report is None or report.vanishes or math.isnan(angle := report.measures["angle"]):
        return ""
    which = f"#{report.indices[0]}: " if report.indices else ""
    return f", here {which}{angle:.0f}° off the way of all"


def _how_much_less(cloud: Cloud) -> str:
    """By how much less a batch strays than one example: by the root of its size, where few of all are in it."""
    root = math.sqrt(cloud.batch_size)
    variance = batch_covariance(np.eye(2), cloud.batch_size, cloud.total, replacement=cloud.replacement)[0, 0]
    less = 1 / math.sqrt(variance)
    return (
        f"about √{count(cloud.batch_size)} = {root:.1f} times less"
        if less < _AS_ROOT * root
        else f"{less:.1f} times less"
    )


def _ahead(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Who leads, and on which clock it would be another; nothing where the table, further on, has a lower loss."""
    first = leader(runs, scene.clock)
    if first is None or any(run.loss < first.loss for run in runs):
        return []
    others = {clock: leader(runs, clock) for clock in CLOCKS if clock != scene.clock}
    lead = f"{first.name} is ahead, at loss {decimal(first.loss)}"
    return [
        f"{lead}; per {_UNITS[clock]} it would be {other.name}."
        for clock, other in others.items()
        if other is not None and other is not first
    ][:1]


def _effort(scene: Scene, runs: list[RunScene]) -> str:
    """What the same amount on the clock bought each of the two runs that differ most."""
    most = max(runs, key=lambda run: run.config.batch_size)
    least = min(runs, key=lambda run: run.config.batch_size)
    read, made = plural(most.examples, "example"), plural(least.update, "update")
    if most.config.batch_size == least.config.batch_size:
        return f"{most.name} has read {read} in {plural(most.update, 'update')}."
    if scene.clock == "updates" and most.update == least.update:
        same = "1 update each" if least.update == 1 else f"the same {made}"
        return f"After {same}, {most.name} has read {read}, {least.name} {count(least.examples)}."
    if scene.clock == "examples" and most.examples <= least.examples:
        shared = plural(least.examples, "example")
        return f"After {shared}, {least.name} has made {made}, {most.name} {count(most.update)}."
    if scene.clock == "seconds" and math.isclose(most.seconds, least.seconds, rel_tol=_SAME_TIME):
        shared = duration(min(most.seconds, least.seconds))
        rates = f"{_read_a_second(most)} examples/s against {_read_a_second(least)}"
        made = f"{most.name} has made {plural(most.update, 'update')}, {least.name} {count(least.update)}"
        return f"In {shared} of {_COMPUTING[scene.experiment.backend]} each, {made} ({rates})."
    if scene.clock == "seconds" and most.update and least.update:
        computing = _COMPUTING[scene.experiment.backend]
        return f"Per second of {computing}, {_rates(most)}, {_rates(least)}."
    return f"{most.name} has read {read}, {least.name} {count(least.examples)} in {made}."


def _read_a_second(run: RunScene) -> str:
    return quantity(run.values["examples_per_second"])


def _rates(run: RunScene) -> str:
    made = quantity(run.values["updates_per_second"])
    return f"{run.name} reads {_read_a_second(run)} examples in {made} updates"


def _standings(scene: Scene, runs: list[RunScene]) -> list[str]:
    """Who is lowest, and by how much; who predicts most test examples correctly: from the fullest words to the
    shortest.

    Only runs that were evaluated on their way count.
    """
    ranked = [run for run in runs if math.isfinite(run.loss) and run.loss_update > 0]
    ranked.sort(key=lambda run: run.loss)
    if len(ranked) < 2:
        return []
    best, worst = lowest(ranked), ranked[-1]
    if math.isclose(best[0].loss, worst.loss, rel_tol=1e-3):
        return [f"All are at loss {decimal(best[0].loss)}."]
    low = f"Lowest loss: {names(best)}, {decimal(best[0].loss)}"
    most = max((run.values["test_accuracy"] for run in ranked), default=math.nan)
    if scene.tests and math.isfinite(most):
        leaders = [run.name for run in ranked if run.values["test_accuracy"] == most]
        share = f"{' and '.join(leaders) if len(leaders) < len(ranked) else 'all alike'}, {100 * most:.1f}%"
        return [f"{low}; most test examples right: {share}.", f"{low}; best on tests: {share}.", f"{low}."]
    return [
        f"Lowest now: {names(best)} at {decimal(best[0].loss)}; highest: {worst.name} at {decimal(worst.loss)}.",
        f"{low}.",
    ]
